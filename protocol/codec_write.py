"""The codec's writing half: fills builders. Imports no pycapnp; only `codec` calls it.

A writer is made once per kind of message from the schema's field handles. It refuses what does not
fit by any exception at all; `fields.explain` finds the words. The checks are not a luxury: pycapnp
would silently write a `str` into ``Data``, any bytes into ``Text`` and any number into an enum.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from futurefsm.protocol import messages as m

Fields: TypeAlias = Callable[[str], list[Any]]
"""Name of a struct → handles of its fields, by ordinal."""

Writer: TypeAlias = Callable[[Any, Any], None]
"""Fills a builder from a message."""


_OBJECT_TYPES = tuple(type.name.lower() for type in m.ObjectType)


def _fit(*accepted: bool) -> None:
    if not all(accepted):
        raise ValueError


def _only(kind: type, values: tuple[Any, ...]) -> tuple[Any, ...]:
    if values.__class__ is not tuple:
        raise ValueError
    for value in values:
        if value.__class__ is not kind:
            raise ValueError
    return values


def _put_list(to: Any, field: Any, values: Iterable[Any], count: int) -> None:
    # Element by element: handing pycapnp a whole list costs three times as much.
    put = to._init_by_field(field, count)._set
    for index, value in enumerate(values):
        put(index, value)


def _arguments(fields: Fields) -> Writer:
    TYPE, DATA = fields("Argument")

    def put(into: Any, arguments: tuple[m.Argument, ...]) -> None:
        for index, argument in enumerate(arguments):
            kind, data = argument.type, argument.data
            if kind.__class__ is not m.ArgumentType or data.__class__ is not bytes:
                raise ValueError
            put = into._get(index)._set_by_field
            put(TYPE, kind._value_)
            put(DATA, data)

    return put


def _capabilities(fields: Fields) -> Writer:
    NAME, VALUE = fields("TaskCapability")

    def put(into: Any, capabilities: tuple[m.TaskCapability, ...]) -> None:
        for index, capability in enumerate(capabilities):
            name, value = capability.name, capability.value
            _fit(name.__class__ is str, value.__class__ is int)
            put = into._get(index)._set_by_field
            put(NAME, name)
            put(VALUE, value)

    return put


def _task(fields: Fields) -> Writer:
    ID, SOURCE, METADATA, FUNCTION, ARGUMENTS, CAPABILITIES = fields("Task")
    put_arguments, put_capabilities = _arguments(fields), _capabilities(fields)

    def put(to: Any, task: m.Task) -> None:
        task_id, source, metadata = task.task_id, task.source, task.metadata
        function = task.func_object_id
        if not (
            task_id.__class__ is source.__class__ is metadata.__class__ is bytes
            and function.__class__ is bytes
        ):
            raise ValueError
        put = to._set_by_field
        put(ID, task_id)
        put(SOURCE, source)
        put(METADATA, metadata)
        put(FUNCTION, function)
        arguments = _only(m.Argument, task.function_args)
        put_arguments(to._init_by_field(ARGUMENTS, len(arguments)), arguments)
        # Of no element too: a Scaler writes an empty list, and so the bytes are the same.
        capabilities = _only(m.TaskCapability, task.capabilities)
        put_capabilities(to._init_by_field(CAPABILITIES, len(capabilities)), capabilities)

    return put


def _cancel(fields: Fields) -> Writer:
    ID, FLAGS = fields("TaskCancel")
    (FORCE,) = fields("TaskCancel.Flags")

    def put(to: Any, message: m.TaskCancel) -> None:
        _fit(message.task_id.__class__ is bytes, message.force.__class__ is bool)
        to._set_by_field(ID, message.task_id)
        to._init_by_field(FLAGS)._set_by_field(FORCE, message.force)

    return put


def _confirm(fields: Fields) -> Writer:
    ID, TYPE = fields("TaskCancelConfirm")

    def put(to: Any, message: m.TaskCancelConfirm) -> None:
        kind = message.cancel_confirm_type
        _fit(message.task_id.__class__ is bytes, kind.__class__ is m.CancelConfirmType)
        to._set_by_field(ID, message.task_id)
        to._set_by_field(TYPE, kind._value_)

    return put


def _result(fields: Fields) -> Writer:
    ID, TYPE, METADATA, RESULTS, EXIT = fields("TaskResult")

    def put(to: Any, message: m.TaskResult) -> None:
        task_id, kind, metadata = message.task_id, message.result_type, message.metadata
        code = message.worker_exit
        if not (
            task_id.__class__ is metadata.__class__ is bytes
            and kind.__class__ is m.TaskResultType
            and code.__class__ is int
        ):
            raise ValueError
        put = to._set_by_field
        put(ID, task_id)
        if kind:  # zero is what a fresh builder holds
            put(TYPE, kind._value_)
        put(METADATA, metadata)
        results = _only(bytes, message.results)
        _put_list(to, RESULTS, results, len(results))
        if code:
            _fit(kind is m.TaskResultType.FAILED_WORKER_DIED)
            put(EXIT, code)

    return put


def _log(fields: Fields) -> Writer:
    ID, TYPE, CONTENT = fields("TaskLog")

    def put(to: Any, message: m.TaskLog) -> None:
        task_id, kind, content = message.task_id, message.log_type, message.content
        _fit(task_id.__class__ is bytes, kind.__class__ is m.LogType, content.__class__ is str)
        put = to._set_by_field
        put(ID, task_id)
        put(TYPE, kind._value_)
        put(CONTENT, content)

    return put


def _graph(fields: Fields) -> Writer:
    ID, SOURCE, TARGETS, GRAPH = fields("GraphTask")
    put_task = _task(fields)

    def put(to: Any, message: m.GraphTask) -> None:
        _fit(message.task_id.__class__ is bytes, message.source.__class__ is bytes)
        to._set_by_field(ID, message.task_id)
        to._set_by_field(SOURCE, message.source)
        targets = _only(bytes, message.targets)
        _put_list(to, TARGETS, targets, len(targets))
        tasks = _only(m.Task, message.graph)
        into = to._init_by_field(GRAPH, len(tasks))
        for index, task in enumerate(tasks):
            put_task(into._get(index), task)

    return put


def _instruction(fields: Fields) -> Writer:
    TYPE, USER, METADATA = fields("ObjectInstruction")
    IDS, TYPES, NAMES, SIZES = fields("ObjectMetadata")

    def put(to: Any, message: m.ObjectInstruction) -> None:
        kind, user = message.instruction_type, message.object_user
        metadata = message.object_metadata
        _fit(kind.__class__ is m.InstructionType, user.__class__ is bytes)
        _fit(metadata.__class__ is m.ObjectMetadata)
        to._set_by_field(TYPE, kind._value_)
        to._set_by_field(USER, user)
        ids = _only(bytes, metadata.object_ids)
        # In a list pycapnp takes an enum's member by name only.
        types = [_OBJECT_TYPES[type] for type in _only(m.ObjectType, metadata.object_types)]
        names = _only(bytes, metadata.object_names)
        sizes = _only(int, metadata.object_sizes)
        _fit(*(len(column) in (0, len(ids)) for column in (types, names, sizes)))
        inner = to._init_by_field(METADATA)
        _put_list(inner, IDS, ids, len(ids))
        # An absent column stays null, as a Scaler's client writes it.
        for field, column in ((TYPES, types), (NAMES, names), (SIZES, sizes)):
            if column:
                _put_list(inner, field, column, len(column))

    return put


def _heartbeat(fields: Fields) -> Writer:
    RESOURCE, LATENCY, HOSTNAME = fields("ClientHeartbeat")
    CPU, RSS = fields("Resource")

    def put(to: Any, message: m.ClientHeartbeat) -> None:
        resource, latency = message.resource, message.latency_microseconds
        hostname = message.hostname
        _fit(resource.__class__ is m.Resource, latency.__class__ is int)
        _fit(hostname.__class__ is str)
        _fit(resource.cpu.__class__ is int, resource.rss.__class__ is int)
        inner = to._init_by_field(RESOURCE)._set_by_field
        inner(CPU, resource.cpu)
        inner(RSS, resource.rss)
        to._set_by_field(LATENCY, latency)
        to._set_by_field(HOSTNAME, hostname)

    return put


def _echo(fields: Fields) -> Writer:
    (ADDRESS,) = fields("ClientHeartbeatEcho")
    HOST, PORT, SCHEME = fields("StorageAddress")

    def put(to: Any, message: m.ClientHeartbeatEcho) -> None:
        address = message.object_storage_address
        _fit(address.__class__ is m.StorageAddress, address.port.__class__ is int)
        _fit(address.host.__class__ is str, address.scheme.__class__ is str)
        inner = to._init_by_field(ADDRESS)._set_by_field
        inner(HOST, address.host)
        inner(PORT, address.port)
        inner(SCHEME, address.scheme)

    return put


def _disconnect(fields: Fields) -> Writer:
    (TYPE,) = fields("ClientDisconnect")

    def put(to: Any, message: m.ClientDisconnect) -> None:
        _fit(message.disconnect_type.__class__ is m.DisconnectType)
        to._set_by_field(TYPE, message.disconnect_type._value_)

    return put


def _shutdown(fields: Fields) -> Writer:
    (ACCEPTED,) = fields("ClientShutdownResponse")

    def put(to: Any, message: m.ClientShutdownResponse) -> None:
        _fit(message.accepted.__class__ is bool)
        to._set_by_field(ACCEPTED, message.accepted)

    return put


# -- how many words a message of typical ids needs; one that needs more becomes several segments

_MOST = 2**20


def _small(message: Any) -> int:
    return 40


def _task_words(message: m.Task) -> int:
    return min(40 + 6 * len(message.function_args), _MOST)


def _graph_words(message: m.GraphTask) -> int:
    return min(40 + 4 * len(message.targets) + sum(map(_task_words, message.graph)), _MOST)


def _instruction_words(message: m.ObjectInstruction) -> int:
    return min(40 + 12 * len(message.object_metadata.object_ids), _MOST)


WRITERS: dict[type, tuple[Callable[[Any], int], Callable[[Fields], Writer]]] = {
    m.Task: (_task_words, _task),
    m.TaskCancel: (_small, _cancel),
    m.TaskCancelConfirm: (_small, _confirm),
    m.TaskResult: (_small, _result),
    m.TaskLog: (_small, _log),
    m.GraphTask: (_graph_words, _graph),
    m.ObjectInstruction: (_instruction_words, _instruction),
    m.ClientHeartbeat: (_small, _heartbeat),
    m.ClientHeartbeatEcho: (_small, _echo),
    m.ClientDisconnect: (_small, _disconnect),
    m.ClientShutdownResponse: (_small, _shutdown),
}
"""Kind → words of the first segment, maker of the writer."""
