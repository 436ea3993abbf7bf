"""What pycapnp would swallow, and what the writers make of it. By field: test_fields."""

import struct

import capnp
import pytest

from futurefsm.protocol import codec
from futurefsm.protocol import messages as m
from futurefsm.protocol.codec import encode
from futurefsm.protocol.codec_write import WRITERS
from futurefsm.protocol.fields import explain

OBJECT = b"o" * 32
ARGUMENT = m.Argument(m.ArgumentType.OBJECT_ID, OBJECT)
TASK = m.Task(b"t" * 16, b"Client|" + b"0" * 32, bytes(6), OBJECT, (ARGUMENT,))


def test_every_kind_has_a_writer():
    assert set(WRITERS) == set(m.MESSAGES)


@pytest.mark.parametrize(
    ("struct_name", "field", "swallowed"),
    [
        ("TaskResult", "taskId", "a text in Data"),
        ("TaskLog", "content", b"\xff no text in Text"),
        ("TaskResult", "resultType", 77),
        ("TaskResult", "workerExit", 3.0),
    ],
)
def test_pycapnp_alone_would_write_this(struct_name, field, swallowed):
    # Why the writers look at every type. If this fails, they may do less.
    builder = getattr(codec._schema, struct_name).new_message()
    builder._set_by_field(getattr(codec._schema, struct_name).schema.fields[field], swallowed)


def test_pycapnp_refuses_the_rest_itself():
    builder = codec._schema.ClientHeartbeat.new_message()
    with pytest.raises(capnp.KjException):
        builder.latencyMicroseconds = 2**32


def usual(count):
    metadata = m.ObjectMetadata(
        (OBJECT,) * count, (m.ObjectType.OBJECT,) * count, (b"function",) * count, (100,) * count
    )
    node = m.Task(TASK.task_id, TASK.source, bytes(6), OBJECT, TASK.function_args * count)
    return [
        node,
        m.TaskCancel(TASK.task_id),
        m.TaskCancelConfirm(TASK.task_id, m.CancelConfirmType.CANCELED),
        m.TaskResult(TASK.task_id, m.TaskResultType.SUCCESS, bytes(16), (OBJECT,)),
        m.TaskLog(TASK.task_id, m.LogType.STDOUT, "a line of text\n"),
        m.GraphTask(TASK.task_id, TASK.source, (TASK.task_id,) * count, (TASK,) * count),
        m.ObjectInstruction(m.InstructionType.CREATE, TASK.source, metadata),
        m.ClientHeartbeat(m.Resource(1, 2), 3, "a-hostname-of-usual-length"),
        m.ClientHeartbeatEcho(m.StorageAddress("192.168.100.100", 65535)),
        m.ClientDisconnect(),
        m.ClientShutdownResponse(True),
    ]


@pytest.mark.parametrize("count", [1, 10, 1000])
def test_usual_messages_are_one_segment(count):
    for message in usual(count):
        explain(message)
        (more,) = struct.unpack_from("<I", encode(message))
        if not (count > 1 and isinstance(message, m.GraphTask)):
            assert more == 0, type(message).__name__
    # A graph is estimated by its tasks.
    wire = encode(m.GraphTask(TASK.task_id, TASK.source, (), (TASK,) * count))
    assert struct.unpack_from("<I", wire) == (0,)


def test_absent_columns_stay_null():
    few = encode(m.ObjectInstruction(m.InstructionType.DELETE, b"c", m.ObjectMetadata((OBJECT,))))
    none = encode(m.ObjectInstruction(m.InstructionType.DELETE, b"c", m.ObjectMetadata()))
    assert len(few) == 8 * 17
    assert len(none) < len(few)
