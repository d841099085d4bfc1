"""Requests that we send to where others told us: pictures that are fetched, logouts that are delivered (SSRF).

It owns the one way out: an address is resolved, checked and then connected to, so that nothing is resolved twice; there
are no redirects, no proxy, no cookies, no compression, and an answer has a most of bytes and a last moment.
It knows nothing of what is sent, and no service.
"""

from libs.outgoing.fetching import Answer, NotReached, Outgoing

__all__ = ["Answer", "NotReached", "Outgoing"]
