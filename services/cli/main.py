"""Owns the command line: the table of verbs, the environment they are handed, and the code each ends with.

A verb is a module of this package with `run(arguments, environ) -> int`; it is imported only when it is asked for, so
that `limen up`, which lives as long as the stack, carries nothing it does not use.
"""

import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from services.cli.datadir import found_stack
from services.cli.errors import FAILED, OK, UNAVAILABLE, USAGE, Refused
from services.cli.loading import loaded

INTERRUPTED: Final = 130
"""What a shell reports for a program ended by Ctrl-C."""


@dataclass(frozen=True)
class Verb:
    """One line of the table."""

    summary: str
    finds_stack: bool = True
    """Whether the addresses of the stack in LIMEN_DATA_DIR are filled in where the environment names none."""
    is_light: bool = False
    """Whether it runs without the libraries; then the errors of the libraries are not imported either."""
    is_shown: bool = True


VERBS: Final[Mapping[str, Verb]] = {
    "up": Verb("start everything on this machine and keep it running", finds_stack=False, is_light=True),
    "serve": Verb("run one or several services in this process", finds_stack=False),
    "migrate": Verb("bring roles and schemas of the database to this release"),
    "verify": Verb("compare state with events, and NATS with Postgres"),
    "rebuild": Verb("fill a read model anew, compare, and swap"),
    "projection": Verb("list followers, and go past an event that halted one"),
    "tenant": Verb("create tenants and list them"),
    "keys": Verb("list signing keys and rotate them"),
    "subscriber": Verb("let others read the feed of events, and list how far they are"),
    "apply": Verb("bring a tenant to what a file says, after a look at what that changes", finds_stack=False),
    "export": Verb("write the configuration of a tenant as one file", finds_stack=False),
    "events": Verb("show what happened, as it happens"),
    "history": Verb("tell each change of an application, an API or a tenant"),
    "state": Verb("say what an application, an API or a tenant is, or was at some time"),
    "restored": Verb("accept that an older backup was restored, and revoke again what it had not revoked"),
    "doctor": Verb("say what is wrong with this stack"),
    "bootstrap": Verb("make the default tenant and its first applications", is_shown=False),
}


def main() -> int:
    """Run the command line of this process; returns its exit code."""
    return command(sys.argv[1:], os.environ)  # noqa: TID251 - the one place where the environment is read


def command(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run `limen` with `arguments`; one line on standard error says why it failed."""
    try:
        code = _dispatched(arguments, environ)
        sys.stdout.flush()
    except Refused as refused:
        print(f"limen: {refused}", file=sys.stderr)  # noqa: T201 - a command line speaks by printing
        return refused.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left (`limen events tail | head`).
        _say_no_more()
        return OK
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _say_no_more()
        print(f"limen: cannot write what was to be said: {error.strerror}.", file=sys.stderr)  # noqa: T201 - as above
        return FAILED
    return code


def _say_no_more() -> None:
    """Nothing more can be written to standard output, at exit neither."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatched(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    name, *rest = arguments or ["--help"]
    if name in {"--help", "-h", "help"}:
        return _said(usage())
    if name in {"--version", "-V"}:
        return _said(f"limen {version()}")
    if name not in VERBS:
        raise Refused(f"there is no verb {name!r}; `limen --help` lists them.", USAGE)
    return _run(name, rest, environ)


def _run(name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    verb = VERBS[name]
    if verb.finds_stack:
        environ = found_stack(environ)
    run = cast("Callable[[Sequence[str], Mapping[str, str]], int]", loaded(f"services.cli.{name}").run)
    return run(arguments, environ) if verb.is_light else _translated(run, arguments, environ)


def _translated(
    run: Callable[[Sequence[str], Mapping[str, str]], int], arguments: Sequence[str], environ: Mapping[str, str]
) -> int:
    """Run a verb; a wrong setting and a dependency that is away become one line each."""
    from libs.runtime.errors import Unavailable  # noqa: PLC0415 - `limen up` does without
    from libs.settings import SettingsError  # noqa: PLC0415 - the same

    try:
        return run(arguments, environ)
    except SettingsError as error:
        raise Refused(str(error), USAGE) from error
    except Unavailable as error:
        raise Refused(f"not available: {error}", UNAVAILABLE) from error


def usage() -> str:
    """The help text: every verb with its sentence."""
    shown = {name: verb.summary for name, verb in VERBS.items() if verb.is_shown}
    lines = [f"  {name:<10} {summary}" for name, summary in shown.items()]
    codes = "Exit codes: 0 done, 1 failed or different, 2 wrong command line or setting, 3 wrong schema, 69 away."
    head = ["usage: limen VERB [ARGUMENTS]   (limen VERB --help tells more)", ""]
    return "\n".join([*head, *lines, "", "  --version shows the version", "", codes])


def version() -> str:
    """The version of the installed package."""
    from importlib import metadata  # noqa: PLC0415 - it is heavy, and only this asks for it

    return metadata.version("limen")


def _said(text: str) -> int:
    print(text)  # noqa: T201 - a command line speaks by printing
    return OK


if __name__ == "__main__":
    sys.exit(main())
