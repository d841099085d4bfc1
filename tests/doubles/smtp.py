"""A mail server that keeps what it is sent, and answers as it is told to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Final

HANG: Final = "hang"
"""A reply that never comes."""


@dataclass(frozen=True)
class Received:
    """A mail: its envelope, and what stood in it."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    was_encrypted: bool
    credentials: str

    @property
    def message(self) -> EmailMessage:
        found = message_from_bytes(self.raw, policy=default)
        assert isinstance(found, EmailMessage)
        return found


@dataclass
class MailServer:
    """`replies` are taken one by one for a command (`RCPT`, `DATA`, `.`) before it is answered well again."""

    tls: ssl.SSLContext | None = None
    port: int = 0
    received: list[Received] = field(default_factory=list)
    replies: dict[str, list[str]] = field(default_factory=dict)
    connections: int = 0
    patience: asyncio.Event = field(default_factory=asyncio.Event)
    """When it is set, those who wait for a reply are cut off."""
    on_mail: Callable[[], object] = lambda: None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await _Talk(self, reader, writer).run()
        writer.close()

    def begin_anew(self) -> None:
        """Forget what was sent and said."""
        self.received.clear()
        self.replies, self.connections, self.patience = {}, 0, asyncio.Event()

    def reply(self, word: str, well: str) -> str:
        waiting = self.replies.get(word)
        return waiting.pop(0) if waiting else well


class _Talk:
    def __init__(self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._sender, self._recipients, self._credentials = "", list[str](), ""
        self._is_encrypted = False

    async def run(self) -> None:
        await self._say("220 double")
        while line := (await self._reader.readline()).decode().strip():
            word = line.partition(" ")[0].upper()
            if word == "QUIT":
                await self._say("221 bye")
                return
            await self._answer(word, line)

    async def _answer(self, word: str, line: str) -> None:
        match word:
            case "EHLO":
                offered = "250-STARTTLS\r\n" if self._server.tls and not self._is_encrypted else ""
                await self._say(f"250-double\r\n{offered}250 AUTH PLAIN")
            case "STARTTLS":
                await self._say("220 go")
                assert self._server.tls is not None, "it was not offered"
                await self._writer.start_tls(self._server.tls)
                self._is_encrypted = True
            case "AUTH":
                self._credentials = line
                await self._say(self._server.reply("AUTH", "235 in"))
            case "MAIL":
                self._sender = line[line.index("<") + 1 : line.index(">")]
                self._recipients = []
                await self._say(self._server.reply("MAIL", "250 ok"))
            case "RCPT":
                self._recipients.append(line[line.index("<") + 1 : line.rindex(">")])
                await self._say(self._server.reply("RCPT", "250 ok"))
            case "DATA":
                await self._say(reply := self._server.reply("DATA", "354 go on"))
                if reply.startswith("354"):
                    await self._mail()
            case _:
                await self._say("250 ok")

    async def _mail(self) -> None:
        lines = []
        while (line := await self._reader.readline()) != b".\r\n":
            if not line:
                return  # the client has gone
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        reply = self._server.reply(".", "250 taken")
        if reply.startswith("250") or reply == HANG:
            self._server.received.append(
                Received(self._sender, tuple(self._recipients), b"".join(lines), self._is_encrypted, self._credentials)
            )
            self._server.on_mail()
        await self._say(reply)

    async def _say(self, text: str) -> None:
        if text == HANG:
            await self._server.patience.wait()
            raise ConnectionResetError
        self._writer.write(f"{text}\r\n".encode())
        await self._writer.drain()


@asynccontextmanager
async def mail_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[MailServer]:
    """A mail server on a free port of this machine."""
    double = MailServer(tls)
    listening = await asyncio.start_server(double.serve, "127.0.0.1", 0)
    double.port = listening.sockets[0].getsockname()[1]
    try:
        yield double
    finally:
        double.patience.set()
        listening.close()
