"""Reads the development mailbox of `limen up`, as the person would their mail."""

import re
from typing import Any

from tests.stack import Stack, until

LINK = re.compile(r"https?://[^\s\"'<>]+")


def mails(stack: Stack, to: str, template: str | None = None) -> list[dict[str, Any]]:
    """What was sent to this address, oldest first."""
    answer = stack.get("/dev/mailbox.json")
    assert answer.status == 200, (answer.status, answer.body)
    found = answer.json()
    listed: list[dict[str, Any]] = found["mails"] if isinstance(found, dict) else found
    mine = [mail for mail in listed if mail["to"] == to and template in {None, mail["template"]}]
    return sorted(mine, key=lambda mail: str(mail["at"]))


def mail(stack: Stack, to: str, template: str | None = None, *, count: int = 1, within: float = 15) -> dict[str, Any]:
    """The newest mail to this address, when there are `count`."""
    until(lambda: len(mails(stack, to, template)) >= count, within, lambda: f"mails to {to}: {mails(stack, to)}")
    return mails(stack, to, template)[-1]


def link(stack: Stack, to: str, template: str | None = None, *, count: int = 1) -> str:
    """The link of the newest mail that leads to a page of the issuer."""
    text = str(mail(stack, to, template, count=count)["text"])
    found: list[str] = LINK.findall(text)
    return next(each for each in found if each.startswith(f"{stack.issuer}u/"))
