"""Owns the command line of the bench."""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from libs.runtime.clock import wall
from tests.bench import load, machine, page, parts, profiling
from tests.bench.parts import PARTS, Wanted


def main() -> int:
    """Measure and write, or profile; 1 when an answer was wrong, 2 when something is missing."""
    given = _parsed()
    try:
        load.program()
        machine.pin()
        return _profile(given) if given.what == "profile" else _bench(given)
    except load.Missing as missing:
        sys.stderr.write(f"{missing}\n")
        return 2


def _bench(given: argparse.Namespace) -> int:
    wanted = Wanted(
        frozenset(given.only), given.rounds, given.seconds, applications=given.applications, tenants=given.tenants
    )
    parts.say(f"load average {machine.load_average():.2f}; a quiet machine has next to none")
    facts = machine.described(Path(tempfile.gettempdir()))
    found = parts.measured(wanted)
    old = page.PATH.read_text(encoding="utf-8") if page.PATH.exists() else ""
    day = datetime.fromtimestamp(wall(), UTC).date().isoformat()
    text = page.rendered(found, wanted, day=day, facts=facts, old=old)
    sys.stdout.write(text)
    if given.write and wanted.parts == frozenset(PARTS) and not found.complaints:
        page.PATH.parent.mkdir(parents=True, exist_ok=True)
        page.PATH.write_text(text, encoding="utf-8")
        parts.say(f"written: {page.PATH}")
    for complaint in found.complaints:
        parts.say(f"WRONG: {complaint}")
    return 1 if found.complaints else 0


def _profile(given: argparse.Namespace) -> int:
    folder = given.keep or Path(tempfile.mkdtemp(prefix="limen-profile-"))
    profiling.profile(given.alg, given.seconds, rate=given.rate, folder=folder, native=given.native)
    parts.say(f"py-spy's stacks are in {folder}")
    return 0


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=page.__doc__)
    parser.add_argument("what", nargs="?", choices=("all", "profile"), default="all")
    parser.add_argument("--only", type=_parts, default=PARTS, help=f"of {','.join(PARTS)}; then nothing is written")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8, help="of each load")
    parser.add_argument("--applications", type=int, default=Wanted.applications, help="sizes: how many are many")
    parser.add_argument("--tenants", type=int, default=Wanted.tenants, help="sizes: how many are many; each makes keys")
    parser.add_argument("--no-write", dest="write", action="store_false", help="print the page, leave the file")
    parser.add_argument("--alg", choices=("ES256", "RS256"), default="ES256", help="profile: of which tokens")
    parser.add_argument("--rate", type=int, default=200, help="profile: looks a second")
    parser.add_argument("--native", action="store_true", help="profile: look into compiled code too")
    parser.add_argument("--keep", type=Path, help="profile: where py-spy's stacks are kept")
    return parser.parse_args()


def _parts(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if unknown := set(chosen) - set(PARTS):
        raise argparse.ArgumentTypeError(f"there is no part {', '.join(sorted(unknown))}; choose of {', '.join(PARTS)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
