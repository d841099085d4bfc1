"""What waits for its delivery is kept encrypted: addresses, links and words are people's own."""

from collections.abc import Sequence

from libs.sealed import DerivedKey, UnknownKeyEncryptionKey, associated_data
from libs.sealed.aead import decrypt, encrypt, kek_id_of

LABEL = "pending"


class Sealing:
    """The first key encrypts, each opens what bears its id."""

    def __init__(self, keys: Sequence[DerivedKey]) -> None:
        self._current = keys[0]
        self._keys = {each.key_id: each.key for each in keys}

    def seal(self, plain: bytes, *, tenant: str, delivery_id: str, what: str) -> bytes:
        """`plain` for this delivery alone; `what` it is keeps a mail apart from its copy in the mailbox."""
        aad = associated_data(tenant=tenant, delivery=delivery_id, what=what)
        return encrypt(self._current.key, self._current.key_id, plain, aad)

    def open(self, sealed: bytes, *, tenant: str, delivery_id: str, what: str) -> bytes:
        """What `seal` was given.

        Raises:
            Tampered: it was changed, or is another delivery's.
            UnknownKeyEncryptionKey: its key is not loaded any more.
        """
        key_id = kek_id_of(sealed)
        if key_id not in self._keys:
            raise UnknownKeyEncryptionKey(key_id, self._keys)
        return decrypt(self._keys[key_id], sealed, associated_data(tenant=tenant, delivery=delivery_id, what=what))
