"""Pipes whose other end is slow."""

from __future__ import annotations

import os
import threading
import time


def trickle(*pieces: bytes) -> int:
    """The reading end of a pipe to which a thread writes `pieces`, with a pause after each."""
    out, into = os.pipe()

    def write() -> None:
        for piece in pieces:
            os.write(into, piece)
            time.sleep(0.01)
        os.close(into)

    threading.Thread(target=write).start()
    return out
