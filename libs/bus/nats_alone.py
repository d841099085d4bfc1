"""nats-py without what it loads for web sockets, which nobody here speaks: an eighth of a second of every start.

Imported before anything else of nats-py. Where aiohttp is loaded already there is nothing to save.
"""

import sys

if "aiohttp" not in sys.modules:
    sys.modules["aiohttp"] = None  # type: ignore[assignment]  # an import of it fails, which nats-py allows for
    try:
        import nats.aio.transport  # noqa: F401
    finally:
        del sys.modules["aiohttp"]
