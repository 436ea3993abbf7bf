"""What each field of a message may hold. PURE; imports nothing but the messages.

The codec refuses a message that does not fit in few cheap comparisons and then asks here what was
wrong, so that the error can name the field. This is not for bytes from a peer.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import TypeAlias

from futurefsm.protocol import messages as m

MAX_DATA = 2**29 - 1
"""Cap'n Proto's limit for one ``Data``, in bytes; a ``Text`` holds one less (its final zero)."""

MAX_LIST = 2**29 - 1
"""Cap'n Proto's limit for one ``List``, in elements."""

Rule: TypeAlias = Callable[[str, object], None]


def explain(message: object) -> None:
    """Raise the error that says why this message does not fit the wire; return if it does.

    Raises:
        TypeError: not a message, or a field of a wrong type.
        ValueError: a field out of range, too long, or at odds with another.
    """
    if type(message) not in m.MESSAGES:
        raise TypeError(f"not a message of the scheduler channel: {type(message).__name__}")
    _struct(type(message))(type(message).__name__, message)


def _of(kind: type) -> Rule:
    def rule(path: str, value: object) -> None:
        if type(value) is not kind:
            raise TypeError(f"{path} must be {kind.__name__}, not {type(value).__name__}")

    return rule


def _data(path: str, value: object) -> None:
    if type(value) is not bytes:
        raise TypeError(f"{path} must be bytes, not {type(value).__name__}")
    if len(value) > MAX_DATA:
        raise ValueError(f"{path} has {len(value)} bytes; the wire carries {MAX_DATA}")


def _text(path: str, value: object) -> None:
    if type(value) is not str:
        raise TypeError(f"{path} must be str, not {type(value).__name__}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"{path} cannot be written as UTF-8: {error}") from None
    if size >= MAX_DATA:
        raise ValueError(f"{path} has {size} bytes; the wire carries {MAX_DATA - 1}")


def _int(low: int, high: int) -> Rule:
    def rule(path: str, value: object) -> None:
        if type(value) is not int:
            raise TypeError(f"{path} must be int, not {type(value).__name__}")
        if not low <= value <= high:
            raise ValueError(f"{path} must lie between {low} and {high}, not {value}")

    return rule


def _enum(kind: type[IntEnum]) -> Rule:
    return _of(kind)


def _tuple(item: Rule) -> Rule:
    def rule(path: str, value: object) -> None:
        if type(value) is not tuple:
            raise TypeError(f"{path} must be a tuple, not {type(value).__name__}")
        if len(value) > MAX_LIST:
            raise ValueError(f"{path} has {len(value)} elements; the wire carries {MAX_LIST}")
        for index, element in enumerate(value):
            item(f"{path}[{index}]", element)

    return rule


def _struct(kind: type) -> Rule:
    same_type = _of(kind)

    def rule(path: str, value: object) -> None:
        same_type(path, value)
        for name, check in _FIELDS[kind].items():
            check(f"{path}.{name}", getattr(value, name))
        if isinstance(value, m.ObjectMetadata):
            _parallel(path, value)
        if isinstance(value, m.TaskResult):
            _worker_exit(path, value)

    return rule


def _parallel(path: str, value: m.ObjectMetadata) -> None:
    count = len(value.object_ids)
    for name in ("object_types", "object_names", "object_sizes"):
        length = len(getattr(value, name))
        if length not in (0, count):
            raise ValueError(f"{path}.{name} has {length} elements beside {count} object ids")


def _worker_exit(path: str, value: m.TaskResult) -> None:
    if value.worker_exit and value.result_type is not m.TaskResultType.FAILED_WORKER_DIED:
        raise ValueError(f"{path}.worker_exit only goes with FAILED_WORKER_DIED")


_U16 = _int(0, 2**16 - 1)
_U32 = _int(0, 2**32 - 1)
_U64 = _int(0, 2**64 - 1)
_I32 = _int(-(2**31), 2**31 - 1)
_I64 = _int(-(2**63), 2**63 - 1)

_FIELDS: dict[type, dict[str, Rule]] = {
    m.Argument: {"type": _enum(m.ArgumentType), "data": _data},
    m.TaskCapability: {"name": _text, "value": _I64},
    m.Task: {
        "task_id": _data,
        "source": _data,
        "metadata": _data,
        "func_object_id": _data,
        "function_args": _tuple(_struct(m.Argument)),
        "capabilities": _tuple(_struct(m.TaskCapability)),
    },
    m.TaskCancel: {"task_id": _data, "force": _of(bool)},
    m.TaskCancelConfirm: {
        "task_id": _data,
        "cancel_confirm_type": _enum(m.CancelConfirmType),
    },
    m.TaskResult: {
        "task_id": _data,
        "result_type": _enum(m.TaskResultType),
        "metadata": _data,
        "results": _tuple(_data),
        "worker_exit": _I32,
    },
    m.TaskLog: {"task_id": _data, "log_type": _enum(m.LogType), "content": _text},
    m.GraphTask: {
        "task_id": _data,
        "source": _data,
        "targets": _tuple(_data),
        "graph": _tuple(_struct(m.Task)),
    },
    m.ObjectMetadata: {
        "object_ids": _tuple(_data),
        "object_types": _tuple(_enum(m.ObjectType)),
        "object_names": _tuple(_data),
        "object_sizes": _tuple(_U64),
    },
    m.ObjectInstruction: {
        "instruction_type": _enum(m.InstructionType),
        "object_user": _data,
        "object_metadata": _struct(m.ObjectMetadata),
    },
    m.Resource: {"cpu": _U16, "rss": _U64},
    m.ClientHeartbeat: {
        "resource": _struct(m.Resource),
        "latency_microseconds": _U32,
        "hostname": _text,
    },
    m.StorageAddress: {"host": _text, "port": _U16, "scheme": _text},
    m.ClientHeartbeatEcho: {"object_storage_address": _struct(m.StorageAddress)},
    m.ClientDisconnect: {"disconnect_type": _enum(m.DisconnectType)},
    m.ClientShutdownResponse: {"accepted": _of(bool)},
}
