"""What only an operator sees of a stack: its database, and its signing keys, with which a test forges what it likes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import time  # noqa: TID251  # a forger has a clock of its own
from typing import Any, Final
from uuid import uuid1

import asyncpg

from libs.jose.algorithms import PrivateKey
from libs.jose.keys import private_key_from_der
from libs.jose.sign import Signer
from libs.sealed import associated_data
from libs.sealed.keyring import keyring_from_text
from services.key_rotation.commands import purpose_of
from tests.security.client import Client
from tests.stack import Stack

UNTOUCHED: Final = """
SELECT table_schema, table_name FROM information_schema.columns
WHERE column_name = 'tenant' AND table_schema IN ('tenants', 'token', 'key_rotation', 'login', 'connections')
    AND table_name !~ '^(activity|failures|spent_assertions|attempts|transactions|errands|deliveries|dev_mailbox)'
    AND table_name !~ '(_v[0-9]+|^connection_clients)$'
ORDER BY 1, 2
"""
"""Every table that only a change of somebody's configuration changes; not what follows the facts a moment later."""

LET_IN: Final = "WHERE meta->'actor'->>'kind' IS DISTINCT FROM 'service'"
"""`connections` lets a new application in by itself, a moment after it was made."""

SCHEMAS: Final = ("tenants", "token", "key_rotation", "login", "connections")

CURRENT_KEY: Final = """
SELECT kid, alg, wrapped FROM key_rotation.signing_keys
WHERE tenant = $1 AND alg = 'RS256' AND NOT is_revoked AND active_from <= now() ORDER BY active_from DESC LIMIT 1
"""


class Insider:
    """One stack, from inside, on one connection: a new one costs more than what most tests ask."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._loop = asyncio.Runner()
        self._connection = self._loop.run(asyncpg.connect(stack.env["LIMEN_POSTGRES_URL"]))
        self._fingerprints = self._asked_for_fingerprints()

    @classmethod
    @contextmanager
    def looking(cls, stack: Stack) -> Iterator["Insider"]:
        """Somebody who looks while the block lasts."""
        one = cls(stack)
        try:
            yield one
        finally:
            one.close()

    def close(self) -> None:
        """Look no more."""
        self._connection.terminate()
        self._loop.close()

    def rows(self, sql: str, *arguments: Any) -> list[Any]:
        """The rows of a query."""
        return self._loop.run(self._rows(sql, arguments))

    async def _rows(self, sql: str, arguments: tuple[Any, ...]) -> list[Any]:
        return list(await self._connection.fetch(sql, *arguments))

    def texts(self, *schemas: str) -> Iterator[str]:
        """Every row of every table, as text."""
        listed = "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables WHERE table_schema = "
        tables = [row[0] for row in self.rows(f"{listed} ANY ($1)", list(schemas))]
        for table in tables:
            yield from (row[0] for row in self.rows(f"SELECT t::text FROM {table} t"))

    def state(self) -> dict[str, str]:
        """A fingerprint of each table of configuration, of all tenants, and of the facts."""
        return dict(self.rows(self._fingerprints))

    def _asked_for_fingerprints(self) -> str:
        """The question for the state."""
        tables = [f"{schema}.{table}" for schema, table in self.rows(UNTOUCHED)]
        assert {f"{each}.facts" for each in SCHEMAS} | {"token.clients", "login.people"} <= set(tables)
        one = "SELECT '{0}', coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM {0} t {1}"
        return " UNION ALL ".join(one.format(each, LET_IN if each == "connections.facts" else "") for each in tables)

    @contextmanager
    def nothing_changes(self) -> Iterator[None]:
        """Fails when anything was written in the meantime."""
        before = self.state()
        yield
        after = self.state()
        changed = [table for table in after if after[table] != before.get(table)]
        assert not changed, changed

    def facts(self, text: str) -> list[dict[str, Any]]:
        """The facts of `token` whose data or stream name `text`, as rows."""
        sql = "SELECT type, stream, tenant, data::text, meta FROM token.facts WHERE stream || data::text LIKE $1"
        return [dict(row) for row in self.rows(f"{sql} ORDER BY pos", f"%{text}%")]

    def forger(self, client: Client) -> "Forger":
        """Somebody who holds the key that signs the tokens of `client`'s tenant."""
        domain = client.issuer.removesuffix("/").partition("//")[2]
        tenant = self.rows("SELECT tenant FROM tenants.tenants WHERE domain = $1", domain)[0][0]
        key = self.rows(CURRENT_KEY, tenant)[0]
        keyring = keyring_from_text(self.stack.data.key.read_text())
        der = keyring.unwrap(key["wrapped"], aad=associated_data(**purpose_of(tenant, key["kid"], key["alg"])))
        return Forger(key["alg"], key["kid"], private_key_from_der(der), client)


class Forger:
    """Signs any claims with a tenant's own key."""

    def __init__(self, alg: str, kid: str, private_key: PrivateKey, client: Client) -> None:
        self.kid = kid
        self.private_key = private_key
        self._signer = Signer(alg, kid, private_key)
        self._client = client

    def token(self, scope: Any, *, typ: str = "JWT", **claims: Any) -> str:
        """A token as the tenant would issue it to its management application; claims given as `None` are left out."""
        now = int(time())
        client_id = self._client.management_client_id
        given: dict[str, Any] = {
            "iss": self._client.issuer,
            "aud": self._client.management_audience,
            "sub": f"{client_id}@clients",
            "azp": client_id,
            "gty": "client-credentials",
            "jti": uuid1().hex,
            "iat": now,
            "exp": now + 600,
            "scope": scope,
        }
        return self._signer.sign(
            {name: value for name, value in (given | claims).items() if value is not None}, typ=typ
        )
