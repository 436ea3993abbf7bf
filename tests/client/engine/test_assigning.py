"""What busy workers are offered: it is queued until one has taken it, and can be taken back."""

from random import Random

import pytest
from scheduler_desk import ANNA, BERT, CANCELED, NOT_FOUND, Desk, confirm

from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.assigning import AHEAD_MAX, QUICK_S, RETURNS_MAX, STUCK_S
from futurefsm.protocol import messages as m
from futurefsm.protocol.task_flags import TaskFlags

QUICK = QUICK_S / 100


def quick(desk: Desk, worker: int, task_id: bytes, now: float = 0.0) -> None:
    """A worker answers; the task has taken no time."""
    desk.said += desk.core.worker_done(worker, task_id, True, b"p" * 16, now, QUICK)


def offers(desk: Desk, now: float = 0.0) -> list[tuple[int, bytes]]:
    """Who is offered what at the end of a turn."""
    desk.take()
    made = []
    while said := desk.core.offer(now):
        made += [one.run for one in said if isinstance(one, out.Offer)]
    return [(run.worker, run.task_id) for run in made]


def busy(tasks: int = 20, workers: int = 1) -> Desk:
    """Workers whose last task was quick, each with one; so many tasks are queued."""
    desk = Desk(workers)
    for at in range(workers):
        desk.task(f"first{at}")
    for at in range(workers):
        desk.task(f"second{at}")
    for run in [one for one in desk.take() if isinstance(one, out.Run)]:
        quick(desk, run.worker, run.task_id)
    for at in range(tasks):
        desk.task(f"{at:02}")
    desk.take()
    return desk


def names(first: int, behind: int) -> list[bytes]:
    return [f"{at:02}".encode() for at in range(first, behind)]


def back(desk: Desk, worker: int, *tasks: bytes, now: float = 0.0) -> None:
    desk.said += desk.core.taken_back(worker, [(ANNA, one) for one in tasks], now)


def test_a_quick_worker_is_offered_a_few_of_those_that_wait() -> None:
    desk = busy()
    assert offers(desk) == [(0, name) for name in names(0, AHEAD_MAX)]
    assert offers(desk) == []
    assert desk.core.state(ANNA, b"00") == "queued"
    # The first that it answers was taken, and has ended; for it comes one more.
    quick(desk, 0, b"second0")
    assert offers(desk) == [(0, names(0, 20)[AHEAD_MAX])]
    quick(desk, 0, b"00")
    assert desk.core.state(ANNA, b"00") == "unknown"
    assert desk.core.idle == 0
    assert [one.message.task_id for one in desk.take() if isinstance(one, out.SendTo)] == [b"00"]


def test_all_quick_workers_are_offered_as_many() -> None:
    desk = busy(4, workers=2)
    assert sorted(worker for worker, _ in offers(desk)) == [0, 0, 1, 1]


