"""Messages of known shapes: the same bytes and the same messages as the codec's own."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from futurefsm.protocol import codec, shapes
from futurefsm.protocol import messages as m
from futurefsm.protocol.codec import Limits, decode, encode
from futurefsm.protocol.errors import ProtocolError

# Another object than the default: with it the codec reads by itself.
BY_ITSELF = Limits()

fields = st.binary(max_size=40)
arguments = st.builds(m.Argument, st.sampled_from(m.ArgumentType), fields)
tasks = st.builds(
    m.Task, fields, fields, fields, fields, st.lists(arguments, max_size=3).map(tuple)
)
results = st.builds(
    m.TaskResult,
    fields,
    st.sampled_from(m.TaskResultType),
    fields,
    st.lists(fields, max_size=3).map(tuple),
)


class Counting:
    """Shapes, and how often they ask the codec."""

    def __init__(self) -> None:
        self.asked = 0
        self.shapes = shapes.Shapes(self.encode)

    def encode(self, message: m.Message) -> bytes:
        self.asked += 1
        return codec._encoded(message)


TASK = m.Task(b"t" * 16, b"me", b"", b"f%b" * 4, (m.Argument(m.ArgumentType.TASK, b"a" * 32),))


@given(tasks | results)
def test_the_bytes_and_the_messages_are_the_codecs(message: m.Message) -> None:
    counting = Counting()
    data = codec._encoded(message)
    assert counting.shapes.write(message) == data
    assert counting.shapes.read(data) == message
    assert decode(data, BY_ITSELF) == message


def test_the_codec_is_asked_once_for_a_shape() -> None:
    counting = Counting()
    assert counting.shapes.write(TASK) == codec._encoded(TASK)
    asked = counting.asked
    # Itself, and once for each field that is not empty.
    assert asked == 5
    other = m.Task(b"u" * 16, b"he", b"", b"%" * 12, (m.Argument(m.ArgumentType.TASK, bytes(32)),))
    assert counting.shapes.write(other) == codec._encoded(other)
    assert counting.asked == asked


def test_what_came_is_read_here_the_next_time() -> None:
    counting = Counting()
    data = codec._encoded(TASK)
    assert counting.shapes.read(data) is None
    counting.shapes.came(TASK, data)
    asked = counting.asked
    assert counting.shapes.read(data) == TASK
    counting.shapes.came(TASK, data)
    assert counting.asked == asked


def test_who_writes_in_a_way_of_his_own_is_left_to_the_codec() -> None:
    counting = Counting()
    data = codec._encoded(TASK)
    # A far pointer, unused words: longer, and not what would be written here.
    counting.shapes.came(TASK, data + bytes(8))
    asked = counting.asked
    assert counting.shapes.read(data + bytes(8)) is None
    counting.shapes.came(TASK, data + bytes(8))
    assert counting.asked == asked


def test_every_byte_of_it_has_to_be_right() -> None:
    counting = Counting()
    data = codec._encoded(TASK)
    counting.shapes.came(TASK, data)
    read = 0
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        message = counting.shapes.read(changed)
        if message is not None:
            assert message == decode(changed, BY_ITSELF) != TASK
            read += 1
    # Those of the fields.
    assert read == 16 + 2 + 12 + 32


@pytest.mark.parametrize(
    "message",
    [
        m.TaskCancel(b"t"),
        m.TaskResult(b"t", m.TaskResultType.FAILED_WORKER_DIED, b"", (), 9),
        m.Task(b"t", b"me", b"", b"f", (), (m.TaskCapability("gpu"),)),
        m.Task(b"t", b"me", b"", bytes(shapes.FIELDS_BYTES_MAX)),
        m.Task(b"t", b"me", b"", bytes(2 * shapes.FIELDS_BYTES_MAX)),
        m.Task(b"t", b"me", b"", b"f", TASK.function_args * (shapes.ITEMS_MAX + 1)),
        m.TaskResult(b"t", m.TaskResultType.SUCCESS, b"", (b"",) * (shapes.ITEMS_MAX + 1)),
    ],
)
def test_others_are_left_to_the_codec(message: m.Message) -> None:
    counting = Counting()
    assert counting.shapes.write(message) is None
    counting.shapes.came(message, codec._encoded(message))
    assert counting.asked == 0
    assert decode(encode(message)) == message


WRONG: list[Any] = [
    m.Task(b"t", b"me", b"", bytearray(b"f")),  # type: ignore[arg-type]
    m.Task(b"t", b"me", b"", b"f", [TASK.function_args[0]]),  # type: ignore[arg-type]
    m.Task(b"t", b"me", b"", b"f", (b"a",)),  # type: ignore[arg-type]
    m.Task(b"t", b"me", b"", b"f", (m.Argument(0, b"a"),)),  # type: ignore[arg-type]
    m.Task(b"t", b"me", b"", b"f", (), []),  # type: ignore[arg-type]
    m.TaskResult(b"t", 0),  # type: ignore[arg-type]
    m.TaskResult(b"t", m.TaskResultType.SUCCESS, b"", [b"r"]),  # type: ignore[arg-type]
    m.TaskResult(b"t", m.TaskResultType.SUCCESS, b"", (), False),
]


@pytest.mark.parametrize("message", WRONG, ids=repr)
def test_what_does_not_fit_is_explained_as_ever(message: Any) -> None:
    right = (TASK, m.TaskResult(b"t", m.TaskResultType.SUCCESS, b"", (b"r",)))
    for known in right:
        assert decode(encode(known)) == known
    with pytest.raises(TypeError):
        encode(message)


def test_no_more_are_remembered_than_a_few() -> None:
    counting = Counting()
    for size in range(shapes.SHAPES_MAX + 5):
        message = m.TaskResult(b"t", m.TaskResultType.SUCCESS, bytes(size))
        assert counting.shapes.write(message) in (None, codec._encoded(message))
    assert len(counting.shapes._known) == shapes.SHAPES_MAX
    sizes = len(counting.shapes._sizes)
    for size in range(0, 8 * shapes.SHAPES_MAX, 8):
        counting.shapes.came(m.TaskResult(bytes(size), m.TaskResultType.FAILED), bytes(size))
    assert sizes <= len(counting.shapes._sizes) <= shapes.SHAPES_MAX


def test_the_codec_looks_here_first(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(TASK)
    monkeypatch.setattr(codec, "_encoded", None)
    monkeypatch.setattr(codec, "_DECODERS", {})
    assert encode(TASK) == data
    assert decode(data) == TASK
    with pytest.raises(ProtocolError, match="which no client"):
        decode(data, BY_ITSELF)


def test_what_one_has_learned_another_is_told() -> None:
    """In another process, where nobody may be there to be asked."""
    learned, told = Counting(), Counting()
    result = m.TaskResult(b"t" * 16, m.TaskResultType.SUCCESS, b"%", (b"r" * 32,))
    data = [learned.shapes.write(message) for message in (TASK, result)]
    told.shapes.know(pickle.loads(pickle.dumps(learned.shapes.told())))
    assert [told.shapes.write(message) for message in (TASK, result)] == data
    assert [told.shapes.read(each or b"") for each in data] == [TASK, result]
    assert told.asked == 0
