"""What a task writes, on its way to its client."""

import io
import os
import sys
import threading

import pytest

from futurefsm.client.engine import frames, live
from futurefsm.client.engine.live import Gate, Live, LiveStream


def texts(written: list[bytes]) -> list[tuple[int, int, str]]:
    """(sequence, stream, text) of each message."""
    found = []
    for data in written:
        head = frames.TO_ENGINE.unpack_from(data)
        assert head[:2] == (frames.MAGIC, frames.LOG)
        text = data[frames.TO_ENGINE.size :]
        assert len(text) == head[4]
        found.append((head[3], head[2], text.decode()))
    return found


@pytest.fixture
def written() -> list[bytes]:
    return []


@pytest.fixture
def gate(written: list[bytes]) -> Gate:
    return Gate(7, lambda fd, parts: written.append(b"".join(bytes(part) for part in parts)))


def test_each_write_is_a_message(gate: Gate, written: list[bytes]) -> None:
    before = sys.stdout, sys.stderr
    with Live(gate, 5):
        print("a", "b", sep="-", end="!")
        sys.stderr.write("ü\udc80")
        sys.stdout.write("")
        sys.stdout.flush()
        assert sys.stdout.writable()
        assert not sys.stdout.isatty()
        assert (sys.stdout.encoding, sys.stdout.errors) == ("utf-8", "replace")
    assert (sys.stdout, sys.stderr) == before
    assert [text for _, _, text in texts(written)] == ["a", "-", "b", "!", "ü?"]
    assert {(sequence, stream) for sequence, stream, _ in texts(written)} == {(5, 0), (5, 1)}


def test_the_streams_come_back_after_an_error(gate: Gate) -> None:
    before = sys.stdout
    with pytest.raises(KeyboardInterrupt):
        with Live(gate, 1):
            raise KeyboardInterrupt
    assert sys.stdout is before


def test_only_text(gate: Gate) -> None:
    with pytest.raises(TypeError, match="not bytes"):
        LiveStream(gate, 0, 1, None).write(b"x")  # type: ignore[arg-type]


def test_a_long_write_goes_in_pieces(
    gate: Gate, written: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PIECE_CHARS", 4)
    assert LiveStream(gate, 0, 1, None).write("abcdefghi") == 9
    assert [text for _, _, text in texts(written)] == ["abcd", "efgh", "i"]


def test_a_write_within_a_write_goes_past_the_pipe(written: list[bytes]) -> None:
    original = io.StringIO()

    def interrupted(fd: int, parts: object) -> None:
        stream.write("from a signal handler")
        written.append(b"whole")

    stream = LiveStream(Gate(7, interrupted), 0, 1, original)
    stream.write("x")
    assert (written, original.getvalue()) == ([b"whole"], "from a signal handler")


def test_a_forked_child_does_not_write_into_the_pipe(gate: Gate, written: list[bytes]) -> None:
    original = io.StringIO()
    stream = LiveStream(gate, 0, 1, original)
    gate._pid = -1
    stream.write("child")
    LiveStream(gate, 0, 1, None).write("nowhere to go")
    assert (written, original.getvalue()) == ([], "child")


def test_what_is_not_text_goes_where_it_went(gate: Gate) -> None:
    with open(os.devnull, "w") as original:
        stream = LiveStream(gate, 0, 1, original)
        assert stream.fileno() == original.fileno()
        assert stream.buffer is original.buffer
    nowhere = LiveStream(gate, 0, 1, None)
    nowhere.flush()
    with pytest.raises(io.UnsupportedOperation):
        nowhere.fileno()


def test_messages_of_threads_do_not_mix() -> None:
    inside = threading.Lock()
    mixed: list[bool] = []

    def write(fd: int, parts: object) -> None:
        mixed.append(not inside.acquire(blocking=False))
        inside.release()

    stream = LiveStream(Gate(7, write), 0, 1, None)
    threads = [
        threading.Thread(target=lambda: [stream.write("x") for _ in range(200)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mixed == [False] * 800
