"""An engine's first messages, without pycapnp."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.engine.early import AFTER_S, BUSY_S, Codec, NotTold, Told, tell
from futurefsm.fsm.errors import ConnectionLostError
from futurefsm.protocol import codec
from futurefsm.protocol import messages as m
from futurefsm.protocol.task_flags import TaskFlags, profile_bytes

ME = b"Client|0123456789abcdef0123456789abcdef"
STORAGE = m.StorageAddress("/a/directory/storage", 0, "ipc")
SAID = tell(ME, "here", STORAGE)
ARGUMENT = m.Argument(m.ArgumentType.OBJECT_ID, b"%a\0\xff" * 8)

FIRST = [
    m.ClientHeartbeat(m.Resource(), 0, "here"),
    m.ClientHeartbeatEcho(STORAGE),
    m.ClientDisconnect(),
    *(
        m.Task(b"t" * 16, ME, TaskFlags(priority=7).pack(), b"f" * 32, count * (ARGUMENT,))
        for count in range(4)
    ),
    *(
        m.TaskResult(b"t" * 16, kind, profile_bytes(1.5, 7, 0.5), (b"r" * 32,))
        for kind in (m.TaskResultType.SUCCESS, m.TaskResultType.FAILED)
    ),
]
LATER = [
    m.ClientHeartbeat(m.Resource(5, 6), 0, "here"),
    m.TaskCancel(b"t" * 16),
    m.Task(b"t" * 16, ME, TaskFlags().pack(), b"f" * 32, 4 * (ARGUMENT,)),
    m.TaskResult(b"t" * 16, m.TaskResultType.SUCCESS, b"", (b"r" * 5000,)),
]


@pytest.mark.parametrize("message", FIRST, ids=lambda message: type(message).__name__)
def test_what_was_told_is_what_the_codec_says(message: m.Message) -> None:
    told = Told(SAID)
    data = codec.encode(message)
    assert told.encode(message) == data
    for given in (data, bytearray(data), memoryview(data)):
        assert told.decode(given) == message


@pytest.mark.parametrize("message", LATER, ids=lambda message: type(message).__name__)
def test_other_messages_have_the_codec_loaded(message: m.Message) -> None:
    told, data = Told(SAID), codec.encode(message)
    for act, what in ((told.encode, message), (told.decode, data)):
        with pytest.raises(NotTold):
            act(what)  # type: ignore[operator]
    for first in ("encode", "decode"):
        late = Codec()
        late.begin(SAID)
        assert late.decode(codec.encode(FIRST[0])) == FIRST[0]
        assert late.due is not None
        if first == "encode":
            assert late.encode(message) == data
        assert late.decode(data) == message
        assert late.due is None
        assert (late.encode, late.decode) == (codec.encode, codec.decode)


def test_it_is_loaded_when_it_is_time_to() -> None:
    late = Codec()
    due = late.begin(SAID)
    assert late.due == due < inf
    late.tick(due - 0.001, busy=False)
    assert late.due == due
    late.tick(due, busy=False)
    assert late.due is None
    assert late.decode is codec.decode
    late.tick(due, busy=False)


def test_it_is_put_off_while_somebody_waits_but_not_for_ever() -> None:
    late = Codec()
    due = now = late.begin(SAID)
    while late.due is not None:
        assert now < due + 10
        now = late.due
        late.tick(now, busy=True)
    assert due + 5 * AFTER_S < now <= due + BUSY_S
    assert late.decode is codec.decode
    late = Codec()
    due = late.begin(SAID)
    late.tick(due, busy=True)
    assert late.due == due + AFTER_S
    late.tick(late.due, busy=False)
    assert late.due is None


def test_without_a_word_it_is_loaded_at_once_or_by_the_first_message() -> None:
    for begin in (True, False):
        late = Codec()
        if begin:
            assert late.begin(b"") == inf
        else:
            assert late.encode(LATER[0]) == codec.encode(LATER[0])
        assert late.due is None
        assert late.encode is codec.encode


def run(code: str, tmp_path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), SAID.hex(), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def test_all_that_an_engine_imports_before_its_first_message(tmp_path: Path) -> None:
    """No asyncio: it comes with pycapnp."""
    code = """
        import sys
        from futurefsm.client.engine import doors, main, nursery, respawn, server, workers
        from futurefsm.client.engine.early import CODEC
        CODEC.begin(bytes.fromhex(sys.argv[1]))
        heavy = {"capnp", "asyncio", "ssl", "zmq", "transitions", "cloudpickle", "json"}
        heavy.add("subprocess")
        print(heavy & set(sys.modules))
    """
    assert run(code, tmp_path).stdout == "set()\n"


def test_a_directory_that_was_deleted_meanwhile(tmp_path: Path) -> None:
    """pycapnp would abort the process."""
    code = """
        import os, sys
        from futurefsm.client.engine.early import CODEC
        CODEC.begin(bytes.fromhex(sys.argv[1]))
        os.rmdir(os.getcwd())
        CODEC.tick(CODEC.due, busy=False)
        print(CODEC.due, CODEC.decode.__module__, os.getcwd())
    """
    (tmp_path / "gone").mkdir()
    assert run(code, tmp_path / "gone").stdout == "None futurefsm.protocol.codec /\n"


def test_no_pycapnp_is_an_error_of_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "capnp", None)
    monkeypatch.delitem(sys.modules, "futurefsm.protocol.codec")
    with pytest.raises(ImportError, match="import of capnp halted"):
        Codec().begin(SAID)


# -- with real engines


@pytest.fixture
def on_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes every engine run this where it imports the codec; `late`: since it was time to."""

    def write(code: str) -> None:
        text = f"""\
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "futurefsm.protocol.codec":
            frame, names = sys._getframe(), set()
            while frame:
                names.add(frame.f_code.co_name)
                frame = frame.f_back
            late = "tick" in names
            {code}
if 'engine.main' in ''.join(sys.orig_argv):
    sys.meta_path.insert(0, Finder())
"""
        (tmp_path / "sitecustomize.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return write


def stderr(client: Client) -> str:
    return str(client._agent._engine.stderr_tail())  # type: ignore[union-attr]


def test_until_the_first_result_nothing_asks_for_it(on_import: Callable[[str], None]) -> None:
    on_import("print('late' if late else 'asked', file=sys.stderr, flush=True)")
    with Client(workers=1) as client:
        assert client.submit(pow, 2, 5).result(60) == 32
        failed = client.submit(pow, 2, "5")
        assert isinstance(failed.exception(60), TypeError)
    assert "asked" not in stderr(client)
    with Client(workers=1) as client:
        assert client.submit(time.sleep, 1000).cancel(60)
    assert stderr(client).splitlines() in (["asked"], ["late"])


def test_one_that_cannot_be_loaded_later_ends_the_engine(on_import: Callable[[str], None]) -> None:
    on_import("raise ImportError('it was uninstalled')")
    with Client(workers=1) as client:
        future = client.submit(time.sleep, 1000)
        error: Any = future.exception(60)
        assert isinstance(error, ConnectionLostError)
    assert "ended with exit code 1" in str(error)
    assert "pycapnp cannot be loaded: it was uninstalled" in str(error)
