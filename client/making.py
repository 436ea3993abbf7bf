"""The bytes of a task's value → the value, or the error that says why there is none."""

from contextlib import suppress
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

from futurefsm.client.errors import ResultUnreadableError, said
from futurefsm.client.scaler_errors import THEIRS
from futurefsm.fsm.errors import ResultLostError
from futurefsm.protocol.piggyback import Handed

if TYPE_CHECKING:
    from futurefsm.client.future import Future
    from futurefsm.client.serializer import Serializer

# In the pickle of each exception that `guard.py` sends.
_GUARD = b"futurefsm.client.errors\nunpacked\n"


def made_of(
    future: "Future[Any]", serializer: "Serializer", payload: Any, failed: bool
) -> tuple[Any, BaseException | None]:
    """The value of a future, or its exception.

    Args:
        failed: the bytes are those of an exception.

    Raises:
        KeyboardInterrupt: Ctrl-C; the bytes are as good as before.
    """
    try:
        value = serializer.loads_error(payload) if failed else serializer.loads(payload)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and current_thread() is main_thread():
            raise  # Ctrl-C; on any other thread it is the value's own doing
        return None, _not_made(future, payload, failed, error)
    if not failed:
        return value, None
    if not isinstance(value, BaseException):
        what = f"{type(value).__module__}.{type(value).__qualname__}"
        return None, ResultUnreadableError(
            f"{future.describe()} failed with a {what}, which is no exception\n{future.story}"
        )
    if serializer.guarded:
        _say_whose(future, payload, value)
    return None, value


def _say_whose(future: "Future[Any]", payload: Any, error: BaseException) -> None:
    """Name the task where a cluster's worker failed outside of its function: it sends nothing but
    the exception, and what the guard round the function sends is known by its name."""
    kind = type(error).__module__
    if kind == THEIRS or kind.partition(".")[0] == "futurefsm" or _GUARD in bytes(payload):
        return
    with suppress(Exception):  # its class has notes of its own
        error.add_note(
            f"{future.describe()}: not its function raised this, but its worker, around it; most "
            "often what it returned cannot be pickled. A cluster says no more; the worker's log "
            "has the traceback."
        )


def _not_made(
    future: "Future[Any]", payload: Any, failed: bool, error: BaseException
) -> BaseException:
    found: BaseException
    if isinstance(error, MemoryError) and isinstance(payload, Handed):
        # Of what was handed over nothing had to be in this process before.
        found = ResultLostError(
            f"{future.describe()} ended, but its result cannot be had: {no_memory(len(payload))}",
            future.story,
        )
    else:
        what = "exception" if failed else "result"
        found = ResultUnreadableError(
            f"{future.describe()}: the bytes of its {what} are here ({len(payload):,} bytes) but "
            f"did not become an object: {said(error)}\n{future.story}"
        )
    found.__cause__ = error
    return found


def no_memory(size: int) -> str:
    """Why a result cannot be had."""
    return f"it has {size:,} bytes, and this process has no memory for them"
