"""The pool: starting, killing with all that came of it, reaping, caches. Real processes."""

import os
import pickle
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import engine_tasks as tasks
import pytest
from pool_world import PoolWorld

from futurefsm.client.engine import frames, holdings
from futurefsm.client.engine.lane import Lane
from futurefsm.client.engine.pipe import Answer
from futurefsm.client.engine.workers import OFFER_BYTES, Answered, Died

BOUND = 60.0


def ended(pid: int) -> None:
    """Wait, bounded, until a process that is not our child has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        assert poll.poll(BOUND * 1000), f"{pid} is still there"
    finally:
        os.close(fd)


def test_kill_takes_along_what_user_code_started(world: PoolWorld, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    os.mkfifo(path)
    world.send(0, tasks.spawns_and_sleeps, str(path))
    family = [int(one) for one in path.read_text().split()]
    assert len(family) == 2
    world.pool.kill(0)
    assert world.until(lambda e: isinstance(e, Died)) == Died(0, -9, True)
    for one in family:
        ended(one)


def test_children_of_one_that_dies_by_itself_go_too(world: PoolWorld, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    os.mkfifo(path)
    world.send(0, tasks.spawns_and_sleeps, str(path))
    family = [int(one) for one in path.read_text().split()]
    os.kill(world.pool.pids[0], signal.SIGKILL)
    world.until(lambda e: isinstance(e, Died))
    for one in family:
        ended(one)


def test_an_answer_in_the_pipe_is_reported_before_the_death(world: PoolWorld) -> None:
    sequence = world.send(0, lambda: "made it")
    poll = select.poll()
    poll.register(next(iter(world.pool._by_fd)), select.POLLIN)
    assert poll.poll(BOUND * 1000)
    world.pool.kill(0)
    ended_pid = world.pool.pids[0]
    os.waitid(os.P_PID, ended_pid, os.WEXITED | os.WNOWAIT)
    first, second = world.pool.reap()
    assert isinstance(first, Answered)
    assert first.answer.sequence == sequence
    assert pickle.loads(first.answer.payload) == "made it"
    assert second == Died(0, -9, True)


def test_half_an_answer_is_no_answer(world: PoolWorld) -> None:
    world.send(0, lambda: b"x" * 50_000_000)
    poll = select.poll()
    poll.register(next(iter(world.pool._by_fd)), select.POLLIN)
    assert poll.poll(BOUND * 1000)
    world.pool.kill(0)
    os.waitid(os.P_PID, world.pool.pids[0], os.WEXITED | os.WNOWAIT)
    assert world.pool.reap() == [Died(0, -9, True)]


def test_a_worker_that_does_not_read_blocks_nobody(world: PoolWorld) -> None:
    """Stopped, it takes neither the large argument nor its death."""
    world.pool.start()
    world.until(lambda e: e.worker == 1)
    os.kill(world.pool.pids[0], signal.SIGSTOP)
    world.send(0, len, b"x" * 50_000_000)
    assert world.value(1, lambda: 1) == 1
    os.kill(world.pool.pids[0], signal.SIGCONT)
    event = world.until(lambda e: e.worker == 0)
    assert isinstance(event, Answered)
    assert pickle.loads(event.answer.payload) == 50_000_000


def test_all_deaths_are_reaped(pool: PoolWorld) -> None:
    for _ in range(6):
        pool.start()
    pids = pool.pool.pids
    for number in pids:
        pool.pool.kill(number)
    dead = {pool.until(lambda e: isinstance(e, Died)).worker for _ in pids}
    assert dead == set(pids)
    assert len(pool.pool) == 0
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_worker_that_cannot_boot_dies_unbooted() -> None:
    with open(os.devnull, "w") as quiet, PoolWorld(path=(), stderr=quiet.fileno()) as world:
        world.pool.start()
        assert world.until(lambda e: isinstance(e, Died)) == Died(0, 1, False)


def test_a_path_larger_than_a_socket_buffer(pool: PoolWorld) -> None:
    long = tuple(f"/nowhere/{at}" for at in range(30_000))
    with PoolWorld(path=(*sys.path, *long)) as world:
        world.start()
        assert world.value(0, lambda: len(sys.path)) == len(sys.path) + len(long)


def test_options_of_the_interpreter(pool: PoolWorld) -> None:
    with PoolWorld(flags=("-O", "-X", "utf8")) as world:
        world.start()
        assert world.value(0, lambda: (sys.flags.optimize, sys.flags.utf8_mode)) == (1, 1)


# -- caches


def sent(world: PoolWorld, monkeypatch: pytest.MonkeyPatch) -> list[frames.Run]:
    """Every head that goes to a worker from now on."""
    seen: list[frames.Run] = []
    real = frames.run_head

    def spy(run: frames.Run, size: int) -> bytes:
        seen.append(run)
        return real(run, size)

    monkeypatch.setattr(frames, "run_head", spy)
    return seen


def test_functions_and_repeated_arguments_are_sent_once(
    world: PoolWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = sent(world, monkeypatch)
    function, argument = world.blob(len), world.blob("abc")
    for _ in range(4):
        assert world.value(0, function, argument) == 3
    absent = frames.ABSENT
    assert [head[2][1] for head in heads if head[2]] == [len(function[1]), *[absent] * 3]
    # The first time nobody knows that it will come again; the second time it is kept.
    size = len(argument[1])
    assert [head[3][0][1] for head in heads] == [size, size, absent, absent]


def test_forgotten_objects_leave_the_worker(
    world: PoolWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = sent(world, monkeypatch)
    function, argument = world.blob(len), world.blob("abc")
    for _ in range(3):
        world.value(0, function, argument)
    heads.clear()
    world.pool.forget([argument[0], function[0], b"unknown"])
    assert sorted(key for head in heads for key in head[4]) == [
        b"a" + argument[0],
        b"f" + function[0],
    ]
    assert world.value(0, function, (argument[0], pickle.dumps("longer"))) == 6


def test_a_busy_worker_is_told_with_its_next_task(
    world: PoolWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "gate"
    os.mkfifo(path)
    heads = sent(world, monkeypatch)
    function = world.blob(lambda name: open(name).read())  # noqa: SIM115
    world.send(0, function, str(path))
    world.pool.forget([function[0]])
    assert len(heads) == 1
    path.write_text("open")
    world.until(lambda e: e.worker == 0)
    world.value(0, lambda: 1)
    assert heads[1][4] == (b"f" + function[0],)


def test_caches_are_bounded(world: PoolWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdings, "CACHE_ENTRIES", 3)
    monkeypatch.setattr(holdings, "CACHE_BYTES", 4000)
    for at in range(10):
        assert world.value(0, lambda at=at: at) == at
    holding = world.pool._workers[0].holding
    held = holding._held
    assert len(held) <= 3
    assert sum(held.values()) == holding._bytes <= 4000
    large = world.blob("x" * 2000)
    for _ in range(3):
        world.value(0, len, large)
    assert b"a" + large[0] not in held


def test_the_book_about_caches_ends_with_the_worker(world: PoolWorld) -> None:
    for at in range(5):
        world.value(0, lambda at=at: at)
    world.pool.kill(0)
    world.until(lambda e: isinstance(e, Died))
    assert world.pool._holdings.holders == {}


# -- the lifeline

_PARENT = """
import sys, time
sys.path[:] = {path!r}
from pool_world import PoolWorld
import engine_tasks as tasks
world = PoolWorld()
for number in range(2):
    world.start()
