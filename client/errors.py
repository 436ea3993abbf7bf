"""Errors that a client's user sees and that come from the engine or its workers.

Each travels by pickle, so each keeps in `args` exactly what its constructor takes. Imports nothing:
a worker loads this file only when something went wrong.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class EngineError(RuntimeError):
    """The embedded engine could not do what was asked."""


class EngineStartError(EngineError):
    """The engine's process did not come up. `stderr_tail`: the last it wrote."""

    def __init__(self, reason: str, stderr_tail: str = "") -> None:
        super().__init__(reason, stderr_tail)
        self.reason = reason
        self.stderr_tail = stderr_tail

    def __str__(self) -> str:
        if not self.stderr_tail:
            return f"the embedded engine did not start: {self.reason}"
        return (
            f"the embedded engine did not start: {self.reason}\n"
            f"--- the last it wrote to stderr ---\n{self.stderr_tail}"
        )


class WorkerStartError(EngineError):
    """No worker process can be started, so the task cannot run. It did not start."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"no worker process can be started, so the task did not run: {self.reason}"


class TaskRefusedError(EngineError):
    """The scheduler refused the task; it did not start. `reason`: one phrase."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the scheduler refused the task, it did not run: {self.reason}"


class ObjectStoreFullError(EngineError):
    """An object did not fit into the engine's object store. Sizes are in bytes."""

    def __init__(self, what: str, size: int, stored: int, limit: int) -> None:
        super().__init__(what, size, stored, limit)
        self.what = what
        self.size = size
        self.stored = stored
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"{self.what} has {self.size:,} bytes and does not fit into the engine's object store: "
            f"{self.stored:,} of {self.limit:,} bytes are in use. Drop futures whose results are "
            f"no longer needed, or keep large values in files and pass their paths."
        )


class SerializationError(TypeError):
    """Something could not be pickled.

    Attributes:
        what: which object, a phrase ("the result").
        type_name: its type.
        function: the task's function.
        reason: what pickle said.
        where: the part of it that is to blame, a Python expression; empty if nobody knows.
    """

    def __init__(
        self, what: str, type_name: str, function: str, reason: str, where: str = ""
    ) -> None:
        super().__init__(what, type_name, function, reason, where)
        self.what = what
        self.type_name = type_name
        self.function = function
        self.reason = reason
        self.where = where

    def __str__(self) -> str:
        blame = f"; the part to blame is {self.where}" if self.where else ""
        return (
            f"{self.what} of {self.function}, a {self.type_name}, cannot be pickled: "
            f"{self.reason}{blame}. Return plain data, or give the class a __reduce__; open files, "
            f"locks, sockets and generators stay with the process that made them."
        )


class DeserializationError(ValueError):
    """Bytes that arrived whole did not become an object. The task's function was not called.

    Attributes:
        what: which object ("argument 2").
        function: the task's function, as far as it is known.
        reason: what unpickling raised.
    """

    def __init__(self, what: str, function: str, reason: str) -> None:
        super().__init__(what, function, reason)
        self.what = what
        self.function = function
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.what} of {self.function} could not be unpickled in the worker: {self.reason}. "
            f"The function was not called. Its module must be importable in a worker, which has "
            f"this process's sys.path, directory and environment of when the engine started."
        )


class ResultTooLargeError(ValueError):
    """The pickled result is over the limit. `size` and `limit` are in bytes."""

    def __init__(self, type_name: str, function: str, size: int, limit: int) -> None:
        super().__init__(type_name, function, size, limit)
        self.type_name = type_name
        self.function = function
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"the result of {self.function}, a {self.type_name}, has {self.size:,} bytes when "
            f"pickled; the limit is {self.limit:,}. Return less, write it to a file and return the "
            f"path, or raise the engine's max_result_bytes."
        )


class RemoteError(Exception):
    """Stands for an exception of a task that could not travel as itself.

    Attributes:
        type_name: the class of the exception, with its module.
        message: its text.
        reason: why it could not travel.
        remote_traceback: its traceback, formatted in the worker.
    """

    def __init__(self, type_name: str, message: str, reason: str, remote_traceback: str) -> None:
        super().__init__(type_name, message, reason, remote_traceback)
        self.type_name = type_name
        self.message = message
        self.reason = reason
        self.remote_traceback = remote_traceback

    def __str__(self) -> str:
        return (
            f"{self.type_name}: {self.message}\n(the exception itself could not be sent: "
            f"{self.reason})\n--- in the worker ---\n{self.remote_traceback}"
        )


class UnsendableError(SerializationError):
    """A function or an argument could not be pickled. Nothing was sent."""

    def __str__(self) -> str:
        blame = f"; the part to blame is {self.where}" if self.where else ""
        return (
            f"{self.what} of {self.function}, a {self.type_name}, cannot be sent to a worker: "
            f"{self.reason}{blame}. Nothing was submitted. Pass what it is made from (a path, an "
            f"address, plain data), and make it inside the task."
        )


class QueueFullError(RuntimeError):
    """The client's outgoing queue had no room for the task in time. Nothing was submitted."""


class InvalidReferenceError(ValueError):
    """An argument stands for an object of another client, or for one that is deleted."""


class ForkedClientError(RuntimeError):
    """A child of a fork used its parent's client, whose threads and sockets it does not have."""


class ResultUnreadableError(RuntimeError):
    """The result arrived, but its bytes did not become an object in this process.

    The future's other bytes, and all other futures, are unharmed. The cause is in `__cause__`.
    """


def rebuilt(
    kind: type[BaseException],
    inside: "dict[str, Any]",
    cause: BaseException | None,
    trace: object,
    context: BaseException | None,
    suppress_context: bool,
    notes: object,
    arguments: tuple[object, ...],
) -> BaseException:
    """An exception, out of its pickle, whose class has a way of its own with attributes."""
    error = kind.__new__(kind, *arguments)
    put = BaseException.__setattr__
    own = inside.pop("__dict__")
    for name, value in (inside | own).items():
        try:
            put(error, name, value)
        except AttributeError:
            error.__dict__[name] = value  # a property without a setter has this name
    put(error, "__cause__", cause)
    put(error, "__traceback__", trace)
    put(error, "__context__", context)
    put(error, "__suppress_context__", suppress_context)
    if notes is not None:
        put(error, "__notes__", notes)
    return error


def unpacked(
    payload: bytes | None, type_name: str, message: str, reason: str, remote_traceback: str
) -> BaseException:
    """What a task raised on a real cluster: as itself, or, where that cannot be, told of.

    Args:
        payload: its pickle; None where its worker could not make one.
        type_name, message, remote_traceback: of the exception, for `RemoteError`.
        reason: why there is no pickle.
    """
    if payload is not None:
        from futurefsm.client.scaler_errors import loads

        try:
            error = loads(payload)
        except Exception as why:
            reason = f"here it could not be made of its bytes: {type(why).__name__}: {why}"
        else:
            if isinstance(error, BaseException):
                return error
            reason = "its bytes did not become an exception"
    return RemoteError(type_name, message, reason, remote_traceback)


def said(error: BaseException) -> str:
    """What an exception says, whatever its class does when it is asked."""
    try:
        return f"{type(error).__name__}: {error}"
    except BaseException as broken:
        return f"{type(error).__name__}, whose text cannot be had ({type(broken).__name__})"
