"""Every refusal of the writing side, by field: `encode` and `explain` must agree."""

import dataclasses

import pytest

from futurefsm.protocol import fields
from futurefsm.protocol import messages as m
from futurefsm.protocol.codec import encode
from futurefsm.protocol.fields import explain

ID = b"t" * 16
TASK = m.Task(ID, b"c", b"", b"f" * 32)
RESULT = m.TaskResult(ID, m.TaskResultType.SUCCESS)
LOG = m.TaskLog(ID, m.LogType.STDOUT, "x")
GRAPH = m.GraphTask(ID, b"c", (ID,), (TASK,))
META = m.ObjectMetadata((ID,), (m.ObjectType.OBJECT,), (b"n",), (1,))
INSTRUCTION = m.ObjectInstruction(m.InstructionType.CREATE, b"c", META)
BEAT = m.ClientHeartbeat(m.Resource(1, 2), 3, "h")
ECHO = m.ClientHeartbeatEcho(m.StorageAddress("h", 1))
DIED = m.TaskResult(ID, m.TaskResultType.FAILED_WORKER_DIED, worker_exit=-9)


def having(message, path, value):
    """The message with one field, perhaps of a part, replaced."""
    first, _, rest = path.partition(".")
    inner = having(getattr(message, first), rest, value) if rest else value
    return dataclasses.replace(message, **{first: inner})


ARGUMENT = m.Argument(m.ArgumentType.OBJECT_ID, ID)
WRONG_TYPE = [
    (TASK, "task_id", "text"),
    (TASK, "source", "text"),
    (TASK, "metadata", bytearray(6)),
    (TASK, "func_object_id", None),
    (TASK, "function_args", [ARGUMENT]),
    (TASK, "function_args", 5),
    (TASK, "function_args", (ID,)),
    (TASK, "function_args", (m.Argument(1, ID),)),
    (TASK, "function_args", (m.Argument(m.ArgumentType.TASK, "x"),)),
    (TASK, "capabilities", (("gpu", 1),)),
    (TASK, "capabilities", (m.TaskCapability(b"gpu", 1),)),
    (TASK, "capabilities", (m.TaskCapability("gpu", 1.0),)),
    (m.TaskCancel(ID), "task_id", ""),
    (m.TaskCancel(ID), "force", 1),
    (m.TaskCancelConfirm(ID, m.CancelConfirmType.CANCELED), "cancel_confirm_type", 0),
    (
        m.TaskCancelConfirm(ID, m.CancelConfirmType.CANCELED),
        "cancel_confirm_type",
        m.LogType.STDERR,
    ),
    (m.TaskCancelConfirm(ID, m.CancelConfirmType.CANCELED), "task_id", "x"),
    (RESULT, "task_id", "x"),
    (RESULT, "result_type", 0),
    (RESULT, "metadata", "x"),
    (RESULT, "results", b"o"),
    (RESULT, "results", ("o",)),
    (RESULT, "worker_exit", False),
    (RESULT, "worker_exit", 0.0),
    (LOG, "task_id", "x"),
    (LOG, "log_type", 1),
    (LOG, "content", b"bytes"),
    (GRAPH, "task_id", "x"),
    (GRAPH, "source", "x"),
    (GRAPH, "targets", (1,)),
    (GRAPH, "graph", (RESULT,)),
    (GRAPH, "graph", 7),
    (GRAPH, "graph", (having(TASK, "source", "x"),)),
    (INSTRUCTION, "instruction_type", 0),
    (INSTRUCTION, "object_user", "x"),
    (INSTRUCTION, "object_metadata", None),
    (INSTRUCTION, "object_metadata.object_ids", [ID]),
    (INSTRUCTION, "object_metadata.object_types", (1,)),
    (INSTRUCTION, "object_metadata.object_names", ("n",)),
    (INSTRUCTION, "object_metadata.object_sizes", (1.0,)),
    (BEAT, "resource", None),
    (BEAT, "resource.cpu", 1.0),
    (BEAT, "resource.rss", True),
    (BEAT, "latency_microseconds", "x"),
    (BEAT, "hostname", b"h"),
    (ECHO, "object_storage_address", ("h", 1)),
    (ECHO, "object_storage_address.host", b"h"),
    (ECHO, "object_storage_address.port", "1"),
    (ECHO, "object_storage_address.scheme", None),
    (m.ClientDisconnect(), "disconnect_type", 1),
    (m.ClientShutdownResponse(True), "accepted", 1),
]
OUT_OF_RANGE = [
    (TASK, "capabilities", (m.TaskCapability("gpu", 2**63),)),
    (TASK, "capabilities", (m.TaskCapability("gpu", -(2**63) - 1),)),
    (TASK, "capabilities", (m.TaskCapability("gpu", 2**64),)),
    (TASK, "capabilities", (m.TaskCapability("\ud800", 1),)),
    (TASK, "task_id", bytes(2**29)),
    (RESULT, "results", (bytes(2**29),)),
    (RESULT, "worker_exit", 1),
    (DIED, "worker_exit", 2**31),
    (DIED, "worker_exit", -(2**31) - 1),
    (LOG, "content", "a\ud800"),
    (INSTRUCTION, "object_metadata.object_sizes", (-1,)),
    (INSTRUCTION, "object_metadata.object_sizes", (2**64,)),
    (INSTRUCTION, "object_metadata.object_sizes", (1, 2)),
    (INSTRUCTION, "object_metadata.object_types", (m.ObjectType.OBJECT,) * 2),
    (INSTRUCTION, "object_metadata.object_ids", ()),
    (BEAT, "resource.cpu", 2**16),
    (BEAT, "resource.rss", -1),
    (BEAT, "latency_microseconds", 2**32),
    (ECHO, "object_storage_address.port", 65536),
    (ECHO, "object_storage_address.port", -1),
]


