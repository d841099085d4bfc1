"""The client of those requests: bounded in time and size, TLS verified, no proxy, no cookie, no redirect."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp

from libs.outgoing.addresses import Forbidden, Judge, JudgedResolver, Networks

SECONDS: Final = 10.0
MOST: Final = 64 * 1024
"""Bytes that are read of an answer."""


class Unreachable(Exception):
    """Nobody answered, or not as HTTP; the message names the kind of trouble alone."""


class Outgoing:
    """One per process; `ca_file` holds certificates that are believed beside the system's."""

    def __init__(self, allowed: Networks = (), *, ca_file: Path | None = None, seconds: float = SECONDS) -> None:
        self._judge = Judge(allowed)
        self._tls = trusting(ca_file)
        self._timeout = aiohttp.ClientTimeout(total=seconds)

    async def post_form(self, url: str, form: Mapping[str, str]) -> int:
        """Send a form; the status of the answer, whose first bytes are read and thrown away.

        Raises:
            Forbidden: the URL leads where we do not go; nothing was sent.
            Unreachable: there was no answer in time.
        """
        scheme = self._judge.require_url(url).scheme
        try:
            async with self._session(scheme) as session, session.post(url, data=form, allow_redirects=False) as answer:
                await answer.content.read(MOST)
                return answer.status
        except aiohttp.InvalidURL as error:
            raise Forbidden("not a URL that every reader understands alike") from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if (forbidden := _forbidden(error)) is not None:
                raise forbidden from error
            raise Unreachable(type(error).__name__) from error

    def _session(self, scheme: str) -> aiohttp.ClientSession:
        # A connector of its own: a connection kept for later would outlive the judgement of its address.
        connector = aiohttp.TCPConnector(
            resolver=JudgedResolver(self._judge, scheme), use_dns_cache=False, ssl=self._tls, force_close=True
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"user-agent": "limen", "accept": "*/*", "accept-encoding": "identity"},
        )


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """What verifies others' certificates: by the system's authorities, and by those of `ca_file`."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=str(ca_file))
    return context


def _forbidden(error: BaseException) -> Forbidden | None:
    """The judgement that a client's error stands for, if it does."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Forbidden):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None
