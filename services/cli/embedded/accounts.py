"""Owns the NATS accounts of the feed's subscribers: one each, with one user, who may use one durable consumer.

The account imports from LIMEN the two subjects of its consumer and has nothing else: no streams, no other subjects,
nobody to talk to. The permissions say the same again, so that what is not allowed is an error rather than silence.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.cli.datadir import DataDir, read_json, write, write_json

NAME: Final = "subscribers.conf"
STREAM: Final = "AUTH"
"""The feed's stream, `libs.eventstore.names.FEED_STREAM`: `limen up` loads none of the libraries."""

USER: Final = "subscriber-"

HEAD: Final = "# Written by limen: the accounts of the feed's subscribers.\n"

ACCOUNT: Final = """\
SUBSCRIBER_{name}: {{
  users: [
    {{
      user: "{user}", password: "{password}"
      permissions: {{
        subscribe: [ "_INBOX.>" ]
        publish: [ "$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}", "$JS.ACK.{stream}.{name}.>" ]
      }}
    }}
  ]
  imports: [
    {{ service: {{ account: LIMEN, subject: "$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}" }} }}
    {{ service: {{ account: LIMEN, subject: "$JS.ACK.{stream}.{name}.>" }} }}
  ]
}}
"""


def account(name: str, password: str) -> str:
    """The configuration of one subscriber's account."""
    return ACCOUNT.format(name=name, user=f"{USER}{name}", password=password, stream=STREAM)


def next_subject(name: str) -> str:
    """Where a subscriber asks for messages."""
    return f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{name}"


def url(address: str, name: str, password: str) -> str:
    """Where a subscriber connects; `address` is host and port."""
    return f"nats://{USER}{name}:{password}@{address}"


class Accounts:
    """Those of the embedded server: their passwords, and the file beside its configuration that it reads."""

    def __init__(self, data: DataDir) -> None:
        self._passwords = data.path / "secrets" / "subscribers.json"
        self._file = configuration_folder(data) / NAME

    def passwords(self) -> Mapping[str, str]:
        """By subscriber."""
        found: dict[str, str] = read_json(self._passwords, {})
        return found

    def begin(self, name: str) -> None:
        """Write the file; where there never was one, with a first subscriber."""
        self._write(self.passwords() if self._passwords.exists() else {name: _password()})

    def keep(self, name: str) -> str:
        """Write down a subscriber, who may be there with a password of before; the password."""
        passwords = {name: _password()} | dict(self.passwords())
        self._write(passwords)
        return passwords[name]

    def forget(self, name: str) -> None:
        """Take a subscriber away."""
        self._write({each: password for each, password in self.passwords().items() if each != name})

    def _write(self, passwords: Mapping[str, str]) -> None:
        self._file.parent.mkdir(mode=0o700, exist_ok=True)
        write_json(self._passwords, dict(passwords))
        write(self._file, HEAD + "".join(account(*each) for each in sorted(passwords.items())))


def _password() -> str:
    # A leading letter, because the parser of nats-server would read "5e12" as a number.
    return f"p{os.urandom(24).hex()}"


def configuration_folder(data: DataDir) -> Path:
    """Where the embedded server's configuration is: its own, because this file lies beside it."""
    return data.path / "nats-server"
