"""The codec's reading half: copies from readers. Imports no pycapnp; only `codec` calls it.

A reader function is made once per kind of message from the schema's field handles. Each pointer is
read once: the traversal limit is set to the words present and a second look would exceed it.
Whatever pycapnp raises on the way is left to `codec.decode`.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeAlias, TypeVar

from futurefsm.protocol import messages as m
from futurefsm.protocol.errors import ProtocolError

Fields: TypeAlias = Callable[[str], list[Any]]
"""Name of a struct → handles of its fields, by ordinal."""

Reader: TypeAlias = Callable[[Any, int], Any]
"""Makes a message from a reader; the number is the words that the whole message has."""

_E = TypeVar("_E", bound=IntEnum)

_ARGUMENT_TYPES = tuple(m.ArgumentType)
_CONFIRM_TYPES = tuple(m.CancelConfirmType)
_RESULT_TYPES = tuple(m.TaskResultType)
_LOG_TYPES = tuple(m.LogType)
_INSTRUCTION_TYPES = tuple(m.InstructionType)
_OBJECT_TYPES = tuple(m.ObjectType)
_DISCONNECT_TYPES = tuple(m.DisconnectType)


def _enum(members: tuple[_E, ...], value: Any) -> _E:
    raw: int = value.raw
    if raw < len(members):
        return members[raw]
    raise ProtocolError(f"{members[0].__class__.__name__} has no member {raw}")


def _structs(values: Any, least: int, words: int) -> Any:
    """The elements, if a message of `words` has room for so many of `least` words each.

    A list may announce elements of no size at all, which would cost much more as values.
    """
    count = len(values)
    if count * least > words:
        raise ProtocolError(f"a list of {count} structs in {words} words")
    return map(values._get, range(count))


def _datas(values: Any) -> tuple[bytes, ...]:
    count = len(values)
    if count == 1:  # by far the most common
        return (values[0],)
    return tuple(map(values._get, range(count)))


def _task(fields: Fields) -> Reader:
    ID, SOURCE, METADATA, FUNCTION, ARGUMENTS, CAPABILITIES = fields("Task")
    TYPE, DATA = fields("Argument")
    NAME, VALUE = fields("TaskCapability")

    def argument(of: Any) -> m.Argument:
        get = of._get_by_field
        return m.Argument(_enum(_ARGUMENT_TYPES, get(TYPE)), get(DATA))

    def capability(of: Any) -> m.TaskCapability:
        get = of._get_by_field
        return m.TaskCapability(get(NAME), get(VALUE))

    def take(of: Any, words: int) -> m.Task:
        get = of._get_by_field
        return m.Task(
            get(ID),
            get(SOURCE),
            get(METADATA),
            get(FUNCTION),
            tuple(map(argument, _structs(get(ARGUMENTS), 2, words))),
            tuple(map(capability, _structs(get(CAPABILITIES), 2, words))),
        )

    return take


def _cancel(fields: Fields) -> Reader:
    ID, FLAGS = fields("TaskCancel")
    (FORCE,) = fields("TaskCancel.Flags")

    def take(of: Any, words: int) -> m.TaskCancel:
        get = of._get_by_field
        return m.TaskCancel(get(ID), get(FLAGS)._get_by_field(FORCE))

    return take


def _confirm(fields: Fields) -> Reader:
    ID, TYPE = fields("TaskCancelConfirm")

    def take(of: Any, words: int) -> m.TaskCancelConfirm:
        get = of._get_by_field
        return m.TaskCancelConfirm(get(ID), _enum(_CONFIRM_TYPES, get(TYPE)))

    return take


def _result(fields: Fields) -> Reader:
    ID, TYPE, METADATA, RESULTS, EXIT = fields("TaskResult")

    def take(of: Any, words: int) -> m.TaskResult:
        get = of._get_by_field
        kind = _enum(_RESULT_TYPES, get(TYPE))
        # Elsewhere the field means nothing, and may one day mean something else to a Scaler.
        code = get(EXIT) if kind is m.TaskResultType.FAILED_WORKER_DIED else 0
        return m.TaskResult(get(ID), kind, get(METADATA), _datas(get(RESULTS)), code)

    return take


def _log(fields: Fields) -> Reader:
    ID, TYPE, CONTENT = fields("TaskLog")

    def take(of: Any, words: int) -> m.TaskLog:
        get = of._get_by_field
        return m.TaskLog(get(ID), _enum(_LOG_TYPES, get(TYPE)), get(CONTENT))

    return take


def _graph(fields: Fields) -> Reader:
    ID, SOURCE, TARGETS, GRAPH = fields("GraphTask")
    take_task = _task(fields)

    def take(of: Any, words: int) -> m.GraphTask:
        get = of._get_by_field
        tasks = _structs(get(GRAPH), 6, words)
        return m.GraphTask(
            get(ID),
            get(SOURCE),
            _datas(get(TARGETS)),
            tuple(take_task(task, words) for task in tasks),
        )

    return take


def _instruction(fields: Fields) -> Reader:
    TYPE, USER, METADATA = fields("ObjectInstruction")
    IDS, TYPES, NAMES, SIZES = fields("ObjectMetadata")

    def take(of: Any, words: int) -> m.ObjectInstruction:
        kind = _enum(_INSTRUCTION_TYPES, of._get_by_field(TYPE))
        user = of._get_by_field(USER)
        get = of._get_by_field(METADATA)._get_by_field
        ids, types, names, sizes = get(IDS), get(TYPES), get(NAMES), get(SIZES)
        count = len(ids)
        # An element of `types` has two bytes here and eight as a value: hold it to the ids.
        for column in (types, names, sizes):
            if len(column) not in (0, count):
                raise ProtocolError(f"a column of {len(column)} beside {count} object ids")
        return m.ObjectInstruction(
            kind,
            user,
            m.ObjectMetadata(
                _datas(ids),
                tuple(_enum(_OBJECT_TYPES, types._get(index)) for index in range(len(types))),
                _datas(names),
                tuple(map(sizes._get, range(len(sizes)))),
            ),
        )

    return take


def _heartbeat(fields: Fields) -> Reader:
    RESOURCE, LATENCY, HOSTNAME = fields("ClientHeartbeat")
    CPU, RSS = fields("Resource")

    def take(of: Any, words: int) -> m.ClientHeartbeat:
        get = of._get_by_field
        inner = get(RESOURCE)._get_by_field
        return m.ClientHeartbeat(m.Resource(inner(CPU), inner(RSS)), get(LATENCY), get(HOSTNAME))

    return take


def _echo(fields: Fields) -> Reader:
    (ADDRESS,) = fields("ClientHeartbeatEcho")
    HOST, PORT, SCHEME = fields("StorageAddress")

    def take(of: Any, words: int) -> m.ClientHeartbeatEcho:
        get = of._get_by_field(ADDRESS)._get_by_field
        return m.ClientHeartbeatEcho(m.StorageAddress(get(HOST), get(PORT), get(SCHEME)))

    return take


def _disconnect(fields: Fields) -> Reader:
    (TYPE,) = fields("ClientDisconnect")

    def take(of: Any, words: int) -> m.ClientDisconnect:
        return m.ClientDisconnect(_enum(_DISCONNECT_TYPES, of._get_by_field(TYPE)))

    return take


def _shutdown(fields: Fields) -> Reader:
    (ACCEPTED,) = fields("ClientShutdownResponse")

    def take(of: Any, words: int) -> m.ClientShutdownResponse:
        return m.ClientShutdownResponse(of._get_by_field(ACCEPTED))

    return take


READERS: dict[type, Callable[[Fields], Reader]] = {
    m.Task: _task,
    m.TaskCancel: _cancel,
    m.TaskCancelConfirm: _confirm,
    m.TaskResult: _result,
    m.TaskLog: _log,
    m.GraphTask: _graph,
    m.ObjectInstruction: _instruction,
    m.ClientHeartbeat: _heartbeat,
    m.ClientHeartbeatEcho: _echo,
    m.ClientDisconnect: _disconnect,
    m.ClientShutdownResponse: _shutdown,
}
"""Kind → maker of the reader function."""
