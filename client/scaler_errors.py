"""The errors that a real Scaler's own machinery sends, as classes of ours.

They travel by name. Where Scaler is not installed their names mean nothing, and where it is they
would mean nothing to a program that knows only this package. So a pickle of a failed result gets
these instead, which are Scaler's own classes too where a program has loaded those.
"""

import io
import pickle
import re
import sys
from functools import cache
from typing import Any

from futurefsm.client.errors import DeserializationError, EngineError, RemoteError
from futurefsm.fsm import errors

THEIRS = "scaler.utility.exceptions"

_EXIT = re.compile(r"exitcode=(-?\d+)")


class ClusterError(EngineError):
    """The cluster could not do what was asked; the text is the cluster's own."""


class _ProcessorDied(errors.WorkerDiedError):
    """See `WorkerDiedError`. The process that ran the task ended without an answer."""

    @property
    def exit_code(self) -> int | None:  # type: ignore[override]
        """The exit code, or minus the number of the signal; None where the text has none."""
        found = _EXIT.search(str(self.args[0]) if self.args else "")
        return None if found is None else int(found[1])

    def __str__(self) -> str:
        said = str(self.args[0]) if self.args else ""
        code = self.exit_code
        return f"the process that ran the task died{errors.exit_text(code)}; the cluster: {said}"


class _DeserializeObject(DeserializationError):
    """See `DeserializationError`. The function or an argument was no object in the worker."""

    def __init__(self, said: str = "") -> None:
        super().__init__("the function or an argument", "a task", said)
        self.args = (said,)

    def __str__(self) -> str:
        said = str(self.args[0]) if self.args else ""
        return (
            f"the function or an argument could not be unpickled in the worker: {said}. The "
            "function was not called. Its module must be importable in the workers of the cluster."
        )


class _NotSerializable(RemoteError):
    """See `RemoteError`. The cluster sends the type's name and the text, and nothing else."""

    def __init__(self, said: str = "") -> None:
        name, _, message = said.partition(": ")
        super().__init__(name, message, "its worker could not pickle it", "")
        self.args = (said,)

    def __str__(self) -> str:
        said = str(self.args[0]) if self.args else ""
        return f"{said}\n(the exception itself could not be sent: its worker could not pickle it)"


class _Scheduler(ClusterError):
    """See `ClusterError`. The scheduler failed while it handled the task."""


# Their name → ours.
OURS: dict[str, type[BaseException]] = {
    "ProcessorDiedError": _ProcessorDied,
    "WorkerDiedError": _ProcessorDied,
    "DeserializeObjectError": _DeserializeObject,
    "TaskExceptionNotSerializableError": _NotSerializable,
    "SchedulerError": _Scheduler,
    "NoWorkerError": ClusterError,
    "TaskNotFoundError": ClusterError,
    "ObjectStorageException": ClusterError,
}


def class_for(name: str) -> type[BaseException]:
    """The class that stands for Scaler's `name`; it is Scaler's own too where that is loaded."""
    return _joined(name, getattr(sys.modules.get(THEIRS), name, None))


@cache
def _joined(name: str, theirs: Any) -> type[BaseException]:
    ours = OURS[name]
    bases = (ours,) if theirs is None else (ours, theirs)
    inside = {"__doc__": ours.__doc__, "__module__": THEIRS, "__reduce__": _reduce}
    return type(name, bases, inside)


def _reduce(self: BaseException) -> tuple[Any, ...]:
    # The class is made on demand: no pickle could find it by its name.
    state = {k: v for k, v in self.__dict__.items() if k != "story"}
    return (_made, (type(self).__name__, self.args), state)


def _made(name: str, arguments: tuple[Any, ...]) -> BaseException:
    return class_for(name)(*arguments)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == THEIRS and name in OURS:
            return class_for(name)
        return super().find_class(module, name)


def loads(payload: Any) -> Any:
    """The object that the bytes of a failed result stand for. Runs whatever the bytes ask for."""
    return _Unpickler(io.BytesIO(payload)).load()
