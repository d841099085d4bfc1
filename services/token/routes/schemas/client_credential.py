"""Public keys of applications as data: the bodies and answers of `/api/v2/clients/{client_id}/credentials`."""

from typing import Final

from libs.edge.schema import Property, Resource, Text
from libs.jose import ALGORITHMS
from services.token.routes.schemas.kinds import BOOLEAN, choice, line, ours, required
from services.token.routes.schemas.promises import Promises

TYPES: Final = choice("public_key", "cert_subject_dn", "x509_cert")
EXPIRY: Final = Property("expires_at", line(40, shortest=10), "When it ends, as RFC 3339 says", is_nullable=True)

MEMBERS: Final = (
    Property("name", line(128), "For people", is_nullable=True),
    Property("pem", Text(min_length=1, max_length=16_384), "A public key or a certificate", is_nullable=True),
    Property("alg", choice(*ALGORITHMS), "The one algorithm its signatures may use", default="RS256"),
    Property(
        "kid",
        Text(min_length=1, max_length=128, pattern=r"[A-Za-z0-9_-]+"),
        "What the client calls the key; its RFC 7638 thumbprint when absent",
        is_nullable=True,
    ),
    EXPIRY,
    Property("parse_expiry_from_cert", BOOLEAN, "Whether it ends with the certificate in `pem`", is_nullable=True),
    Property("subject_dn", line(1024), "Of certificates for mutual TLS", is_nullable=True),
)
"""What a body may say of a new key, alone or in a list."""

NEW: Final = Resource("client_credential", required("credential_type", TYPES), *MEMBERS)

CHANGE: Final = Resource("client_credential", EXPIRY)

SHOWN: Final = Resource(
    "client_credential",
    ours("id", line(64), "`cred_` and 20 characters"),
    ours("name", line(128)),
    ours("kid", line(128)),
    ours("alg", line(16)),
    ours("credential_type", TYPES),
    ours("created_at", line(40)),
    ours("updated_at", line(40)),
    ours("expires_at", line(40)),
)

PROMISES: Final[Promises] = {
    "credential_type": lambda value: value != "public_key",
    "subject_dn": bool,
}
"""Certificates for mutual TLS: nobody looks at a client's certificate yet."""
