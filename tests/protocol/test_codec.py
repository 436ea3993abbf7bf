"""The codec as a whole: recorded bytes, round trips, size. Bad bytes: test_codec_read."""

import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from futurefsm.protocol import codec
from futurefsm.protocol import messages as m
from futurefsm.protocol.codec import Limits, decode, encode
from futurefsm.protocol.errors import ProtocolError

data = st.binary(max_size=48)
texts = st.text(max_size=30)
datas = st.lists(data, max_size=4).map(tuple)


def tuples(of, most=4):
    return st.lists(of, max_size=most).map(tuple)


arguments = st.builds(m.Argument, st.sampled_from(m.ArgumentType), data)
capabilities = st.builds(m.TaskCapability, texts, st.integers(-(2**63), 2**63 - 1))
tasks = st.builds(m.Task, data, data, data, data, tuples(arguments), tuples(capabilities, 2))


@st.composite
def metadatas(draw):
    ids = draw(datas)

    def column(of):
        whole = st.lists(of, min_size=len(ids), max_size=len(ids)).map(tuple)
        return draw(st.just(()) | whole)

    return m.ObjectMetadata(
        ids, column(st.sampled_from(m.ObjectType)), column(data), column(st.integers(0, 2**64 - 1))
    )


ended = st.sampled_from([m.TaskResultType.SUCCESS, m.TaskResultType.FAILED])
died = st.just(m.TaskResultType.FAILED_WORKER_DIED)
KINDS = {
    m.Task: tasks,
    m.TaskCancel: st.builds(m.TaskCancel, data, st.booleans()),
    m.TaskCancelConfirm: st.builds(m.TaskCancelConfirm, data, st.sampled_from(m.CancelConfirmType)),
    m.TaskResult: st.builds(m.TaskResult, data, ended, data, datas)
    | st.builds(m.TaskResult, data, died, data, datas, st.integers(-(2**31), 2**31 - 1)),
    m.TaskLog: st.builds(m.TaskLog, data, st.sampled_from(m.LogType), texts),
    m.GraphTask: st.builds(m.GraphTask, data, data, datas, tuples(tasks, 3)),
    m.ObjectInstruction: st.builds(
        m.ObjectInstruction, st.sampled_from(m.InstructionType), data, metadatas()
    ),
    m.ClientHeartbeat: st.builds(
        m.ClientHeartbeat,
        st.builds(m.Resource, st.integers(0, 2**16 - 1), st.integers(0, 2**64 - 1)),
        st.integers(0, 2**32 - 1),
        texts,
    ),
    m.ClientHeartbeatEcho: st.builds(
        m.ClientHeartbeatEcho, st.builds(m.StorageAddress, texts, st.integers(0, 65535), texts)
    ),
    m.ClientDisconnect: st.builds(m.ClientDisconnect, st.sampled_from(m.DisconnectType)),
    m.ClientShutdownResponse: st.builds(m.ClientShutdownResponse, st.booleans()),
}


def test_recorded_messages_come_out_byte_for_byte(scheduler_recording):
    assert len(scheduler_recording) == 55
    for kind, recorded in scheduler_recording:
        message = decode(recorded)
        assert type(message).__name__.lower() == kind.lower()
        assert encode(message) == recorded


def test_a_recorded_result(scheduler_recording):
    recorded = next(data for kind, data in scheduler_recording if kind == "taskResult")
    message = decode(recorded)
    assert message == m.TaskResult(
        bytes.fromhex("27ab1e65d7964b3ba5a0c53b6d43a992"),
        m.TaskResultType.SUCCESS,
        bytes.fromhex("3b93d63d") + bytes(12),
        (bytes.fromhex("4ed0cc1b3a32c5c2024417d19052645ea7545e400dbf4346bde30b4ef7d4d2c3"),),
    )


def test_a_worker_s_exit_lies_in_padding():
    plain = encode(m.TaskResult(b"i" * 16, m.TaskResultType.FAILED_WORKER_DIED))
    telling = encode(m.TaskResult(b"i" * 16, m.TaskResultType.FAILED_WORKER_DIED, worker_exit=-9))
    assert len(plain) == len(telling)
    different = [index for index in range(len(plain)) if plain[index] != telling[index]]
    assert len(different) == 4
    assert telling[different[0] : different[0] + 4] == struct.pack("<i", -9)


@pytest.mark.parametrize("kind", m.MESSAGES, ids=lambda kind: kind.__name__)
def test_every_kind_comes_back(kind):
    @settings(max_examples=60, deadline=None)
    @given(KINDS[kind])
    def round_trip(message):
        wire = encode(message)
        assert type(wire) is bytes
        assert len(wire) % 8 == 0
        assert decode(wire) == message
        assert decode(memoryview(bytearray(wire))) == message

    round_trip()


