import struct
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.transport.buffers import Buffers, give_back
from futurefsm.protocol.transport.framing import (
    MAX_IDENTITY,
    Skipped,
    YmqFraming,
    frame_header,
    opening,
)


def greeted(**kwargs):
    framing = YmqFraming(**kwargs)
    assert framing.feed(opening(b"peer")) == []
    return framing


def stream(messages, identity=b"peer"):
    return opening(identity) + b"".join(frame_header(len(body)) + body for body in messages)


def test_the_opening_is_the_recorded_one(storage_recording):
    magic, identity = storage_recording[:2]
    recorded = magic["data"] + struct.pack("<Q", 39) + identity["data"]
    assert opening(identity["data"]) == recorded


messages = st.lists(st.binary(max_size=70), max_size=8)


@given(messages, st.lists(st.integers(1, 40), min_size=1))
def test_however_the_bytes_are_cut(bodies, sizes):
    wire, framing, came, turn = stream(bodies), YmqFraming(), [], 0
    while wire:
        size = sizes[turn % len(sizes)]
        came += framing.feed(wire[:size])
        came += framing.feed(b"")
        wire, turn = wire[size:], turn + 1
    assert came == bodies
    assert framing.peer_identity == b"peer"
    assert framing.at_boundary


@given(messages)
def test_byte_by_byte(bodies):
    wire, framing, came = stream(bodies), YmqFraming(), []
    for index in range(len(wire)):
        came += framing.feed(wire[index : index + 1])
    assert came == bodies


@pytest.mark.parametrize("size", [0, 1, 7, 8, 65536, 65537, 300_000])
def test_two_halves_at_every_interesting_place(size):
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    wire = stream([body, b"next"])
    for cut in [*range(40), len(wire) - 13, len(wire) - 12, len(wire) - 1]:
        framing = YmqFraming()
        assert framing.feed(wire[:cut]) + framing.feed(wire[cut:]) == [body, b"next"]


def test_an_end_within_a_message_is_told_from_one_between():
    framing = greeted()
    assert framing.at_boundary
    framing.feed(b"\x05")
    assert not framing.at_boundary
    framing.feed(bytes(7) + b"abc")
    assert not framing.at_boundary
    assert framing.feed(b"de") == [b"abcde"]
    assert framing.at_boundary


def test_an_empty_identity_is_an_identity():
    framing = YmqFraming()
    framing.feed(opening(b""))
    assert framing.peer_identity == b""


@pytest.mark.parametrize("start", [b"GET ", b"\0", b"Y\0", b"YMQ\x01", b"YMQ\x03", b"ymq\x02"])
def test_wrong_magic_is_seen_at_once(start):
    framing = YmqFraming()
    with pytest.raises(ProtocolError, match="not a YMQ stream of version 2") as raised:
        framing.feed(start)
    assert raised.value.head == start
    assert framing.failure is raised.value
    with pytest.raises(ProtocolError):
        framing.feed(b"")


def test_the_magic_is_what_begins_a_stream():
    wire = opening(b"peer") + frame_header(3) + b"abc"
    framing = YmqFraming()
    for at in range(len(wire)):
        assert framing.begun == (at >= 4)
        framing.feed(wire[at : at + 1])
    assert framing.begun
    with pytest.raises(ProtocolError):
        framing.feed(frame_header(2**40))
    assert not framing.begun


def test_announced_lengths_cost_nothing():
    framing = greeted()
    tracemalloc.start()
    for _ in range(100):
        framing = greeted()
        framing.feed(frame_header(2**33) + b"x")
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize("length", [101, 2**63, 2**64 - 1])
@pytest.mark.parametrize("cut", [3, 8, None])
def test_too_long_a_message(length, cut):
    framing = greeted(max_message=100)
    wire = frame_header(length) + b"body"
    if cut == 3:
        assert framing.feed(wire[:3]) == []
        wire = wire[3:]
    elif cut == 8:
        wire = wire[:8]
    with pytest.raises(ProtocolError, match=f"a message of {length} bytes announced, 100 are"):
        framing.feed(wire)
    assert greeted(max_message=100).feed(frame_header(100) + bytes(100)) == [bytes(100)]


def test_too_long_an_identity():
    with pytest.raises(ProtocolError, match="an identity of 4097 bytes announced, 4096 are"):
        YmqFraming().feed(opening(bytes(MAX_IDENTITY + 1)))


def test_what_precedes_the_fault_is_delivered():
    framing = greeted(max_message=100)
    wire = frame_header(2) + b"ok" + frame_header(101)
    assert framing.feed(wire) == [b"ok"]
    assert framing.failure is not None
    with pytest.raises(ProtocolError, match="101 bytes announced"):
        framing.feed(b"")


