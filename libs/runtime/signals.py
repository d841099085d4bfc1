"""Owns the wish to stop: SIGTERM and SIGINT become one event."""

import asyncio
import signal


def stopped() -> asyncio.Event:
    """An event that is set when somebody asks this process to stop, also where the shell had SIGINT ignored.

    A script's `&` does that lest Ctrl-C reach what runs beside; a server that nobody can interrupt helps nobody.

    Call it once, in the main thread, with the loop running.
    """
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wish in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wish, event.set)
    return event
