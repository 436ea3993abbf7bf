"""The whole engine, driven over its real sockets."""

import os
import pickle
import select
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cloudpickle
import engine_tasks as tasks
import psutil
import pytest
from engine_client import BOUND, EngineClient

from futurefsm.client.engine import frames
from futurefsm.client.engine.launch import EngineHandle
from futurefsm.client.engine.pipe import Answer
from futurefsm.client.engine.server import Server
from futurefsm.client.engine.workers import Answered, Died
from futurefsm.client.errors import (
    ObjectStoreFullError,
    ResultTooLargeError,
    TaskRefusedError,
    WorkerStartError,
)
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import serializer_id
from futurefsm.protocol.object_store import Put
from futurefsm.protocol.task_flags import Profile, TaskFlags
from futurefsm.protocol.transport.ymq import YmqStream, connect_unix

Start = Callable[..., EngineHandle]

SUCCESS, FAILED, DIED = m.TaskResultType
CANCELED, REFUSED, NOT_FOUND = m.CancelConfirmType


def test_a_value(client: EngineClient) -> None:
    assert client.result(client.submit(lambda x, y: x + y, 1, 2)) == 3


def test_the_profile(client: EngineClient) -> None:
    answer = client.answer(client.submit(lambda: sum(range(1_000_000))))
    assert isinstance(answer, m.TaskResult)
    assert 0.0 < Profile.unpack(answer.metadata).seconds < BOUND


def test_a_task_finds_its_own_scheduler(engine: Start, tmp_path: Path) -> None:
    handle = engine(1)
    with EngineClient(handle) as client:
        ask = client.put(tasks.surroundings)
        assert client.result(client.task(ask, priority=4)) == (handle.address, "ymq", 4)
        assert client.result(client.task(ask)) == (handle.address, "ymq", 0)
        # A thread that a task left behind is in no task any more.
        seen = tmp_path / "seen"
        assert client.result(client.submit(tasks.surroundings_later, str(seen))) is None
        deadline = time.monotonic() + BOUND
        while not seen.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_what_a_task_writes_comes_before_its_answer(client: EngineClient) -> None:
    function = client.put(tasks.speaks)
    task_id = client.ids.task_id()
    flags = TaskFlags(stream_output=True).pack()
    client.send(m.Task(task_id, client.identity, flags, function))
    assert client.result(task_id) == 7
    logs = [one for one in client.messages if isinstance(one, m.TaskLog)]
    assert {one.task_id for one in logs} == {task_id}
    written = [(one.log_type, one.content) for one in logs]
    out = m.LogType.STDOUT
    assert written == [(out, "a"), (out, "-"), (out, "b"), (out, "!"), (m.LogType.STDERR, "e")]
    # Without the flag nothing is sent, also by a thread of the task before.
    assert client.result(client.task(function)) == 7
    client.round_trip()
    assert [one for one in client.messages if isinstance(one, m.TaskLog)] == logs


def test_a_task_that_writes_without_end_can_be_cancelled(client: EngineClient) -> None:
    task_id = client.ids.task_id()
    flags = TaskFlags(stream_output=True).pack()
    client.send(m.Task(task_id, client.identity, flags, client.put(tasks.speaks_for_ever)))
    client.wait(lambda one: isinstance(one, m.TaskLog))
    client.cancel(task_id)
    assert client.answer(task_id) == m.TaskCancelConfirm(task_id, CANCELED)
    assert client.result(client.submit(len, "ab")) == 2


def test_an_exception_shows_its_remote_frames(client: EngineClient) -> None:
    kind, error = client.outcome(client.submit(tasks.raises, ValueError, "text"))
    assert kind is FAILED
    with pytest.raises(ValueError, match="text") as caught:
        raise error
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-2:] == ["raises", "_deeper"]


def test_a_task_before_its_objects(client: EngineClient) -> None:
    function, argument = (client.ids.object_id(client.identity) for _ in range(2))
    task = client.task(function, argument)
    client.round_trip()
    client.put_bytes(pickle.dumps(len), function)
    client.stored(function)
    client.put_bytes(pickle.dumps("abc"), argument)
    assert client.result(task) == 3


def test_large_values_both_ways(client: EngineClient) -> None:
    value = os.urandom(1 << 20) * 40
    assert client.result(client.submit(lambda one: one[::-1], value)) == value[::-1]


