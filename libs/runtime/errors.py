"""Owns the error for a dependency that is away for the moment."""


class Unavailable(Exception):
    """Something this service depends on is away; every renderer makes it a 503 with `Retry-After`.

    `retry_after` is in whole seconds.
    """

    retry_after: int = 1

    def __init__(self, *why: object, retry_after: int = 1) -> None:
        super().__init__(*why)
        self.retry_after = retry_after