def names(cases):
    return [f"{type(message).__name__}.{path}-{index}" for index, (message, path, _) in cases]


@pytest.mark.parametrize("base", [TASK, RESULT, LOG, GRAPH, INSTRUCTION, BEAT, ECHO, DIED])
def test_the_messages_that_the_cases_start_from_are_fine(base):
    explain(base)
    assert encode(base)


@pytest.mark.parametrize(("message", "path", "value"), WRONG_TYPE, ids=names(enumerate(WRONG_TYPE)))
def test_wrong_types_are_named(message, path, value):
    wrong = having(message, path, value)
    for judge in (explain, encode):
        with pytest.raises(TypeError) as raised:
            judge(wrong)
        assert str(raised.value).startswith(f"{type(message).__name__}.{path}")


@pytest.mark.parametrize(
    ("message", "path", "value"), OUT_OF_RANGE, ids=names(enumerate(OUT_OF_RANGE))
)
def test_values_that_do_not_fit_are_named(message, path, value):
    wrong = having(message, path, value)
    for judge in (explain, encode):
        with pytest.raises(ValueError) as raised:
            judge(wrong)
        assert str(raised.value).startswith(f"{type(message).__name__}.{path.rpartition('.')[0]}")
        assert len(str(raised.value)) < 300


def test_the_error_leads_to_the_element():
    wrong = having(GRAPH, "graph", (TASK, having(TASK, "function_args", (m.Argument(1, ID),))))
    with pytest.raises(TypeError) as raised:
        encode(wrong)
    assert str(raised.value) == (
        "GraphTask.graph[1].function_args[0].type must be ArgumentType, not int"
    )


@pytest.mark.parametrize("thing", [None, 5, b"bytes", ARGUMENT, m.Task])
def test_what_is_no_message(thing):
    for judge in (explain, encode):
        with pytest.raises(TypeError, match="not a message"):
            judge(thing)


def test_a_subclass_is_no_message():
    class Mine(m.TaskCancel):
        pass

    with pytest.raises(TypeError, match="not a message of the scheduler channel: Mine"):
        encode(Mine(ID))


def test_long_texts_and_lists_are_refused(monkeypatch):
    # The true limit is half a gigabyte.
    monkeypatch.setattr(fields, "MAX_DATA", 20)
    explain(having(LOG, "content", "x" * 19))
    with pytest.raises(ValueError, match="has 20 bytes; the wire carries 19"):
        explain(having(LOG, "content", "x" * 18 + "é"))
    monkeypatch.setattr(fields, "MAX_LIST", 2)
    with pytest.raises(ValueError, match="targets has 3 elements; the wire carries 2"):
        explain(having(GRAPH, "targets", (b"",) * 3))