def test_a_worker_that_dies_tells_how_and_is_replaced(client: EngineClient) -> None:
    assert client.outcome(client.submit(os._exit, 3)) == (DIED, 3)
    assert client.outcome(client.submit(tasks.own_signal, 11)) == (DIED, -11)
    assert client.result(client.submit(len, "ab")) == 2


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_a_task_that_a_dead_worker_never_began_runs_on_another(engine: Start, large: bool) -> None:
    """Nobody is blamed who has not begun: what lay in the dead worker's pipe is queued again."""
    with EngineClient(engine(1)) as client:
        pid = client.result(client.submit(os.getpid))
        psutil.Process(pid).suspend()
        # More than the pipe holds, or less.
        task = client.submit(len, b"x" * (2_000_000 if large else 20))
        gone = client.submit(os.getpid)
        client.cancel(gone)
        assert client.answer(gone) == m.TaskCancelConfirm(gone, CANCELED)
        os.kill(pid, signal.SIGKILL)
        assert client.result(task) == (2_000_000 if large else 20)
        assert client.result(client.submit(os.getpid)) != pid


def test_a_cancel_of_a_task_that_never_began_is_confirmed(engine: Start, tmp_path: Path) -> None:
    with EngineClient(engine(1)) as client:
        ask = client.put(os.getpid)
        touch, path = client.put(Path.touch), client.put(tmp_path / "seen")
        client.until(lambda: Put(path) in client.events)
        pid = client.result(client.task(ask))
        psutil.Process(pid).suspend()
        # Nothing that it needs is still on its way: it is handed to the worker.
        task = client.task(touch, path)
        client.cancel(task)
        assert client.answer(task) == m.TaskCancelConfirm(task, CANCELED)
        assert client.result(client.task(ask)) != pid
        assert not (tmp_path / "seen").exists()


def test_the_dead_are_known_before_their_last_words_are_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Else who answers is free, and the next task goes to a worker that is not there any more.
    told: list[object] = []
    answer = Answered(1, Answer(frames.VALUE, 7, 0.0, 0, 0.0, b""))
    events = [answer, Died(2, -9, True), Died(3, 1, False)]
    server = Server.__new__(Server)
    monkeypatch.setattr(server, "_pool", SimpleNamespace(reap=lambda: events), raising=False)
    scheduler = SimpleNamespace(dying=lambda workers: told.append(("dying", workers)))
    monkeypatch.setattr(server, "_scheduler", scheduler, raising=False)
    monkeypatch.setattr(Server, "_answered", lambda self, *what: told.append(what[0]))
    monkeypatch.setattr(Server, "_died", lambda self, *what: told.append(what[0]))
    server._reap()
    # The third had never been up.
    assert told == [("dying", {1, 2}), 1, 2, 3]


def test_cancel_running_is_confirmed_by_the_death_of_all_of_it(
    client: EngineClient, tmp_path: Path
) -> None:
    path = tmp_path / "pid"
    os.mkfifo(path)
    task = client.submit(tasks.spawns_and_sleeps, str(path))
    client.round_trip()
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    client._pump(0.0)
    assert poll.poll(BOUND * 1000)
    pids = [int(one) for one in os.read(fd, 100).split()]
    os.close(fd)
    client.cancel(task)
    client.cancel(task)
    answer = client.answer(task)
    assert answer == m.TaskCancelConfirm(task, CANCELED)
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        assert poll.poll(BOUND * 1000)
        os.close(fd)
    assert client.result(client.submit(len, "ab")) == 2
    # The second request stays without an answer, unless it came when all was over.
    later = [one for one in client.messages if isinstance(one, m.TaskCancelConfirm)]
    assert later in ([], [m.TaskCancelConfirm(task, m.CancelConfirmType.CANCEL_NOT_FOUND)])


def test_cancelled_while_queued_never_starts(client: EngineClient, tmp_path: Path) -> None:
    gate, trace = tmp_path / "gate", tmp_path / "trace"
    os.mkfifo(gate)
    running = client.submit(lambda name: open(name).read(), str(gate))  # noqa: SIM115
    touch = client.put(lambda name, text: open(name, "a").write(text))  # noqa: SIM115
    name = client.put(str(trace))
    queued = [client.task(touch, name, client.put(f"{at} ")) for at in range(6)]
    for task in queued[::2]:
        client.cancel(task)
        assert client.answer(task) == m.TaskCancelConfirm(task, CANCELED)
    gate.write_text("go")
    assert client.result(running) == "go"
    for task in queued[1::2]:
        client.result(task)
    assert trace.read_text() == "1 3 5 "