def test_of_many_each_is_offered_all_its_share_at_once() -> None:
    """One that sleeps is woken by the first, and finds the others; and the last few are shared."""
    shares = [worker for worker, _ in offers(busy(3 * AHEAD_MAX, workers=2))]
    first, second = shares[0], shares[-1]
    assert shares == [first] * AHEAD_MAX + [second] * AHEAD_MAX
    assert first != second
    shares = [worker for worker, _ in offers(busy(AHEAD_MAX + 2, workers=2))]
    assert shares == [first, second] * (AHEAD_MAX // 2 + 1)


@pytest.mark.parametrize(("seconds", "most"), [(QUICK_S * 2, 0), (QUICK_S / 3.5, 3), (0.0, 8)])
def test_the_quicker_the_more(seconds: float, most: int) -> None:
    desk = Desk()
    for at in range(20):
        desk.task(f"{at:02}")
    desk.said += desk.core.worker_done(0, b"00", True, b"p" * 16, 0.0, seconds)
    assert len(offers(desk)) == most


def test_who_has_not_answered_yet_is_offered_nothing() -> None:
    desk = Desk()
    desk.task("a")
    desk.task("b")
    assert offers(desk) == []


def test_what_was_taken_back_is_queued_as_before() -> None:
    desk = busy()
    offers(desk)
    back(desk, 0, *names(2, AHEAD_MAX))
    # Both that it has taken were answered meanwhile; the last has not come yet.
    quick(desk, 0, b"second0")
    quick(desk, 0, b"00")
    desk.said += desk.core.begun(0, 0.0)
    assert desk.core.state(ANNA, b"01") == "assigned"
    assert desk.core.offered == []
    desk.take()
    desk.cancel(b"02")
    assert desk.take() == [confirm(b"02", CANCELED)]
    desk.cancel(b"01")
    assert desk.take() == [out.Kill(0)]
    desk.died(0)
    assert confirm(b"01", CANCELED) in desk.take()
    desk.said += desk.core.worker_started(1, 0.0)
    assert desk.ran() == [b"03"]


def test_all_taken_back_and_nothing_running() -> None:
    desk = busy(3)
    offers(desk)
    quick(desk, 0, b"second0")
    desk.take()
    back(desk, 0, *names(0, 3))
    assert desk.ran() == [b"00"]
    assert desk.core.begun(0, 0.0) == []
    assert desk.core.state(ANNA, b"00") == "assigned"


def test_one_that_has_nothing_to_do_gets_what_others_were_offered() -> None:
    desk = busy(3, workers=2)
    offered = offers(desk)
    # One has been offered two, the other one.
    many = offered[0][0]
    (alone,) = [task_id for worker, task_id in offered if worker != many]
    for worker, task in tuple(desk.core._workers.items()):
        assert task is not None
        quick(desk, worker, task.task_id)
    assert out.TakeBack() not in desk.take()
    quick(desk, 1 - many, alone)
    assert desk.take()[-1] == out.TakeBack()
    back(desk, many, offered[2][1])
    assert [one.worker for one in desk.take() if isinstance(one, out.Run)] == [1 - many]


def test_what_lies_behind_a_long_task_is_taken_back_in_time() -> None:
    desk = busy()
    assert offers(desk, now=5.0)
    assert desk.core.deadline() == 5.0 + STUCK_S
    quick(desk, 0, b"second0", now=6.0)
    assert desk.core.deadline() == 6.0 + STUCK_S
    back(desk, 0, *names(1, AHEAD_MAX), now=7.0)
    desk.said += desk.core.begun(0, 7.0)
    assert desk.core.deadline() == desk.core._clients.deadline()
    # Until it has ended that one, it is offered nothing.
    assert offers(desk, now=7.0) == []
    quick(desk, 0, b"00", now=9.0)
    assert offers(desk, now=9.0)


def test_what_does_not_fit_stays_queued() -> None:
    desk = busy(2)
    assert offers(desk) == [(0, b"00"), (0, b"01")]
    back(desk, 0, b"00")
    assert desk.core.offered == [0]
    quick(desk, 0, b"second0")
    quick(desk, 0, b"01")
    assert desk.ran() == [b"00"]


def test_what_does_not_fit_is_not_overtaken() -> None:
    desk = busy(3)
    (offer,) = [one for one in desk.core.offer(0.0) if isinstance(one, out.Offer)]
    assert offer.run.task_id == b"00"
    back(desk, 0, b"00")
    assert offers(desk) == []
    quick(desk, 0, b"second0")
    assert desk.ran() == [b"00"]


def test_what_would_wait_for_the_running_task_is_not_put_behind_it() -> None:
    desk = busy(0)
    desk.task("child", priority=1)
    assert offers(desk) == []
    quick(desk, 0, b"second0")
    assert desk.ran() == [b"child"]


def test_what_is_written_and_graphs_are_not_offered() -> None:
    desk = busy(0)
    desk.task("says", metadata=TaskFlags(stream_output=True).pack())
    assert offers(desk) == []
    desk = busy(0)
    node = m.Task(b"n", ANNA, TaskFlags().pack(), b"f" * 32)
    desk.tell(m.GraphTask(b"g", ANNA, (b"n",), (node,)))
    assert offers(desk) == []


def test_what_disturbs() -> None:
    desk = busy()
    cancel, task = m.TaskCancel(b"00"), m.Task(b"x", ANNA, TaskFlags().pack(), b"f" * 32)
    leaving, beat = m.ClientDisconnect(), m.ClientHeartbeat()
    assert not desk.core.disturbs(cancel)
    offers(desk)
    told = [desk.core.disturbs(one) for one in (cancel, leaving, task, beat)]
    assert told == [True, True, False, False]


def test_a_death_ends_the_task_that_was_begun_only() -> None:
    desk = busy(4)
    offers(desk)
    quick(desk, 0, b"second0")
    desk.take()
    desk.said += desk.core.worker_died(0, -9, 0.0, (ANNA, b"00"))
    died = [one.message for one in desk.take() if isinstance(one, out.SendTo)]
    assert [one.task_id for one in died] == [b"00"]
    desk.said += desk.core.worker_started(1, 0.0)
    assert desk.ran() == [b"01"]


def test_a_death_between_two_tasks_ends_none() -> None:
    desk = busy(2)
    offers(desk)
    quick(desk, 0, b"second0")
    desk.take()
    desk.died(0)
    assert not [one for one in desk.take() if isinstance(one, out.SendTo)]
    assert desk.core.state(ANNA, b"00") == "queued"


def test_a_task_that_was_handed_to_a_dead_worker_runs_on_another() -> None:
    desk = Desk()
    desk.task("a")
    desk.task("b")
    assert desk.ran() == [b"a"]
    desk.died(0, early=True)
    assert desk.take() == [out.StartWorker()]
    assert desk.core.state(ANNA, b"a") == "queued"
    desk.said += desk.core.worker_started(1, 0.0)
    # In its old place, in front of what came behind it.
    assert desk.ran() == [b"a"]
    desk.done(1, b"a")
    assert desk.ran() == [b"b"]


def test_a_cancel_on_its_way_to_a_worker_that_never_began_is_confirmed() -> None:
    desk = Desk()
    desk.task("a")
    desk.cancel(b"a")
    desk.take()
    desk.died(0, early=True)
    assert confirm(b"a", CANCELED) in desk.take()
    desk.said += desk.core.worker_started(1, 0.0)
    assert desk.ran() == []


def test_where_no_worker_ever_begins_a_task_does_not_wait_for_ever() -> None:
    desk = Desk()
    desk.task("a")
    for worker in range(RETURNS_MAX):
        assert desk.ran() == [b"a"]
        desk.died(worker, early=True)
        desk.said += desk.core.worker_started(worker + 1, 0.0)
    assert desk.ran() == [b"a"]
    desk.died(RETURNS_MAX, early=True)
    (answer,) = [one.message for one in desk.take() if isinstance(one, out.SendTo)]
    assert isinstance(answer, m.TaskResult)
    assert answer.result_type is m.TaskResultType.FAILED_WORKER_DIED


def test_a_doomed_worker_is_offered_nothing() -> None:
    desk = busy()
    desk.cancel(b"second0")
    assert offers(desk) == []


def test_a_worker_that_takes_and_does_not_run_is_killed() -> None:
    desk = busy(3)
    offers(desk)
    quick(desk, 0, b"second0")
    back(desk, 0, b"02")
    desk.take()
    desk.said += desk.core.begun(0, 0.0)
    assert out.Kill(0) in desk.take()
    desk.died(0)
    assert desk.core.state(ANNA, b"00") == "unknown"
    assert desk.core.state(ANNA, b"01") == "queued"


def test_the_same_id_of_another_client_is_another_task() -> None:
    desk = busy(0)
    desk.task("same")
    desk.task("same", client=BERT)
    assert len(offers(desk)) == 2
    desk.said += desk.core.taken_back(0, [(BERT, b"same")], 0.0)
    quick(desk, 0, b"second0")
    quick(desk, 0, b"same")
    assert desk.core.state(ANNA, b"same") == "unknown"
    assert desk.core.state(BERT, b"same") == "assigned"


def test_whoever_is_dying_is_given_nothing() -> None:
    # Its last answers are heard when it is dead already.
    desk = busy(3, workers=2)
    desk.core.dying([0])
    quick(desk, 0, b"second0")
    assert not [one for one in desk.take() if isinstance(one, out.Run)]
    assert {worker for worker, _ in offers(desk)} == {1}
    desk.said += desk.core.worker_died(0, -9, 0.0)
    assert out.StartWorker() in desk.take()


class Shell:
    """Does what the engine's shell does, with workers that take what they find when they like."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.desk = Desk(2)
        self.running: dict[int, bytes | None] = {0: None, 1: None}
        self.lanes: dict[int, list[bytes]] = {0: [], 1: []}
        self.pipes: dict[int, list[bytes]] = {0: [], 1: []}
        self.started: list[bytes] = []
        self.answers: dict[bytes, list[m.Message]] = {}
        self.offered = 0
        self.next = 2

    def perform(self) -> None:
        for one in self.desk.take():
            if isinstance(one, out.Run):
                assert self.running[one.worker] is None
                assert not self.lanes[one.worker]
                self.start(one.worker, one.task_id)
            elif isinstance(one, out.Offer):
                self.offered += 1
                self.lanes[one.run.worker].append(one.run.task_id)
            elif isinstance(one, out.SendTo):
                self.answers.setdefault(one.message.task_id, []).append(one.message)
            elif isinstance(one, out.Kill):
                self.die(one.worker)

    def start(self, worker: int, task_id: bytes) -> None:
        self.started.append(task_id)
        self.running[worker] = task_id

    def work(self, worker: int) -> None:
        """One step of a worker: end a task, or take one."""
        task_id = self.running[worker]
        if task_id is not None:
            self.pipes[worker].append(task_id)
            self.running[worker] = None
        elif self.lanes[worker]:
            self.start(worker, self.lanes[worker].pop(0))

    def hear(self, worker: int) -> None:
        """Read all that a worker has answered."""
        while self.pipes.get(worker):
            quick(self.desk, worker, self.pipes[worker].pop(0))
            self.perform()

    def take_back(self) -> None:
        for worker in self.desk.core.offered:
            taken = []
            while self.lanes[worker]:
                taken.append(self.lanes[worker].pop(0))
                if self.random.random() < 0.3:
                    self.work(worker)
            back(self.desk, worker, *taken)
            self.perform()
            self.hear(worker)
            if worker in self.running:
                self.desk.said += self.desk.core.begun(worker, 0.0)
                self.perform()

    def die(self, worker: int) -> None:
        if worker not in self.running:
            return
        self.desk.core.dying([worker])
        self.hear(worker)
        had = self.running.pop(worker)
        del self.lanes[worker], self.pipes[worker]
        begun = None if had is None else (ANNA, had)
        self.desk.said += self.desk.core.worker_died(worker, -9, 0.0, begun)
        self.perform()
        self.running[self.next], self.lanes[self.next], self.pipes[self.next] = None, [], []
        self.desk.said += self.desk.core.worker_started(self.next, 0.0)
        self.next += 1
        self.perform()

    def turn(self) -> None:
        """The end of one."""
        if self.desk.core.idle and self.desk.core.offered:
            self.take_back()
        while offered := self.desk.core.offer(0.0):
            self.desk.said += offered
            self.perform()


@pytest.mark.parametrize("seed", range(40))
def test_every_task_runs_once_or_was_cancelled_before(seed: int) -> None:
    shell = Shell(seed)
    random, tasks, unstarted = shell.random, [], set()
    for _ in range(300):
        what = random.random()
        worker = random.choice(list(shell.running))
        if what < 0.35:
            tasks.append(shell.desk.task(f"{len(tasks)}"))
            shell.perform()
        elif what < 0.65:
            shell.work(worker)
        elif what < 0.85:
            shell.hear(worker)
        elif what < 0.93 and tasks:
            cancel = m.TaskCancel(random.choice(tasks), force=True)
            if shell.desk.core.disturbs(cancel):
                shell.take_back()
            if shell.desk.core.state(ANNA, cancel.task_id) == "queued":
                unstarted.add(cancel.task_id)
            shell.desk.tell(cancel)
            shell.perform()
        elif what < 0.95:
            shell.die(worker)
        shell.turn()
    for _ in range(1000):
        if all(one in shell.answers for one in tasks):
            break
        for worker in list(shell.running):
            shell.work(worker)
            shell.hear(worker)
        shell.turn()
    assert shell.offered > 20
    assert len(shell.started) == len(set(shell.started))
    assert not unstarted & set(shell.started)
    for task_id in tasks:
        first, *more = shell.answers[task_id]
        assert all(one == m.TaskCancelConfirm(task_id, NOT_FOUND) for one in more)
        if isinstance(first, m.TaskCancelConfirm):
            assert first.cancel_confirm_type is CANCELED
