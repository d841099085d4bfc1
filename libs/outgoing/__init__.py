"""Requests that we make: to addresses that somebody else chose, so to the public internet alone.

A name is resolved once, every address it has is judged, and the connection goes to one that was judged: a name that
leads elsewhere a moment later gains nothing (DNS rebinding). Redirects are answers like any other and never followed.
"""

from libs.outgoing.addresses import Forbidden, Judge, Networks
from libs.outgoing.client import Outgoing, Unreachable, trusting

__all__ = ["Forbidden", "Judge", "Networks", "Outgoing", "Unreachable", "trusting"]