@pytest.mark.parametrize("kind", m.MESSAGES, ids=lambda kind: kind.__name__)
def test_many_segments_come_back(kind, monkeypatch):
    field, _, put = codec._ENCODERS[kind]
    monkeypatch.setitem(codec._ENCODERS, kind, (field, lambda message: 1, put))
    seen = set()

    @settings(max_examples=40, deadline=None)
    @given(KINDS[kind])
    def round_trip(message):
        wire = encode(message)
        seen.add(struct.unpack_from("<I", wire)[0] + 1)
        assert decode(wire) == message

    round_trip()
    assert max(seen) > 1


def test_nothing_of_pycapnp_comes_out(scheduler_recording):
    allowed = {bytes, str, int, bool}

    def walk(value):
        if isinstance(value, tuple):
            for element in value:
                walk(element)
        elif type(value).__module__ == m.__name__:
            for name in getattr(value, "__dataclass_fields__", ()):
                walk(getattr(value, name))
        else:
            assert type(value) in allowed

    for _, recorded in scheduler_recording:
        walk(decode(recorded))


def test_decoded_values_do_not_share_the_input():
    wire = bytearray(encode(m.TaskLog(b"id", m.LogType.STDOUT, "text")))
    message = decode(memoryview(wire))
    wire[:] = bytes(len(wire))
    assert message == m.TaskLog(b"id", m.LogType.STDOUT, "text")


def test_more_than_64_mebibytes_in_several_segments():
    # pycapnp's own traversal limit would refuse it.
    node = m.Task(b"n" * 16, b"s" * 39, bytes(6), b"f" * 32)
    big = m.GraphTask(b"u" * 16, b"s" * 39, (bytes(40 * 2**20), bytes(30 * 2**20)), (node,) * 2000)
    wire = encode(big)
    assert len(wire) > 70 * 2**20
    assert struct.unpack_from("<I", wire)[0] > 0
    assert decode(wire) == big


def test_large_graphs_are_quick_and_small():
    argument = m.Argument(m.ArgumentType.OBJECT_ID, b"a" * 32)
    node = m.Task(b"n" * 16, b"s" * 39, bytes(6), b"f" * 32, (argument,) * 3)
    wire = encode(m.GraphTask(b"u" * 16, b"s" * 39, (), (node,) * 5000))
    tracemalloc.start()
    message = decode(wire)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(message.graph) == 5000
    assert peak < 8 * len(wire) + 2**20


def test_limits_are_arguments():
    wire = encode(m.TaskLog(b"", m.LogType.STDOUT, "x" * 1000))
    assert decode(wire, Limits(max_bytes=len(wire)))
    for form in (wire, memoryview(wire)):
        with pytest.raises(ProtocolError, match=f"of {len(wire)} bytes, 1000 are allowed"):
            decode(form, Limits(max_bytes=1000))
    with pytest.raises(ProtocolError, match="nested"):
        decode(wire, Limits(nesting=1))


@pytest.mark.parametrize("thing", [None, "text", 5, [1]])
def test_decoding_what_is_no_bytes_is_the_caller_s_mistake(thing):
    with pytest.raises(TypeError, match="decode needs bytes"):
        decode(thing)


def test_views_of_other_items_are_taken_as_bytes():
    wire = encode(m.ClientDisconnect())
    assert decode(memoryview(wire).cast("Q")) == m.ClientDisconnect()


def test_trouble_that_is_not_the_message_s_comes_through(monkeypatch):
    field, words, _ = codec._ENCODERS[m.TaskCancel]

    def put(to, message):
        raise MemoryError

    monkeypatch.setitem(codec._ENCODERS, m.TaskCancel, (field, words, put))
    with pytest.raises(MemoryError):
        encode(m.TaskCancel(b""))


def test_the_schema_imports_nothing():
    # pycapnp aborts the process when an import cannot be resolved.
    schemas = list((Path(codec.__file__).parent / "schema").glob("*.capnp"))
    assert schemas
    for schema in schemas:
        code = [line.partition("#")[0] for line in schema.read_text().splitlines()]
        assert not any("import" in line or "using" in line for line in code)


def test_only_the_codec_imports_pycapnp():
    script = (
        "import sys\n"
        "from futurefsm.protocol import errors, fields, ids, mapping, messages, object_store\n"
        "from futurefsm.protocol import codec_read, codec_write, session, task_flags\n"
        "assert not {'capnp', 'zmq'} & {name.split('.')[0] for name in sys.modules}\n"
        "import futurefsm.protocol as room\n"
        "room.encode\n"
        "assert 'capnp' in sys.modules and 'zmq' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_every_ordinal_of_the_union_is_taken():
    members = codec._Message.schema.union_fields
    assert len(members) == 27
    assert [*members][18:20] == ["clientDisconnect", "clientShutdownResponse"]


def test_a_deleted_current_directory_is_an_error_not_an_abort(tmp_path):
    # pycapnp aborts the process when it is imported in a directory that is gone.
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"""
import os, sys
sys.path[:] = {[p for p in sys.path if p]!r}
os.chdir({str(gone)!r})
os.rmdir({str(gone)!r})
try:
    import futurefsm.protocol.codec
except ImportError as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert "current directory was deleted" in ended.stdout