def test_gentle_and_late_cancels(client: EngineClient, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    task = client.submit(lambda name: open(name).read(), str(gate))  # noqa: SIM115
    while True:
        # Running once the other end of the gate can be opened.
        try:
            fd = os.open(gate, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:
            client._pump(0.01)
    client.cancel(task, force=False)
    assert client.answer(task) == m.TaskCancelConfirm(task, REFUSED)
    os.write(fd, b"go")
    os.close(fd)
    assert client.result(task) == "go"
    client.cancel(task)
    assert client.answer(task) == m.TaskCancelConfirm(task, NOT_FOUND)


def test_clients_do_not_reach_each_others_tasks(engine: Start) -> None:
    handle = engine(1)
    with EngineClient(handle) as one, EngineClient(handle) as two:
        task = one.submit(time.sleep, 1000)
        one.round_trip()
        two.cancel(task)
        assert two.answer(task) == m.TaskCancelConfirm(task, NOT_FOUND)
        one.cancel(task)
        assert one.answer(task) == m.TaskCancelConfirm(task, CANCELED)


def test_a_client_that_leaves_leaves_nothing(engine: Start) -> None:
    handle = engine(1)
    with EngineClient(handle) as one, EngineClient(handle) as two:
        one.result(one.submit(len, "abc"))
        unread = one.submit(len, "abc")
        one.answer(unread)
        running, queued = one.submit(time.sleep, 1000), one.submit(len, "abc")
        one.until(lambda: one.store.outstanding == 0)
        one.round_trip()
        assert one.figures()[0] > 0
        one.send(m.ClientDisconnect())
        for task in (queued, running):
            assert one.answer(task) == m.TaskCancelConfirm(task, CANCELED)
        assert two.figures()[:4] == (0, 0, 0, 0)
        # What it puts after it has left is not kept.
        one.stored(one.put("late"))
        assert two.figures()[0] == 0


def test_a_silent_client_is_given_up(engine: Start) -> None:
    # So long that one who does not sleep is never taken for silent.
    handle = engine(1, client_timeout_s=4.0)
    with EngineClient(handle) as one:
        task = one.submit(time.sleep, 1000)
        assert one.answer(task) == m.TaskCancelConfirm(task, CANCELED)
        assert one.figures()[0] == 0
        # It may come back.
        assert one.result(one.submit(len, "ab")) == 2


def test_garbage_harms_nobody_and_is_logged_rarely(engine: Start) -> None:
    handle = engine(1)
    with EngineClient(handle) as one, EngineClient(handle) as two:
        for _ in range(50):
            two.send_bytes(b"garbage!")
        two.send(m.ClientShutdownResponse(True))
        two.round_trip()
        assert one.result(one.submit(len, "ab")) == 2
        assert two.result(two.submit(len, "abc")) == 3
    lines = handle.stderr_tail().splitlines()
    assert len(lines) == 3
    assert "not a message" in lines[0]
    assert "10 so far" in lines[1]
    assert "ClientShutdownResponse is not for a scheduler" in lines[2]


def test_garbage_in_the_storage_channel_ends_that_connection(client: EngineClient) -> None:
    for data in (b"x" * 100, b"YMQ\x02" + b"\xff" * 8):
        sock = connect_unix(client.storage.host)
        sock.settimeout(BOUND)
        sock.sendall(data)
        while sock.recv(4096):
            pass
        sock.close()
    stream = YmqStream(connect_unix(client.storage.host), b"Client|odd")
    stream.send_frames([b"no header"])
    stream.flush()
    poll = select.poll()
    poll.register(stream.poll_item, select.POLLIN)
    while not stream.eof:
        assert poll.poll(BOUND * 1000)
        stream.receive()
    stream.close()
    assert client.result(client.submit(len, "ab")) == 2


def test_a_connection_that_does_not_read_is_not_served_without_bound(engine: Start) -> None:
    handle = engine(1)
    with EngineClient(handle) as greedy, EngineClient(handle) as other:
        big = greedy.put_bytes(b"x" * (30 << 20))
        greedy.stored(big)
        assert greedy.stream is not None
        for _ in range(8):
            greedy.stream.send_frames(greedy.store.get(big))
        greedy.stream.flush()
        assert other.result(other.submit(len, "ab")) == 2
        greedy.until(lambda: greedy.store.outstanding == 0)


def test_a_full_store(engine: Start) -> None:
    handle = engine(1, store_bytes=1_000_000)
    with EngineClient(handle) as client:
        kind, error = client.outcome(client.submit(lambda: b"x" * 2_000_000))
        assert (kind, type(error)) == (FAILED, ObjectStoreFullError)
        assert error.size > 2_000_000
        client.stored(client.put(b"x" * 900_000))
        kind, error = client.outcome(client.submit(len, b"x" * 500_000))
        assert (kind, type(error)) == (FAILED, ObjectStoreFullError)
        assert client.result(client.submit(len, "ab")) == 2


def test_a_result_over_the_limit(engine: Start) -> None:
    with EngineClient(engine(1, max_result_bytes=1000)) as client:
        kind, error = client.outcome(client.submit(lambda: b"x" * 2000))
        assert (kind, type(error)) == (FAILED, ResultTooLargeError)


def test_refused_tasks_say_why(client: EngineClient) -> None:
    client.send(m.Task(b"t" * 16, client.identity, b"odd", b"f" * 32))
    kind, error = client.outcome(b"t" * 16)
    assert (kind, type(error)) == (FAILED, TaskRefusedError)


def test_a_serializer_of_the_client(client: EngineClient) -> None:
    class Upper:
        def serialize(self, value: object) -> bytes:
            return str(value).upper().encode()

        def deserialize(self, data: object) -> object:
            text = bytes(data).decode()  # type: ignore[call-overload]
            return getattr(str, text.lower(), text)

    own = serializer_id(client.identity)
    meta = m.ObjectMetadata((own,), (m.ObjectType.SERIALIZER,), (b"serializer",))
    client.send(m.ObjectInstruction(m.InstructionType.CREATE, client.identity, meta))
    task = client.task(client.put_bytes(b"SWAPCASE"), client.put_bytes(b"aB"))
    client.until(lambda: client.store.outstanding == 0)
    client.put_bytes(cloudpickle.dumps(Upper()), own)
    answer = client.answer(task)
    assert isinstance(answer, m.TaskResult)
    assert client.fetch(answer.results[0]) == b"AB"


def test_workers_that_cannot_boot_fail_tasks_and_come_back(
    engine: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "code = sys.orig_argv[-2]\n"
        "boots = 'engine.worker' in code or 'engine.forkserver' in code\n"
        # The fork server that the engine forks cannot come up either.
        "if 'engine.main' in code:\n"
        "    sys.modules['cloudpickle'] = None\n"
        f"if boots and os.path.exists({str(broken)!r}):\n"
        "    os._exit(17)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    handle = engine(2)
    with EngineClient(handle) as client:
        kind, error = client.outcome(client.submit(len, "ab"))
        assert (kind, type(error)) == (FAILED, WorkerStartError)
        assert "exit code 17" in str(error)
        broken.unlink()
        deadline = time.monotonic() + BOUND
        while client.outcome(client.submit(len, "ab"))[0] is not SUCCESS:
            assert time.monotonic() < deadline


def test_every_task_gets_one_answer_in_a_storm_of_cancels(engine: Start) -> None:
    with EngineClient(engine(2)) as client:
        kinds = [
            client.put(len),
            client.put(lambda text: 1 / 0),
            client.put(lambda text: os._exit(1)),
            client.put(lambda text: __import__("time").sleep(0.01)),
        ]
        text = client.put("ab")
        sent = [client.task(kinds[at % 4], text) for at in range(120)]
        for task in sent[::3]:
            client.cancel(task)
        final: dict[bytes, list[m.Message]] = {task: [] for task in sent}
        for task in sent:
            final[task].append(client.answer(task))
        client.round_trip()
        late = [one for one in client.messages if not isinstance(one, m.ClientHeartbeatEcho)]
        # Only a cancel that came after the end has a second answer: that it was not found.
        for one in late:
            assert isinstance(one, m.TaskCancelConfirm), one
            assert one.cancel_confirm_type is NOT_FOUND


def test_what_is_queued_behind_quick_tasks_and_cancelled_never_starts(
    engine: Start, tmp_path: Path
) -> None:
    gate, seen = tmp_path / "gate", tmp_path / "seen"
    os.mkfifo(gate)
    seen.mkdir()
    handle = engine(1)
    with EngineClient(handle) as client:
        touch = client.put(lambda name: Path(name).touch())
        waits = client.put(lambda name: Path(name).read_text())
        argument = client.put(str(gate))
        places = [client.put(str(seen / str(at))) for at in range(30)]
        client.stored(places[-1])
        # The worker is quick, and then it is not: what it was offered lies behind.
        first = [client.task(touch, place) for place in places[:10]]
        long = client.task(waits, argument)
        behind = [client.task(touch, place) for place in places[10:]]
        for task_id in first:
            assert client.result(task_id) is None
        for task_id in behind[::2]:
            client.cancel(task_id)
        for task_id in behind[::2]:
            assert client.answer(task_id) == m.TaskCancelConfirm(task_id, CANCELED)
        gate.write_text("open")
        assert client.result(long) == "open"
        for task_id in behind[1::2]:
            assert client.result(task_id) is None
        assert {int(one.name) for one in seen.iterdir()} == {*range(10), *range(11, 30, 2)}
