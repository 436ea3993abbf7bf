"""The messages of the scheduler channel, as frozen values. Imports no capnp, no socket, no clock.

One class per struct of the wire that a client and a scheduler exchange. Bytes stand for Cap'n
Proto's ``Data``, `str` for ``Text``, tuples for lists. The classes check nothing: `codec.encode`
refuses what does not fit the wire, and `codec.decode` makes only what does.

`Argument`, `TaskCapability`, `Resource`, `StorageAddress` and `ObjectMetadata` are parts of
messages; `Message` is the union of what travels alone.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias, get_args


class ArgumentType(IntEnum):
    """What `Argument.data` names."""

    TASK = 0
    OBJECT_ID = 1


class CancelConfirmType(IntEnum):
    """The scheduler's answer to a `TaskCancel`."""

    CANCELED = 0
    CANCEL_FAILED = 1
    CANCEL_NOT_FOUND = 2


class TaskResultType(IntEnum):
    """How a task ended."""

    SUCCESS = 0
    FAILED = 1
    FAILED_WORKER_DIED = 2


class LogType(IntEnum):
    """Which stream of the task wrote."""

    STDOUT = 0
    STDERR = 1


class InstructionType(IntEnum):
    """What to do with announced objects. A Scaler 2.9 does not obey `CLEAR`."""

    CREATE = 0
    DELETE = 1
    CLEAR = 2


class ObjectType(IntEnum):
    """What an announced object is."""

    SERIALIZER = 0
    OBJECT = 1


class DisconnectType(IntEnum):
    """Whether a client only leaves, or asks the whole cluster to stop."""

    DISCONNECT = 0
    SHUTDOWN = 1


@dataclass(frozen=True, slots=True)
class Argument:
    """One positional argument of a task: an object id, or in a graph another task's id."""

    type: ArgumentType
    data: bytes


@dataclass(frozen=True, slots=True)
class TaskCapability:
    """A wish where to run; `value` -1 means 'any amount'. The default policy ignores it."""

    name: str
    value: int = -1


@dataclass(frozen=True, slots=True)
class Task:
    """Run a function. The answer goes to `source`, a client identity.

    `metadata` is `task_flags.TaskFlags.pack()`: another length crashes a real Scaler's workers.
    """

    task_id: bytes
    source: bytes
    metadata: bytes
    func_object_id: bytes
    function_args: tuple[Argument, ...] = ()
    capabilities: tuple[TaskCapability, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskCancel:
    """Cancel a task; without `force` a task that runs is left alone."""

    task_id: bytes
    force: bool = True


@dataclass(frozen=True, slots=True)
class TaskCancelConfirm:
    """What became of a cancel request."""

    task_id: bytes
    cancel_confirm_type: CancelConfirmType


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A task ended.

    `results` holds one object id (none for a graph's umbrella, none when a worker died).
    `metadata` is `task_flags.Profile.pack()` or empty. `worker_exit` is an extension of ours and
    only goes with `FAILED_WORKER_DIED`: above 0 an exit code (256 stands for 0), below 0 minus the
    signal, 0 unknown.
    """

    task_id: bytes
    result_type: TaskResultType
    metadata: bytes = b""
    results: tuple[bytes, ...] = ()
    worker_exit: int = 0


@dataclass(frozen=True, slots=True)
class TaskLog:
    """One write of a task to its standard output or error."""

    task_id: bytes
    log_type: LogType
    content: str


@dataclass(frozen=True, slots=True)
class GraphTask:
    """Many tasks at once; `task_id` names the umbrella, `targets` the wanted nodes."""

    task_id: bytes
    source: bytes
    targets: tuple[bytes, ...] = ()
    graph: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectMetadata:
    """Objects of an instruction, as parallel tuples; only the ids are mandatory."""

    object_ids: tuple[bytes, ...] = ()
    object_types: tuple[ObjectType, ...] = ()
    object_names: tuple[bytes, ...] = ()
    object_sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectInstruction:
    """Announce or drop objects on behalf of `object_user`, a client identity."""

    instruction_type: InstructionType
    object_user: bytes
    object_metadata: ObjectMetadata


@dataclass(frozen=True, slots=True)
class Resource:
    """Load of the sender: `cpu` in tenths of a percent, `rss` in bytes. For display only."""

    cpu: int = 0
    rss: int = 0


@dataclass(frozen=True, slots=True)
class ClientHeartbeat:
    """'I live.' The first one registers the client. `latency_microseconds` of the last echo."""

    resource: Resource = Resource()
    latency_microseconds: int = 0
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class StorageAddress:
    """Where objects are stored. With scheme ``ipc``, `host` is the path of a unix socket."""

    host: str
    port: int
    scheme: str = "tcp"


@dataclass(frozen=True, slots=True)
class ClientHeartbeatEcho:
    """The scheduler's answer to every `ClientHeartbeat`."""

    object_storage_address: StorageAddress


@dataclass(frozen=True, slots=True)
class ClientDisconnect:
    """The client leaves; `SHUTDOWN` asks for a `ClientShutdownResponse`."""

    disconnect_type: DisconnectType = DisconnectType.DISCONNECT


@dataclass(frozen=True, slots=True)
class ClientShutdownResponse:
    """Whether the cluster obeys a shutdown."""

    accepted: bool


Message: TypeAlias = (
    Task
    | TaskCancel
    | TaskCancelConfirm
    | TaskResult
    | TaskLog
    | GraphTask
    | ObjectInstruction
    | ClientHeartbeat
    | ClientHeartbeatEcho
    | ClientDisconnect
    | ClientShutdownResponse
)

MESSAGES: tuple[type[Message], ...] = get_args(Message)
"""Every class that travels alone, for whoever must show that none was forgotten."""
