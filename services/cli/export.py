"""`limen export`: the configuration of a tenant as one file, which `limen apply` takes."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from services.cli.apply import add_place
from services.cli.configuration import document, place, present
from services.cli.configuration.filed import filed
from services.cli.configuration.management import Management
from services.cli.configuration.present import Present
from services.cli.configuration.section import shown_name
from services.cli.datadir import write
from services.cli.errors import OK, USAGE, Refused

HEAD: Final = "# Made by `limen export` for `limen apply`. Ids, secrets and keys are not in it.\n"


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Export; 0 when all of it is written."""
    given = _parser().parse_args(arguments)
    there = asyncio.run(_asked(place.found(environ, given.domain, given.ca)))
    for name in there.keyed:
        told = f"note: the keys of application {shown_name(name)} are not in the file"
        print(told, file=sys.stderr)  # noqa: T201 - beside the answer
    text = HEAD + document.written(filed(there))
    if given.output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
    else:
        _save(Path(given.output), text)
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="limen export", description=__doc__)
    parser.add_argument("--output", metavar="FILE", help="default: standard output")
    parser.add_argument("--format", choices=("yaml",), default="yaml", help="there is one")
    add_place(parser)
    return parser


async def _asked(where: place.Place) -> Present:
    async with Management.opened(where) as management:
        return await present.asked(management, where.client_id)


def _save(path: Path, text: str) -> None:
    """Replace a file by the text; what is no file, such as a pipe or a device, is written to and stays what it is."""
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
        else:
            write(path.resolve(), text, 0o644)  # a link stays one
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}.", USAGE) from error
