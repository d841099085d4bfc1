"""Owns fetching what somebody else has: one GET, for a body of bounded size."""

from http import HTTPStatus

import aiohttp

from libs.outgoing.addresses import Forbidden
from libs.outgoing.client import Outgoing, _forbidden


class NotFetched(Exception):
    """There is nothing to be had; the message says why in few words, and names no address."""


class Fetching(Outgoing):
    """The client of such requests."""

    async def get(self, url: str, *, most: int) -> bytes:
        """The body of the answer, which must be 200 and at most `most` bytes; raises NotFetched."""
        try:
            scheme = self._judge.require_url(url).scheme
            async with self._session(scheme) as session, session.get(url, allow_redirects=False) as answer:
                return await _whole(answer, most)
        except Forbidden as error:
            raise NotFetched(str(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise NotFetched(str(_forbidden(error) or type(error).__name__)) from error


async def _whole(answer: aiohttp.ClientResponse, most: int) -> bytes:
    if answer.status != HTTPStatus.OK:
        raise NotFetched(f"the answer's status is {answer.status}")
    received = bytearray()
    async for part in answer.content.iter_chunked(16384):
        received += part
        if len(received) > most:
            raise NotFetched("the answer is too large")
    return bytes(received)
