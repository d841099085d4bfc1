"""A plain client of a running stack: asks for tokens in every way, calls the Management API, reads the JWKS."""

import base64
import json
from dataclasses import dataclass, field
from time import time  # noqa: TID251  # a client has a clock of its own
from typing import Any
from uuid import uuid1

import requests
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import KeySet
from requests.adapters import HTTPAdapter

NAMES = (
    "issuer",
    "audience",
    "client_id",
    "client_secret",
    "management_audience",
    "management_client_id",
    "management_client_secret",
)
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class ToLoopback(HTTPAdapter):
    """Sends requests for a tenant's host to the stack, as DNS would."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.url is not None
        host = request.url.split("/")[2]
        request.headers["host"] = host
        request.url = request.url.replace(f"//{host}/", f"//127.0.0.1:{host.partition(':')[2]}/", 1)
        answer: requests.Response = super().send(request, *args, **kwargs)
        return answer


@dataclass
class Client:
    """What a script knows: the issuer, and one application's id and secret."""

    issuer: str
    audience: str
    client_id: str
    client_secret: str
    management_audience: str
    management_client_id: str
    management_client_secret: str
    http: requests.Session = field(default_factory=requests.Session, kw_only=True)

    @classmethod
    def of(cls, env: dict[str, str], ca: str | None = None) -> "Client":
        """The client that quickstart.env describes."""
        client = cls(*(env[f"LIMEN_{name.upper()}"] for name in NAMES))
        client.http.verify = ca or True
        client.http.trust_env = False
        return client

    def ask(self, **parameters: Any) -> requests.Response:
        """A client_credentials request in a form; `None` leaves a parameter out."""
        given = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret}
        given |= {"audience": self.audience} | parameters
        return self.form({name: value for name, value in given.items() if value is not None})

    def form(self, parameters: Any, **more: Any) -> requests.Response:
        """A form, as it is."""
        return self.http.post(f"{self.issuer}oauth/token", data=parameters, timeout=10, **more)

    def json(self, body: Any) -> requests.Response:
        """A JSON body: an object, or raw bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        return self.http.post(f"{self.issuer}oauth/token", data=data, headers=headers, timeout=10)

    def basic(self, user: str, secret: str, **parameters: Any) -> requests.Response:
        """A request authenticated by the Authorization header."""
        given = {"grant_type": "client_credentials", "audience": self.audience} | parameters
        return self.form(given, auth=(user, secret))

    def assertion(self, client_id: str | None, token: str, **parameters: Any) -> requests.Response:
        """A request authenticated by an assertion."""
        given = {"client_assertion_type": JWT_BEARER, "client_assertion": token, "client_secret": None}
        return self.ask(client_id=client_id, **(given | parameters))

    def token(self, **parameters: Any) -> str:
        """An access token."""
        answer = self.ask(**parameters)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def jwks(self) -> dict[str, Any]:
        """The published keys."""
        answer: dict[str, Any] = self.http.get(f"{self.issuer}.well-known/jwks.json", timeout=10).json()
        return answer

    def verified(self, token: str, audience: str | None = None) -> dict[str, Any]:
        """The claims of a token that the published keys verify."""
        keys = KeySet.import_key_set(self.jwks())  # type: ignore[arg-type]
        decoded = jwt.decode(token, keys, algorithms=["RS256", "PS256", "ES256"])
        assert decoded.claims["iss"] == self.issuer
        assert decoded.claims["aud"] == (audience or self.audience)
        assert decoded.claims["exp"] > time()  # a client's own clock
        return dict(decoded.claims)

    def manage(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> requests.Response:
        """A Management API request with the management application's token."""
        token = token or self.management_token()
        headers = {"authorization": f"Bearer {token}"}
        return self.http.request(method, f"{self.issuer}api/v2/{path}", json=body, headers=headers, timeout=10)

    def management_token(self, **parameters: Any) -> str:
        """A token for the Management API."""
        return self.token(
            client_id=self.management_client_id,
            client_secret=self.management_client_secret,
            audience=self.management_audience,
            **parameters,
        )

    def made(self, path: str, body: Any) -> dict[str, Any]:
        """Something created through the Management API."""
        answer = self.manage("POST", path, body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def machine(self, name: str = "machine", **properties: Any) -> dict[str, Any]:
        """A new machine-to-machine application, granted `read:messages` of the quickstart API."""
        made = self.made("clients", {"name": name, "app_type": "non_interactive"} | properties)
        self.granted(made["client_id"])
        return made

    def granted(self, client_id: str, audience: str | None = None, scope: tuple[str, ...] = ("read:messages",)) -> str:
        """A client grant's id."""
        body = {"client_id": client_id, "audience": audience or self.audience, "scope": list(scope)}
        return str(self.made("client-grants", body)["id"])

    def api(self, identifier: str | None = None, **properties: Any) -> dict[str, Any]:
        """A new API with one scope."""
        body = {"identifier": identifier or f"https://{uuid1().hex}.example/", "name": "an API"}
        return self.made("resource-servers", body | {"scopes": [{"value": "read:things"}]} | properties)


@dataclass
class Signer:
    """A private key with which a test signs whatever it likes, sensible or not."""

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    alg: str

    @classmethod
    def new(cls, alg: str = "RS256") -> "Signer":
        """A fresh key."""
        if alg == "ES256":
            return cls(ec.generate_private_key(ec.SECP256R1()), alg)
        return cls(rsa.generate_private_key(65537, 2048), alg)

    @property
    def pem(self) -> str:
        """The public key."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def signature(self, message: bytes) -> bytes:
        """The signature by `alg`."""
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        scheme: padding.AsymmetricPadding = padding.PKCS1v15()
        if self.alg == "PS256":
            scheme = padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size)
        return self.private.sign(message, scheme, SHA256())

    def raw(self, header: bytes, payload: bytes) -> str:
        """A token of exactly these bytes, well signed."""
        message = f"{b64(header)}.{b64(payload)}"
        return f"{message}.{b64(self.signature(message.encode()))}"

    def assertion(self, client_id: str, issuer: str, *, header: Any = None, **claims: Any) -> str:
        """A client assertion; claims given as `None` are left out."""
        now = int(time())  # a client's own clock
        given = {"iss": client_id, "sub": client_id, "aud": issuer, "jti": uuid1().hex, "iat": now, "exp": now + 60}
        given = {name: value for name, value in (given | claims).items() if value is not None}
        head = {"alg": self.alg, "typ": "JWT"} | (header or {})
        return self.raw(json.dumps(head).encode(), json.dumps(given).encode())