print(*world.pool.pids.values(), flush=True)
world.send(0, tasks.holds_the_lock)
world.send(1, time.sleep, 1000)
sys.stdin.read()
"""


def test_workers_end_with_the_engine_even_inside_an_extension() -> None:
    code = textwrap.dedent(_PARENT).format(path=sys.path)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pids = [int(one) for one in parent.stdout.readline().split()]
        assert len(pids) == 2
        fds = [os.pidfd_open(pid) for pid in pids]
        parent.kill()
        for fd in fds:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            assert poll.poll(BOUND * 1000)
            os.close(fd)


def test_answers_are_values() -> None:
    """An answer is compared, not only looked at."""
    assert Answer(frames.VALUE, 1, 0.0, 0, 0.0, b"") == Answer(frames.VALUE, 1, 0.0, 0, 0.0, b"")


# -- what is offered


def offer(world: PoolWorld, sequence: int, function: Any, *arguments: Any) -> bool:
    return world.pool.offer(0, sequence, None, function, [world.blob(one) for one in arguments])


def test_what_was_offered_is_run_in_order(world: PoolWorld, tmp_path: Path) -> None:
    path = tmp_path / "gate"
    os.mkfifo(path)
    identity, waits = world.blob(lambda one: one), world.blob(lambda name: open(name).read())  # noqa: SIM115
    assert world.value(0, identity, 1) == 1
    world.send(0, waits, str(path))
    assert [offer(world, 100 + at, identity, at) for at in range(5)] == [True] * 5
    path.write_text("open")
    answers = []
    while len(answers) < 6:
        event = world.until(lambda e: e.worker == 0)
        assert isinstance(event, Answered)
        answers.append(event.answer)
    assert [pickle.loads(one.payload) for one in answers] == ["open", 0, 1, 2, 3, 4]
    assert [one.sequence for one in answers[1:]] == [100, 101, 102, 103, 104]
    assert world.pool.take_back(0) == frozenset()
    assert world.value(0, identity, 2) == 2


def test_what_was_taken_back_is_never_run(world: PoolWorld, tmp_path: Path) -> None:
    path, seen = tmp_path / "gate", tmp_path / "seen"
    os.mkfifo(path)
    waits = world.blob(lambda name: open(name).read())  # noqa: SIM115
    touch = world.blob(lambda name: open(name, "a").write("x"))  # noqa: SIM115
    world.value(0, touch, str(tmp_path / "other"))
    world.send(0, waits, str(path))
    for at in range(3):
        assert offer(world, 100 + at, touch, str(seen))
    assert world.pool.take_back(0) == {100, 101, 102}
    path.write_text("open")
    world.until(lambda e: e.worker == 0)
    assert world.value(0, touch, str(seen)) == 1
    assert seen.read_text() == "x"


def test_what_cannot_be_offered(world: PoolWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    length = world.blob(len)
    assert not offer(world, 1, length, "the function is not there yet")
    assert world.value(0, length, "x") == 1
    assert not offer(world, 1, length, "x" * OFFER_BYTES)
    assert not offer(world, 1, length, *["x"] * 1000)
    monkeypatch.setattr(Lane, "send", lambda *_: False)
    assert not offer(world, 1, length, "x")
    monkeypatch.undo()
    monkeypatch.setattr(world.pool._workers[0], "lane", None)
    assert not offer(world, 1, length, "x")
    assert world.pool.take_back(0) == frozenset()
    monkeypatch.undo()
    assert world.value(0, length, "xy") == 2


def test_a_death_tells_what_had_begun(world: PoolWorld, tmp_path: Path) -> None:
    path = tmp_path / "gate"
    os.mkfifo(path)
    waits = world.blob(lambda name: open(name).read())  # noqa: SIM115
    world.value(0, waits, os.devnull)
    first = world.send(0, waits, str(path))
    for at in range(3):
        assert offer(world, 100 + at, waits, os.devnull)
    with path.open("w"):
        # It has opened the other end: it is at work on the first.
        world.pool.kill(0)
        died = world.until(lambda e: isinstance(e, Died))
    assert isinstance(died, Died)
    assert died.begun == first


def test_what_was_written_to_a_dead_worker_had_not_begun(world: PoolWorld) -> None:
    last = world.send(0, len, "x")
    world.until(lambda e: isinstance(e, Answered))
    pid = world.pool.pids[0]
    os.kill(pid, signal.SIGKILL)
    # Dead, and nobody has reaped it.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    world.send(0, len, "y")
    died = world.until(lambda e: isinstance(e, Died))
    assert isinstance(died, Died)
    assert died.begun == last


def test_what_is_not_read_has_not_begun(world: PoolWorld) -> None:
    pid = world.pool.pids[0]
    os.kill(pid, signal.SIGSTOP)
    world.send(0, len, "x" * 1_000_000)
    world.pool.kill(0)
    died = world.until(lambda e: isinstance(e, Died))
    assert isinstance(died, Died)
    assert died.begun == 0


def test_a_place_for_what_has_begun_is_used_again(world: PoolWorld) -> None:
    world.value(0, len, "x")
    world.pool.kill(0)
    world.until(lambda e: isinstance(e, Died))
    number = world.pool.start()
    assert world.pool._workers[number].mark == 0
    world.pool.kill(number)
    died = world.until(lambda e: isinstance(e, Died))
    assert isinstance(died, Died)
    assert died.begun == 0


def test_all_that_was_answered_can_be_had_at_once(world: PoolWorld) -> None:
    value = world.blob(lambda: "x" * 100_000)
    world.value(0, value)
    for at in range(3):
        offer(world, at, value)
    got: list[Answered] = []
    while len(got) < 3:
        assert select.select([world.pool._workers[0].pipe.sock], [], [], BOUND)[0]
        got += world.pool.drain(0)
    assert [one.answer.sequence for one in got] == [0, 1, 2]


def test_a_worker_without_a_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("futurefsm.client.engine.workers._lane", lambda: None)
    with PoolWorld() as world:
        world.start()
        assert world.value(0, abs, -1) == 1
