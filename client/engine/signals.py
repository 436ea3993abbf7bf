"""The signals that an engine's process hears, as a descriptor."""

import os
import signal
from collections.abc import Iterable
from typing import Any


class Signals:
    """Catches signals until `close`. For the main thread.

    Args:
        numbers: of the signals.

    Attributes:
        fd: readable when one has come.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        # Handlers that do nothing, and not SIG_IGN: that would be inherited by the workers.
        self._before: dict[int, Any] = {
            number: signal.signal(number, lambda *_: None) for number in numbers
        }

    def take(self) -> bytes:
        """The numbers of those that have come. A full pipe may have lost one."""
        return os.read(self.fd, 4096)

    def close(self) -> None:
        """Let them do again what they did."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self.fd)
        os.close(self._write)
