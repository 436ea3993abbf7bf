"""Every way in which a client ends: nothing is left behind, and nothing takes longer than it may.

Most of these are scripts, run by an interpreter of their own, because they end it.
"""

import concurrent.futures
import math
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from cut_wire import CutWire

from futurefsm.client import closing
from futurefsm.client.client import Client
from futurefsm.client.future import Future
from futurefsm.client.inbox import Asked
from futurefsm.fsm import events as ev
from futurefsm.fsm.errors import ClientClosedError
from futurefsm.fsm.future import Future as BareFuture
from futurefsm.fsm.lock import FutureLock
from futurefsm.protocol import messages as m
from futurefsm.protocol.transport import ymq_link
from tests.client.processes import engines
from tests.client.scripted import PATIENCE_S, ScriptedScheduler

PRELUDE = """\
import os, sys, threading, time
from futurefsm.client.client import Client
"""
# At the interpreter's exit clients have two seconds. Where a script is to see them end by
# themselves, they have what a busy machine may need.
AMPLE = """\
from futurefsm.client import closing
closing.EXIT_S = closing.ASK_S = closing.CANCEL_S = 60.0
"""


def script(body: str, folder: Path, **how: Any) -> "subprocess.CompletedProcess[str]":
    """Run a script; its temporary files go into `folder`, so that what it leaves is seen."""
    path = folder / "script.py"
    path.write_text(PRELUDE + textwrap.dedent(body))
    return subprocess.run(
        [sys.executable, str(path)],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        **how,
    )


def relatives(folder: Path) -> list[psutil.Process]:
    """Processes that work in this folder: engines and workers have it as their directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def assert_nothing_left(folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while relatives(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert relatives(folder) == []
    while list(folder.glob("futurefsm-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(folder.glob("futurefsm-*")) == []


@pytest.mark.parametrize(
    ("body", "code", "out", "err"),
    [
        pytest.param(
            """
            client = Client(workers=2)
            print(client.submit(pow, 2, 5).result())
            """,
            0,
            "32",
            "",
            id="done, not closed",
        ),
        pytest.param("client = Client(workers=2)", 0, "", "", id="unused"),
        pytest.param(
            """
            client = Client(workers=2, name="lazy")
            futures = [client.submit(time.sleep, 100) for _ in range(5)]
            """,
            0,
            "",
            "abandoned: 5 tasks of client lazy",
            id="pending",
        ),
        pytest.param(
            """
            client = Client(workers=2, name="lazy")
            future = client.submit(time.sleep, 100)
            sys.exit(7)
            """,
            7,
            "",
            "abandoned: 1 tasks of client lazy",
            id="sys.exit",
        ),
        pytest.param(
            """
            client = Client(workers=2, name="lazy")
            future = client.submit(time.sleep, 100)
            raise KeyError("in user code")
            """,
            1,
            "",
            "KeyError: 'in user code'",
            id="exception",
        ),
        pytest.param(
            """
            with Client(workers=2) as client:
                future = client.submit(time.sleep, 100)
                raise KeyError("in user code")
            """,
            1,
            "",
            "KeyError: 'in user code'",
            id="exception in the body of with",
        ),
        pytest.param(
            """
            ended = threading.Event()
            # It has to have ended: what runs when the interpreter exits is given up with a word.
            Client(workers=1).submit(time.sleep, 0.1).add_done_callback(lambda f: ended.set())
            def main():
                return Client(workers=1).submit(pow, 2, 5)
            print(main().result() if ended.wait(60) else "")
            """,
            0,
            "32",
            "",
            id="nobody holds it, no guard for __main__",
        ),
        pytest.param(
            """
            client = Client(workers=1)
            client.submit(pow, 2, 5).result()
            os._exit(5)
            """,
            5,
            "",
            "",
            id="os._exit",
        ),
        pytest.param(
            """
            clients = [Client(workers=1) for _ in range(3)]
            threading.Thread(target=lambda: time.sleep(0.2)).start()
            """,
            0,
            "",
            "",
            id="several",
        ),
    ],
)
def test_the_interpreter_exits(tmp_path: Path, body: str, code: int, out: str, err: str) -> None:
    ended = script(AMPLE + textwrap.dedent(body), tmp_path)
    assert (ended.returncode, ended.stdout.strip()) == (code, out), ended.stderr
    assert err in ended.stderr
    if not err:
        assert ended.stderr == ""
    assert_nothing_left(tmp_path)


def test_the_interpreter_exits_in_spite_of_a_callback_that_sleeps(tmp_path: Path) -> None:
    ended = script(
        """
        client = Client(workers=1)
        future = client.submit(pow, 2, 3)
        future.add_done_callback(lambda f: time.sleep(1000))
        future.result()
        """,
        tmp_path,
    )
    assert ended.returncode == 0, ended.stderr
    assert_nothing_left(tmp_path)


@pytest.mark.parametrize("where", ["result", "with", "map", "submit"])
def test_ctrl_c(tmp_path: Path, where: str) -> None:
    """SIGINT to the whole foreground group, as a terminal sends it."""
    bodies = {
        "result": "client.submit(time.sleep, 100).result()",
        "with": "client.submit(time.sleep, 100); time.sleep(100)",
        "map": "list(client.map(time.sleep, [100] * 5))",
        "submit": "[client.submit(time.sleep, 100) for _ in range(10)]; client.shutdown()",
    }
    path = tmp_path / "script.py"
    path.write_text(
        PRELUDE + f"with Client(workers=2) as client:\n    print('up', flush=True)\n"
        f"    threading.Timer(0.3, lambda: print('now', flush=True)).start()\n"
        f"    {bodies[where]}\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    assert process.stdout.readline() == "now\n"
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert "KeyboardInterrupt" in stderr
    assert process.returncode in (1, 130, -signal.SIGINT)
    assert_nothing_left(tmp_path)


def test_ctrl_c_while_wait_takes_the_locks_of_all(
    client: Client, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`concurrent.futures` gives back none of those that it has."""
    futures = [client.submit(abs, -1) for _ in range(3)]
    for _ in futures:
        scheduler.expect(m.Task)
    asked: list[object] = []

    class Interrupted(Future[Any]):
        @property
        def _condition(self) -> Any:
            asked.append(self)
            if len(asked) == 3:
                raise KeyboardInterrupt
            return super()._condition

    for future in futures:
        future.__class__ = Interrupted
    with pytest.raises(KeyboardInterrupt):
        concurrent.futures.wait(futures)
    for future in futures:
        future.__class__ = Future
    assert [future._lock._is_owned() for future in futures].count(True) == 2
    monkeypatch.setattr(closing, "_CLOSE_S", PATIENCE_S)
    client.disconnect(timeout=0)
    assert [future.cancelled() for future in futures] == [True] * 3
    assert not any(future._lock._is_owned() for future in futures)


