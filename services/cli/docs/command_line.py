"""Owns the page of the command line: what `limen --help` and the help of each verb say, and the exit codes."""

import ast
import contextlib
import io
import os
import re
from importlib import import_module
from itertools import pairwise
from typing import Final

from services.cli.docs import markdown
from services.cli.docs.markdown import cell, table
from services.cli.docs.sources import ROOT
from services.cli.main import VERBS, usage

INTRODUCTION: Final = """\
`make run` and `pip install .` put `limen` into the virtual environment.
A verb finds the stack by `LIMEN_DATA_DIR`; `LIMEN_POSTGRES_URL` and `LIMEN_NATS_URL` go before what it finds there."""

WIDTH: Final = "100"

FURTHER_CODES: Final = (
    ("70", "A service's background work failed: the process ended so that it is started anew."),
    ("130", "Ended by Ctrl-C."),
)


def page() -> str:
    """The page."""
    shown = [name for name, verb in VERBS.items() if verb.is_shown and _is_there(name)]
    helps = [f"## `limen {' '.join(words)}`\n\n{_fenced(text)}" for name in shown for words, text in _helps((name,))]
    return markdown.page("Command line", INTRODUCTION, _fenced(usage()), *helps, _exit_codes())


def _is_there(verb: str) -> bool:
    return (ROOT / "services" / "cli" / f"{verb}.py").exists()


def _helps(words: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    """The help of a verb, and of the verbs below it."""
    text = _help(words)
    below = re.search(r"^usage:[^{]*?(?<!-)\{([a-z,]+)\} \.\.\.", text, re.DOTALL)
    names = below[1].split(",") if below else []
    return [(words, text), *(each for name in names for each in _helps((*words, name)))]


def _help(words: tuple[str, ...]) -> str:
    run = import_module(f"services.cli.{words[0]}").run
    environ = os.environ  # noqa: TID251 - argparse takes the width from here and from nowhere else
    before, environ["COLUMNS"] = environ.get("COLUMNS"), WIDTH
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            run([*words[1:], "--help"], {})
    finally:
        environ.pop("COLUMNS")
        environ.update({} if before is None else {"COLUMNS": before})
    return said.getvalue()


def _fenced(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```"


def _exit_codes() -> str:
    rows = [("0", "Done."), *_named_codes(), *FURTHER_CODES]
    return "## Exit codes\n\n" + table(("code", "meaning"), sorted(rows, key=lambda row: int(row[0])))


def _named_codes() -> list[tuple[str, str]]:
    """The constants of `services.cli.errors` that have a sentence below them."""
    body = ast.parse((ROOT / "services" / "cli" / "errors.py").read_text(encoding="utf-8")).body
    return [
        (str(ast.literal_eval(node.value)), cell(str(follows.value.value)))
        for node, follows in pairwise(body)
        if isinstance(node, ast.AnnAssign) and node.value and isinstance(follows, ast.Expr)
        if isinstance(follows.value, ast.Constant)
    ]
