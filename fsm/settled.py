"""What a future ended with, at one moment: for asyncio, which asks in several steps. PURE.

`asyncio.wrap_future` copies a future into one of its loop: was it cancelled? what did it raise?
what did it return? Where its user may cancel what has finished, another thread can do so in
between: then the second question raises, and who awaits the copy would wait for ever.
"""

from typing import Any

from futurefsm.fsm.errors import CancelledError

# Where the functions come from that ask so.
ASKS_IN_STEPS = "asyncio.futures"


class Settled:
    """A settled future as it was when this was made. It answers as the future did then."""

    __slots__ = ("_cancelled", "_error", "_value")

    def __init__(self, future: Any) -> None:
        self._cancelled: CancelledError | None = None
        self._error: BaseException | None = None
        self._value: Any = None
        try:
            self._error, self._value = future._ended()
        except CancelledError as cancelled:
            self._cancelled = cancelled

    def done(self) -> bool:
        """True."""
        return True

    def cancelled(self) -> bool:
        """Whether it was cancelled then."""
        return self._cancelled is not None

    def exception(self) -> BaseException | None:
        """What its task raised, or None.

        Raises:
            CancelledError: it was cancelled.
        """
        if self._cancelled is not None:
            raise self._cancelled
        return self._error

    def result(self) -> Any:
        """What its task returned. Raises what it raised, and as `exception`."""
        error = self.exception()
        if error is not None:
            raise error
        return self._value

    def _get_snapshot(self) -> tuple[bool, bool, Any, BaseException | None]:
        """How Python 3.14 asks, in one step: done, cancelled, result, exception."""
        return True, self.cancelled(), self._value, self._error