def test_a_lock_that_somebody_will_give_back_stays(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    """A finalizer or a signal handler that cancels, while its own thread moves the future."""
    future = client.submit(abs, -1)
    scheduler.expect(m.Task)

    def in_between() -> bool:
        client.cancel([future], timeout=0)
        return bool(future._lock._is_owned())

    assert future._wait_until(in_between, 0)
    assert not future._lock._is_owned()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_client_process_is_killed(tmp_path: Path, how: int) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        PRELUDE + "client = Client(workers=2)\nclient.submit(time.sleep, 100)\n"
        "print('up', flush=True)\ntime.sleep(100)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(how)
    process.wait(PATIENCE_S)
    process.stdout.close()
    assert_nothing_left(tmp_path)


def test_open_and_close_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    me = psutil.Process()

    def more_than(before: tuple[int, int]) -> bool:
        return me.num_fds() > before[0] or len(me.threads()) > before[1]

    def once(n: int) -> None:
        with Client(workers=1) as client:
            client.submit(pow, n, 2).add_done_callback(lambda f: f.result())
            assert list(tmp_path.iterdir())

    once(0)
    before = me.num_fds(), len(me.threads())
    for n in range(8):
        once(n)
    # Threads of a closed client may need a moment to be gone for the system.
    deadline = time.monotonic() + PATIENCE_S
    while more_than(before) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not more_than(before)
    assert list(tmp_path.iterdir()) == []
    assert engines() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("can't start new thread")])
