"""Read models with one row per key, applied many events at a time: read the rows, fold in memory, write what differs.

Two statements for a batch, however many events it holds. A row is a msgspec structure whose fields are the table's
columns; its first field is the key.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from libs.eventstore.envelope import Envelope
from libs.eventstore.following import ApplyMany, Happened
from libs.postgres import Connection

R = TypeVar("R", bound=msgspec.Struct)

After = Callable[[R | None, Envelope, Any], R | None]
"""The row after an event, which may have come before; `None` where there is none. Total, never raises."""


def folding(row: type[R], key_of: Callable[[Envelope, Any], str], after: After[R]) -> ApplyMany:
    """Applies events to the rows they concern; `key_of` says which one."""
    key, *columns = row.__struct_fields__

    async def apply(rows: Connection, table: str, happened: Sequence[Happened]) -> None:
        keys = [key_of(*each) for each in happened]
        found = await rows.fetch(
            f"SELECT to_jsonb(t) AS row FROM {table} t WHERE {key} = ANY ($1) FOR UPDATE",  # noqa: S608
            list(dict.fromkeys(keys)),
        )
        old = {getattr(each, key): each for each in (msgspec.json.decode(one["row"], type=row) for one in found)}
        new: dict[str, R | None] = dict(old)
        for name, each in zip(keys, happened, strict=True):
            new[name] = after(new.get(name), *each)
        await _write(rows, table, key, columns, [each for name, each in new.items() if each and each != old.get(name)])
        await _delete(rows, table, key, [name for name in old if new[name] is None])

    return apply


async def _write(
    rows: Connection, table: str, key: str, columns: Sequence[str], changed: Sequence[msgspec.Struct]
) -> None:
    if not changed:
        return
    names, values = ", ".join(columns), ", ".join(f"excluded.{column}" for column in columns)
    await rows.execute(
        f"INSERT INTO {table} ({key}, {names}) "  # noqa: S608
        f"SELECT {key}, {names} FROM jsonb_populate_recordset(NULL::{table}, $1) "
        f"ON CONFLICT ({key}) DO UPDATE SET ({names}) = ROW({values})",
        msgspec.json.encode(changed).decode(),
    )


async def _delete(rows: Connection, table: str, key: str, gone: Sequence[str]) -> None:
    if gone:
        await rows.execute(f"DELETE FROM {table} WHERE {key} = ANY ($1)", gone)  # noqa: S608
