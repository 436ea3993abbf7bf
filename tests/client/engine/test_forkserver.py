"""The fork server's own halves; that it makes workers is in `test_nursery.py`."""

import marshal
import os
import socket
import subprocess
import sys
import tempfile

import pytest

from futurefsm.client.engine import forkserver, marks


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("pass", "True"),
        ("import _thread, time; _thread.start_new_thread(time.sleep, (1000,))", "False"),
    ],
    ids=["alone", "with a thread"],
)
def test_a_process_with_another_thread_does_not_fork(before: str, expected: str) -> None:
    code = f"from futurefsm.client.engine.forkserver import alone\n{before}\nprint(alone())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"{expected}\n"


def test_where_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(path: str) -> list[str]:
        raise FileNotFoundError(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", unknown)
        assert not forkserver.alone()


def test_no_more_processes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", full)
    engine, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with engine, ours:
        assert not forkserver._fork(ours, 7)
        assert marshal.loads(engine.recv(256)) == (7, 0)
    assert "no worker could be forked" in capsys.readouterr().err


@pytest.mark.parametrize("asked", [False, True], ids=["at its first word", "while it forks"])
def test_an_engine_that_was_killed_is_no_fault(asked: bool) -> None:
    """No traceback on the user's terminal."""
    engine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    code = f"from futurefsm.client.engine.forkserver import main; main({theirs.fileno()})"
    if asked:
        # It says hello into the queue, and hears of the end where it would read or fork.
        read, write = os.pipe()
        request = marshal.dumps((1, 1 << 20, None, 0))
        # Real marks: a worker that was made in time maps them before it is ended.
        with tempfile.TemporaryFile() as page:
            page.truncate(marks._BYTES)
            socket.send_fds(engine, [request], [theirs.fileno(), read, page.fileno()])
        os.close(read)
        os.close(write)
    else:
        engine.close()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        pass_fds=[theirs.fileno()],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    theirs.close()
    if asked:
        marshal.loads(engine.recv(256))
        engine.close()
    with process:
        assert process.communicate(timeout=60) == (None, b"")
    assert process.returncode == 0
