"""Looks done together: each gets its own answer, a batch's error is its own, and nobody is left waiting."""

import asyncio
from collections.abc import Sequence

import pytest

from libs.runtime.together import Together


class Shelf:
    """Counts how it was looked at; a look ends when it is let."""

    def __init__(self) -> None:
        self.looks: list[list[int]] = []
        self.is_looked_at, self.may_end = asyncio.Event(), asyncio.Event()

    async def look(self, keys: Sequence[int]) -> list[str]:
        self.looks.append(list(keys))
        self.is_looked_at.set()
        await self.may_end.wait()
        if 13 in keys:
            raise ValueError("thirteen")
        return [f"book {key}" for key in keys]


async def gathered(shelf: Shelf, books: Together[int, str], keys: Sequence[int]) -> list[str | BaseException]:
    tasks = [asyncio.ensure_future(books.one(key)) for key in keys[:1]]
    await shelf.is_looked_at.wait()
    tasks += [asyncio.ensure_future(books.one(key)) for key in keys[1:]]
    await asyncio.sleep(0)
    shelf.may_end.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_comes_while_a_look_is_under_way_is_one_look() -> None:
    shelf = Shelf()
    books = Together(shelf.look, most=3)
    assert await gathered(shelf, books, range(6)) == [f"book {number}" for number in range(6)]
    assert shelf.looks == [[0], [1, 2, 3], [4, 5]]


async def test_an_error_is_that_of_its_batch_alone() -> None:
    shelf = Shelf()
    books = Together(shelf.look, most=2)
    first, unlucky, beside, last = await gathered(shelf, books, [1, 13, 2, 3])
    assert (first, last) == ("book 1", "book 3")
    assert isinstance(unlucky, ValueError)
    assert isinstance(beside, ValueError)


async def test_who_gave_up_is_not_looked_for_and_the_others_are() -> None:
    shelf = Shelf()
    books = Together(shelf.look)
    first = asyncio.ensure_future(books.one(1))
    await shelf.is_looked_at.wait()
    second, third = asyncio.ensure_future(books.one(2)), asyncio.ensure_future(books.one(3))
    await asyncio.sleep(0)
    second.cancel()
    shelf.may_end.set()
    assert (await first, await third) == ("book 1", "book 3")
    assert shelf.looks == [[1], [3]]
    with pytest.raises(asyncio.CancelledError):
        await second
