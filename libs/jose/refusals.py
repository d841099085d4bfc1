"""Owns why a token or a key is refused; the client hears one code, the log hears the class.

Refused                     a token we do not believe
├── Malformed               not a JWT in compact form
│   ├── TooLarge            over the size cap, looked at no further
│   ├── NotBase64url        a segment has another spelling than the canonical one
│   ├── NotAnObject         header or payload is not a strict JSON object
│   └── HeaderMalformed     `alg`, `kid` or `typ` has the wrong shape
├── AlgorithmRefused        not in our list, or not in the caller's
├── ExtensionRefused        `crit` or `b64`: we implement no extension
├── UnknownKey              no key of that `kid` for that algorithm
├── BadSignature
├── WrongType               `typ` says it is another kind of token
├── ClaimMissing
├── ClaimMalformed          a claim has the wrong JSON type
├── WrongIssuer
├── WrongAudience
├── Expired
└── NotYetValid             `nbf` or `iat` lies in the future

UnacceptableKey             a public key we do not take
├── KeyMalformed            no key can be read from it
├── PrivateKeyGiven         a secret was sent where a public key belongs
├── KeyTooWeak              size, exponent or a known-bad generator
└── WrongAlgorithm          the key is for another algorithm or use
"""


class Refused(Exception):
    """A token we do not believe; its subclass is the reason, its text is for the log and never quotes the token."""


class Malformed(Refused):
    """Not a JWT in JWS compact serialisation (RFC 7515 §7.1)."""


class TooLarge(Malformed):
    """Longer than the cap, so nothing of it was read."""


class NotBase64url(Malformed):
    """A segment is not spelt in canonical base64url."""


class NotAnObject(Malformed):
    """Header or payload is not a JSON object with one meaning."""


class HeaderMalformed(Malformed):
    """A header parameter has the wrong JSON type or is too long."""


class AlgorithmRefused(Refused):
    """The `alg` is not allowed (RFC 8725 §3.1)."""


class ExtensionRefused(Refused):
    """The token demands an extension, and we implement none (RFC 7515 §4.1.11)."""


class UnknownKey(Refused):
    """No key fits the token's `kid` and `alg`."""


class BadSignature(Refused):
    """No fitting key made this signature."""


class WrongType(Refused):
    """The `typ` is not the one expected (RFC 8725 §3.11)."""


class ClaimMissing(Refused):
    """A required claim is absent."""


class ClaimMalformed(Refused):
    """A claim has the wrong JSON type or an impossible value."""


class WrongIssuer(Refused):
    """`iss` is not exactly the expected issuer."""


class WrongAudience(Refused):
    """`aud` does not name us exactly."""


class Expired(Refused):
    """`exp` has passed."""


class NotYetValid(Refused):
    """`nbf` or `iat` lies in the future beyond the leeway."""


class UnacceptableKey(Exception):
    """A public key we do not take; its text may be shown to whoever sent the key and never quotes it."""


class KeyMalformed(UnacceptableKey):
    """No public key can be read from what was sent."""


class PrivateKeyGiven(UnacceptableKey):
    """A private or symmetric key was sent: it must be considered leaked."""


class KeyTooWeak(UnacceptableKey):
    """The key could be broken, or is so large that using it would be an attack on us."""


class WrongAlgorithm(UnacceptableKey):
    """The key does not fit the algorithm or is not for signatures."""