def test_small_messages_in_linear_time():
    def seconds(count):
        wire = (frame_header(10) + bytes(10)) * count
        best = float("inf")
        for _ in range(3):
            framing = greeted()
            # Of this thread alone: the machine may be busy.
            started = time.thread_time()
            assert len(framing.feed(wire)) == count
            best = min(best, time.thread_time() - started)
        return best

    assert seconds(200_000) < 20 * 5 * seconds(10_000)


def test_a_large_payload_is_not_copied_again_and_again():
    size, chunk = 100 * 2**20, bytes(262_144)
    framing = greeted()
    framing.feed(frame_header(size))
    tracemalloc.start()
    started = time.thread_time()
    for _ in range(size // len(chunk) - 1):
        assert framing.feed(chunk) == []
    (message,) = framing.feed(chunk)
    seconds = time.thread_time() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(message) == size
    assert isinstance(message, bytearray)
    assert peak < 1.3 * size
    # 400 chunks of 256 KiB: copying everything on each would be 20 GB.
    assert seconds < 3, "processor time"


def test_memory_follows_what_arrived():
    framing = greeted()
    framing.feed(frame_header(2**33))
    tracemalloc.start()
    for _ in range(64):
        framing.feed(bytes(65536))
    arrived = 64 * 65536
    assert tracemalloc.get_traced_memory()[1] < 2 * arrived
    tracemalloc.stop()


def test_a_message_for_which_there_is_no_memory_is_passed_over():
    framing = YmqFraming()
    framing.feed(opening(b"peer"))
    size = 100_000

    class Poor(bytearray):
        """Takes no more than half of it."""

        def __iadd__(self, part):
            if len(self) + len(part) > 50_000:
                raise MemoryError
            return super().__iadd__(part)

    stream = frame_header(size) + bytes(size) + frame_header(3) + b"abc"
    got = framing.feed(stream[:8])
    framing._body = Poor()
    for at in range(8, len(stream), 7001):
        got += framing.feed(stream[at : at + 7001])
    skipped, after = got
    assert (skipped, skipped.size) == (b"", size)
    assert isinstance(skipped, Skipped)
    assert after == b"abc"
    assert framing.at_boundary


@pytest.mark.parametrize("cut", [1, 1000, 65_536, 300_000])
def test_large_messages_arrive_in_spare_buffers(cut):
    framing, bodies = greeted(), []
    framing.buffers = Buffers()
    sizes = [3, 100_000, 65_536, 65_537, 0, 200_000, 100_000]
    expected = [bytes([n + 1]) * size for n, size in enumerate(sizes)]
    wire = b"".join(frame_header(len(body)) + body for body in expected)
    if cut == 1:
        wire, expected = wire[: 3 + 8 + 100_008], expected[:2]
    lent = 0
    for at in range(0, len(wire), cut):
        for message in framing.feed(wire[at : at + cut]):
            bodies.append(bytes(message))
            lent += isinstance(message, memoryview)
            give_back(message)
    assert bodies == expected
    assert framing.at_boundary
    assert lent
    assert 0 < len(framing.buffers) <= 2


def test_much_of_a_large_message_is_read_where_it_is_to_stay():
    framing = greeted()
    assert framing.room() is None
    framing.feed(frame_header(200_000) + bytes(10))
    assert framing.room() is None  # no spare buffers: it grows with what has arrived
    framing.feed(bytes(199_990))
    framing.buffers = Buffers()
    body = bytes(range(250)) * 800
    assert framing.feed(frame_header(200_000) + body[:1000]) == []
    for stop in (50_000, 150_000):
        room, start = framing.room(), framing._filled
        assert len(room) == 200_000 - start
        room[: stop - start] = body[start:stop]
        assert framing.filled(stop - start) == []
    assert framing.room() is None  # the rest is little, and may come with the next message
    came, after = framing.feed(body[150_000:] + frame_header(3) + b"abc")
    assert (bytes(came), after) == (body, b"abc")
    framing.feed(frame_header(200_000))
    framing.room()[:] = body
    assert framing.filled(199_999) == []  # all but its last byte
    assert [bytes(each) for each in framing.filled(1)] == [body]
    assert framing.at_boundary
    assert framing.room() is None


def test_no_memory_for_a_spare_buffer():
    class Short(Buffers):
        def take(self, size):
            raise MemoryError

    framing = greeted()
    framing.buffers = Short()
    wire = frame_header(70_000) + bytes(70_000)
    assert framing.feed(wire[:100]) == []
    assert framing.feed(wire[100:]) == [bytes(70_000)]


def test_a_fault_behind_a_lent_buffer():
    framing = greeted(max_message=100_000)
    framing.buffers = Buffers()
    framing.feed(frame_header(100_000) + bytes(5))
    came = framing.feed(bytes(99_995) + frame_header(100_001))
    assert [bytes(each) for each in came] == [bytes(100_000)]
    with pytest.raises(ProtocolError):
        framing.feed(b"")
