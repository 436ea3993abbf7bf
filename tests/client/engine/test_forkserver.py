"""The fork server's own halves; that it makes workers is in `test_nursery.py`."""

import marshal
import os
import socket
import subprocess
import sys
import tempfile

import pytest

from futurefsm.client.engine import forkserver, marks


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