def test_a_start_that_is_broken_off_leaves_no_engine(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(self: threading.Thread) -> None:
        raise error

    before = psutil.Process().children()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(type(error)):
            Client(workers=1)
    assert psutil.Process().children() == before


def test_a_busy_agent_is_asked_for_as_long_as_a_scheduler() -> None:
    class Busy:
        timeout = 47.0

        class pump:
            unsettled = None

        def call(self, act: Any, timeout: float = 5.0) -> list[float]:
            return [timeout]

    assert closing.unsettled(Busy()) == [47.0]  # type: ignore[arg-type]
    assert closing.unsettled(Busy(), 1.0) == [1.0]  # type: ignore[arg-type]


def test_only_the_last_is_slept_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred thousand that are cancelled, not each needs what a waiter needs."""
    slept: list[FutureLock] = []

    def enlist(lock: FutureLock, *what: Any) -> None:
        real(lock, *what)
        slept.append(lock)

    real = FutureLock.enlist
    monkeypatch.setattr(FutureLock, "enlist", enlist)
    futures: list[BareFuture[None]] = [BareFuture() for _ in range(100)]
    for future in futures:
        future.fire(ev.SUBMIT)
    last = futures[-1]

    def answer() -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not slept:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        for future in futures:
            future.fire(ev.CONFIRM_CANCELED)

    peer = threading.Thread(target=answer)
    peer.start()
    assert closing.cancel_all(futures, PATIENCE_S)
    peer.join()
    assert all(future.cancelled() for future in futures)
    assert slept == [last._lock]


def test_the_deadline_is_that_of_all() -> None:
    futures: list[BareFuture[None]] = [BareFuture() for _ in range(3)]
    for future in futures:
        future.fire(ev.SUBMIT)
    futures[1].fire(ev.RESULT_SUCCESS)
    assert not closing.cancel_all(futures, 0.01)
    assert [future.done() for future in futures] == [False, True, False]


@pytest.mark.parametrize("forever", [math.inf, 1e12])
def test_time_outs_without_end(forever: float) -> None:
    client = Client(workers=1, timeout=forever, cancel_timeout=forever)
    assert client.submit(pow, 2, 3).result(PATIENCE_S) == 8
    sleeping = client.submit(time.sleep, 60)
    assert client.cancel([sleeping])
    sleeping = client.submit(time.sleep, 60)
    client.disconnect()
    assert sleeping.cancelled()


def test_a_finalizer_on_the_pumps_own_thread_may_close_it() -> None:
    client = Client(workers=1)
    sleeping = client.submit(time.sleep, 60)
    took: list[float] = []

    def finalizer() -> None:
        began = time.monotonic()
        client.disconnect()
        took.append(time.monotonic() - began)

    client._agent.inbox.put(Asked(finalizer))
    client.shutdown()
    assert sleeping.cancelled()
    assert took[0] < 20, "it would wait half a minute for an answer that only this thread can take"


def test_an_engine_that_is_stopped_does_not_outlive_the_interpreter(tmp_path: Path) -> None:
    done = script(
        """
        import signal
        client = Client(workers=1)
        running = client.submit(time.sleep, 60)
        os.kill(client._agent._engine.pid, signal.SIGSTOP)
        """,
        tmp_path,
    )
    assert done.returncode == 0
    assert "did not end in time" in done.stderr
    assert_nothing_left(tmp_path)


def test_an_agent_that_is_stuck_does_not_keep_the_engine(tmp_path: Path) -> None:
    done = script(
        """
        from futurefsm.client.inbox import Asked
        client = Client(workers=1)
        client.submit(len, "ab").result()
        stop = threading.Lock()
        stop.acquire()
        client._agent.inbox.put(Asked(stop.acquire))
        """,
        tmp_path,
    )
    assert done.returncode == 0
    assert "did not end in time" in done.stderr
    assert_nothing_left(tmp_path)


def test_a_protected_cluster_refuses(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(abs, -1)
    task = scheduler.expect(m.Task)
    said: list[bool] = []
    asking = threading.Thread(target=lambda: said.append(client.shutdown_cluster(PATIENCE_S)))
    asking.start()
    assert scheduler.expect(m.ClientDisconnect).disconnect_type is m.DisconnectType.SHUTDOWN
    scheduler.send(m.ClientShutdownResponse(False))
    asking.join(PATIENCE_S)
    assert said == [False]
    assert scheduler.count(m.ClientDisconnect) == 1
    scheduler.result(task, 1)
    assert future.result(PATIENCE_S) == 1


@pytest.mark.parametrize("answered", [True, False])
def test_a_cluster_that_obeys_ends_the_client(
    client: Client, scheduler: ScriptedScheduler, answered: bool
) -> None:
    future = client.submit(abs, -1)
    scheduler.expect(m.Task)
    said: list[bool] = []
    asking = threading.Thread(target=lambda: said.append(client.shutdown_cluster(PATIENCE_S)))
    asking.start()
    scheduler.expect(m.ClientDisconnect)
    if answered:
        scheduler.send(m.ClientShutdownResponse(True))
    else:
        scheduler.cut_storage()
    asking.join(PATIENCE_S)
    assert said == [True]
    assert future.cancelled()
    assert future.cancel_outcome == "disconnected"
    with pytest.raises(ClientClosedError):
        client.submit(abs, -1)
    with pytest.raises(ClientClosedError):
        client.shutdown_cluster()


@pytest.fixture(params=["ymq", "zmq"])
def cut_client(request: pytest.FixtureRequest) -> Iterator[tuple[ScriptedScheduler, CutWire, Any]]:
    """A scheduler, the wire to it, and a client on that wire. The store is reached directly."""
    with ScriptedScheduler(tcp=True, backend=request.param) as scripted:
        with CutWire(scripted.address) as wire:
            client = Client(wire.address, backend=request.param, timeout=60, cancel_timeout=60)
            try:
                yield scripted, wire, client
            finally:
                client.disconnect(timeout=0)


@pytest.mark.parametrize("accepted", [True, False])
def test_a_shutdown_whose_link_breaks_is_asked_again(
    cut_client: tuple[ScriptedScheduler, CutWire, Client], accepted: bool
) -> None:
    scheduler, wire, client = cut_client
    said: list[bool] = []
    asking = threading.Thread(target=lambda: said.append(client.shutdown_cluster(PATIENCE_S)))
    asking.start()
    for _ in range(2):
        asked = scheduler.expect(m.ClientDisconnect)
        assert asked.disconnect_type is m.DisconnectType.SHUTDOWN
        wire.reset()
    scheduler.expect(m.ClientDisconnect)
    scheduler.send(m.ClientShutdownResponse(accepted))
    asking.join(PATIENCE_S)
    assert said == [accepted]


def test_a_scheduler_that_goes_without_an_answer_has_ended(
    cut_client: tuple[ScriptedScheduler, CutWire, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "_GONE_S", 0.5)
    scheduler, wire, client = cut_client
    future = client.submit(abs, -1)
    scheduler.expect(m.Task)
    said: list[bool] = []
    # With more patience than this test.
    asking = threading.Thread(target=lambda: said.append(client.shutdown_cluster(10 * PATIENCE_S)))
    asking.start()
    scheduler.expect(m.ClientDisconnect)
    wire.refuse()
    wire.reset()
    asking.join(PATIENCE_S / 2)
    assert said == [True]
    assert future.cancel_outcome == "disconnected"


def test_what_could_not_be_asked_is_not_answered_by_silence(
    cut_client: tuple[ScriptedScheduler, CutWire, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody was reached when it was asked: it is not known to have ended."""
    monkeypatch.setattr(closing, "_GONE_S", 0.1)
    # A YMQ link that nobody accepts any more would be given up, as ever.
    monkeypatch.setattr(ymq_link, "REFUSED_S", 10 * PATIENCE_S)
    scheduler, wire, client = cut_client
    wire.refuse()
    wire.reset()
    agent = client._agent
    while agent.call(lambda: agent._channel.up):
        time.sleep(0.01)
    with pytest.raises(TimeoutError, match="has not answered a shutdown"):
        client.shutdown_cluster(timeout=1.0)
    assert scheduler.count(m.ClientDisconnect) == 0


def test_two_who_ask_at_once_both_get_their_answer(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    said: list[bool] = []
    asking = [
        threading.Thread(target=lambda: said.append(client.shutdown_cluster(PATIENCE_S)))
        for _ in range(2)
    ]
    for each in asking:
        each.start()
    for _ in asking:
        scheduler.expect(m.ClientDisconnect)
    scheduler.send(m.ClientShutdownResponse(False))
    for each in asking:
        each.join(PATIENCE_S / 2)
    assert said == [False, False]
    # And whoever asks later gets an answer of its own.
    later = threading.Thread(target=lambda: said.append(client.shutdown_cluster(PATIENCE_S)))
    later.start()
    scheduler.expect(m.ClientDisconnect)
    scheduler.send(m.ClientShutdownResponse(True))
    later.join(PATIENCE_S)
    assert said == [False, False, True]


def test_a_shutdown_that_is_not_answered(client: Client, scheduler: ScriptedScheduler) -> None:
    with pytest.raises(TimeoutError, match="has not answered a shutdown"):
        client.shutdown_cluster(timeout=0.01)


def test_an_embedded_engine_always_obeys() -> None:
    client = Client(workers=1)
    assert client.shutdown_cluster()
    with pytest.raises(ClientClosedError):
        client.submit(abs, -1)
