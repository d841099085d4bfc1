"""Owns the way of log lines to stdout: in batches, and never waiting for whoever reads them.

A service that waits for its log is stopped by a stopped terminal or a full pipe. So lines are gathered, written when
the loop has a moment and the other side takes them, and past a bound dropped and counted.
"""

import asyncio
import os
import select

from libs.telemetry.metrics import Counter

PENDING_BYTES = 1 << 20
FLUSH_AFTER = 0.05
"""Seconds lines may wait to be written together."""

DROPPED = Counter("limen_log_lines_dropped", "Log lines that were not written because nobody read them.")


class Stdout:
    """Lines for one file descriptor."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._pending = bytearray()
        self._is_scheduled = False
        self.dropped = 0

    def write(self, line: bytes) -> None:
        """Take one line, without its end."""
        if len(self._pending) + len(line) >= PENDING_BYTES:
            self.dropped += 1
            DROPPED.count()
            return
        self._pending += line
        self._pending += b"\n"
        if not self._is_scheduled and not self._schedule():
            self.flush()

    def flush(self) -> None:
        """Write what can be written without waiting; the rest stays for the next moment."""
        self._is_scheduled = False
        while self._pending and self._takes_more() and self._write_some():
            pass
        if self._pending:
            self._schedule()

    def _schedule(self) -> bool:
        """Come back soon; False outside a loop, where nobody would."""
        try:
            asyncio.get_running_loop().call_later(FLUSH_AFTER, self.flush)
        except RuntimeError:
            return False
        self._is_scheduled = True
        return True

    def _takes_more(self) -> bool:
        """A pipe that polls as writable takes PIPE_BUF bytes without blocking (POSIX, write)."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(0))

    def _write_some(self) -> bool:
        """Write whole lines, at most PIPE_BUF bytes, so that processes sharing a pipe do not mix theirs."""
        end = self._pending.rfind(b"\n", 0, select.PIPE_BUF) + 1 or select.PIPE_BUF
        try:
            written = os.write(self._descriptor, self._pending[:end])
        except BlockingIOError:
            return False
        except OSError:
            # The reader is gone for good: nobody is left to tell, and keeping the lines would only fill memory.
            written = len(self._pending)
        del self._pending[:written]
        return True
