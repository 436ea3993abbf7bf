"""The scheduler, pure: any order of messages and facts; each task gets exactly one answer."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scheduler_desk import ANNA, BERT, CANCELED, FUNCTION, Desk, confirm

from futurefsm.client.engine import outputs as out
from futurefsm.protocol import messages as m
from futurefsm.protocol.task_flags import TaskFlags


class SchedulerWorld(RuleBasedStateMachine):
    """Two clients, three workers, six objects; anything in any order."""

    clients = st.sampled_from([ANNA, BERT])
    objects = st.integers(0, 5).map(lambda at: bytes([at]) * 32)

    @initialize()
    def begin(self) -> None:
        self.desk = Desk(0)
        self.now = 0.0
        self.number = 0
        self.workers: dict[int, tuple[bytes, bytes] | None] = {}
        self.doomed: set[int] = set()
        self.starts = 3
        self.next_worker = 0
        # (client, task id) → answers that ended it
        self.answers: dict[tuple[bytes, bytes], list[m.Message]] = {}
        self.runs: dict[tuple[bytes, bytes], int] = {}
        self.needs: dict[tuple[bytes, bytes], tuple[bytes, ...]] = {}
        self.cancelled_queued: set[tuple[bytes, bytes]] = set()
        # Most of what can go wrong needs work that is done: begin with some of what that takes.
        for at in range(4):
            self.desk.objects.present.add(bytes([at]) * 32)
        self.start()
        self.start()

    def perform(self, said: list[out.Output]) -> None:
        for one in said:
            match one:
                case out.Run(worker, task_id, source, _, function, arguments):
                    key = (source, task_id)
                    assert self.workers[worker] is None
                    assert worker not in self.doomed
                    assert not self.answers[key]
                    assert key not in self.cancelled_queued
                    assert all(map(self.desk.objects.has, (function, *arguments)))
                    self.runs[key] = self.runs.get(key, 0) + 1
                    assert self.runs[key] == 1
                    self.workers[worker] = key
                case out.Kill(worker):
                    assert worker not in self.doomed
                    assert self.workers[worker] is not None
                    self.doomed.add(worker)
                case out.StartWorker():
                    self.starts += 1
                case out.SendTo(client, message):
                    self.told(client, message)
                case out.Complain(_, reason):
                    raise AssertionError(reason)

    def told(self, client: bytes, message: m.Message) -> None:
        final = isinstance(message, m.TaskResult) or (
            isinstance(message, m.TaskCancelConfirm) and message.cancel_confirm_type is CANCELED
        )
        if final:
            assert isinstance(message, m.TaskResult | m.TaskCancelConfirm)
            self.answers[client, message.task_id].append(message)

    @rule(client=clients, objects=st.lists(objects, max_size=2), priority=st.integers(0, 2))
    def submit(self, client: bytes, objects: list[bytes], priority: int) -> None:
        self.number += 1
        task_id = self.number.to_bytes(16, "big")
        self.answers[client, task_id] = []
        self.needs[client, task_id] = tuple(objects)
        args = tuple(m.Argument(m.ArgumentType.OBJECT_ID, one) for one in objects)
        task = m.Task(task_id, client, TaskFlags(priority=priority).pack(), FUNCTION, args)
        self.perform(self.desk.core.received(client, task, self.now))

    @precondition(lambda self: self.answers)
    @rule(data=st.data(), force=st.booleans())
    def cancel(self, data: st.DataObject, force: bool) -> None:
        client, task_id = data.draw(st.sampled_from(sorted(self.answers)))
        queued = self.desk.core.state(client, task_id) == "queued"
        said = self.desk.core.received(client, m.TaskCancel(task_id, force), self.now)
        if queued:
            assert said == [confirm(task_id, CANCELED, client)]
            self.cancelled_queued.add((client, task_id))
        self.perform(said)

    @rule(object_id=objects)
    def store(self, object_id: bytes) -> None:
        self.desk.objects.present.add(object_id)
        self.perform(self.desk.core.object_stored(object_id, self.now))

    @rule(object_id=objects)
    def delete(self, object_id: bytes) -> None:
        self.desk.objects.present.discard(object_id)

    @precondition(lambda self: self.starts)
    @rule()
    def start(self) -> None:
        self.starts -= 1
        self.workers[self.next_worker] = None
        self.next_worker += 1
        self.perform(self.desk.core.worker_started(self.next_worker - 1, self.now))

    @precondition(lambda self: any(self.workers.values()))
    @rule(data=st.data(), ok=st.booleans())
    def finish(self, data: st.DataObject, ok: bool) -> None:
        busy = [worker for worker, key in self.workers.items() if key]
        worker = data.draw(st.sampled_from(busy))
        key = self.workers[worker]
        assert key is not None
        self.workers[worker] = None
        self.perform(self.desk.core.worker_done(worker, key[1], ok, b"", self.now))

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.workers)))
        key = self.workers.pop(worker)
        if key is not None and data.draw(st.booleans()):
            # Before it has begun that: another may run it.
            self.runs[key] -= 1
            key = None
        self.doomed.discard(worker)
        self.perform(self.desk.core.worker_died(worker, -9, self.now, key))

    @precondition(lambda self: not self.workers)
    @rule()
    def give_up(self) -> None:
        self.perform(self.desk.core.workers_unavailable("none", self.now))

    @rule(client=clients)
    def leave(self, client: bytes) -> None:
        self.perform(self.desk.core.received(client, m.ClientDisconnect(), self.now))

    @rule(seconds=st.sampled_from([1.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.perform(self.desk.core.tick(self.now))

    @invariant()
    def one_answer(self) -> None:
        for answers in getattr(self, "answers", {}).values():
            assert len(answers) <= 1

    @invariant()
    def nobody_idles_while_a_task_could_run(self) -> None:
        if not hasattr(self, "desk"):
            return
        idle = [w for w, key in self.workers.items() if key is None and w not in self.doomed]
        assert len(idle) == self.desk.core.idle
        if idle:
            for (client, task_id), needs in self.needs.items():
                if self.desk.core.state(client, task_id) == "queued":
                    assert not all(map(self.desk.objects.has, needs))

    def step_to_the_end(self) -> bool:
        """Whether there was something left that the shell owes the scheduler."""
        busy = [worker for worker, key in self.workers.items() if key]
        dying = [worker for worker in self.doomed if self.workers[worker] is None]
        if self.starts:
            self.start()
        elif dying:
            del self.workers[dying[0]]
            self.doomed.discard(dying[0])
            self.perform(self.desk.core.worker_died(dying[0], -9, self.now))
        elif busy:
            key, self.workers[busy[0]] = self.workers[busy[0]], None
            assert key is not None
            self.perform(self.desk.core.worker_done(busy[0], key[1], True, b"", self.now))
        return bool(self.starts or dying or busy)

    def teardown(self) -> None:
        if not hasattr(self, "desk"):
            return
        for at in range(6):
            self.store(bytes([at]) * 32)
        while self.step_to_the_end():
            pass
        assert [key for key, answers in self.answers.items() if len(answers) != 1] == []
        core = self.desk.core
        assert core.tasks == 0
        assert len(core._backlog._waiting) == 0
        assert [entry for entry in core._backlog.ready if entry[2].queued] == []


TestSchedulerWorld = SchedulerWorld.TestCase
TestSchedulerWorld.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, report_multiple_bugs=False
)
