"""The engine's end of a worker's pipe: any cut of the bytes, garbage, and large payloads."""

import socket
from collections.abc import Iterator
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from futurefsm.client.engine import frames
from futurefsm.client.engine.pipe import Pipe, PipeBroken


@pytest.fixture
def ends() -> Iterator[tuple[Pipe, socket.socket]]:
    ours, theirs = socket.socketpair()
    pipe = Pipe(ours, 1 << 20)
    yield pipe, theirs
    pipe.close()
    theirs.close()


@given(
    payloads=st.lists(st.binary(max_size=200), min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 80), min_size=1, max_size=5),
)
def test_any_cut(payloads: list[bytes], cuts: list[int]) -> None:
    ours, theirs = socket.socketpair()
    pipe = Pipe(ours, 1 << 20)
    with theirs:
        answers = []
        # One answer at a time is on its way, as between an engine and its worker.
        for sequence, payload in enumerate(payloads):
            data = frames.answer_header(frames.VALUE, sequence, len(payload), 1.0, 2, 3.0) + payload
            at, step = 0, 0
            while at < len(data):
                size = cuts[step % len(cuts)]
                theirs.sendall(data[at : at + size])
                answers += pipe.receive()
                at, step = at + size, step + 1
        pipe.close()
    assert [one.payload for one in answers] == payloads
    assert [one.sequence for one in answers] == list(range(len(payloads)))
    assert {(one.seconds, one.peak_bytes, one.cpu_seconds) for one in answers} == {(1.0, 2, 3.0)}


@pytest.mark.parametrize(
    "data",
    [
        b"x" * 100,
        frames.answer_header(9, 1, 0),
        frames.answer_header(frames.VALUE, 1, (1 << 20) + 1),
        frames.answer_header(frames.HANDED, 1, 5),
    ],
)
def test_what_is_no_answer_is_refused(ends: tuple[Pipe, socket.socket], data: bytes) -> None:
    ends[1].sendall(data)
    with pytest.raises(PipeBroken):
        ends[0].receive()


def test_the_end_is_told(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, theirs = ends
    theirs.sendall(frames.answer_header(frames.READY, 0, 0))
    theirs.close()
    assert len(pipe.receive()) == 1
    assert pipe.receive() == []
    assert pipe.ended


def test_a_large_message_leaves_in_turns_and_uncopied(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, theirs = ends
    payload = bytearray(range(256)) * 20_000
    pipe.send(b"head", payload)
    assert pipe.wants_write
    received = bytearray()
    theirs.setblocking(False)
    while pipe.wants_write:
        pipe.flush()
        while True:
            try:
                received += theirs.recv(1 << 20)
            except BlockingIOError:
                break
    assert received == b"head" + payload


def test_writing_to_the_dead_is_no_error(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, theirs = ends
    theirs.close()
    pipe.send(b"anything")
    assert not pipe.wants_write


@pytest.mark.parametrize("times", [(1e300, 0.0), (0.0, -1e300), (nan, 0.0), (0.0, inf)])
def test_times_that_cannot_be_are_no_answer(
    ends: tuple[Pipe, socket.socket], times: tuple[float, float]
) -> None:
    """User code can write into the pipe; its client would wait for ever for what cannot be told."""
    pipe, theirs = ends
    theirs.sendall(frames.answer_header(frames.VALUE, 1, 0, times[0], 0, times[1]))
    with pytest.raises(PipeBroken):
        pipe.receive()


def test_a_value_that_was_handed_over() -> None:
    ours, theirs = socket.socketpair()
    value = b"large"
    pipe = Pipe(ours, 1 << 20, lambda number, size: value if (number, size) == (7, 5) else None)
    with theirs:
        header = frames.answer_header(frames.HANDED, 7, 5, 1.0, 2, 3.0)
        # Behind it may come what a thread that was left behind writes.
        theirs.sendall(header + frames.log_header(7, 1, 2) + b"hi")
        first, second = pipe.receive()
        assert first.payload is value
        assert first[:5] == (frames.VALUE, 7, 1.0, 2, 3.0)
        assert (second.kind, bytes(second.payload)) == (frames.LOG, b"hi")
        theirs.sendall(frames.answer_header(frames.HANDED, 8, 5))
        with pytest.raises(PipeBroken):
            pipe.receive()
        pipe.close()
