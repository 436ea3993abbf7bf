"""A gallery of broken parts: mistakes that real clients and schedulers made, each put into a copy
of the production part. The world has to find every one, and to name what it breaks.

`EXHIBITS` says for each in which world it shows; `GALLERY` finds the parts by name, for tokens.
"""

from collections.abc import Callable, Iterable
from typing import Any

from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.backlog import Task as QueuedTask
from futurefsm.client.engine.scheduler import Scheduler
from futurefsm.client.engine.store import ObjectStore
from futurefsm.client.future import Future
from futurefsm.client.outputs import Delete, Deliver, Forget, Get, Send
from futurefsm.client.pump import Pump
from futurefsm.client.testing import invariants as inv
from futurefsm.client.testing.hunting import Setting
from futurefsm.client.testing.parts import Parts
from futurefsm.client.testing.switches import HARSH, LOSSY, NONE, Faults
from futurefsm.client.tracker import Tracker
from futurefsm.client.uploads import Upload, Uploads
from futurefsm.fsm import effects as fx
from futurefsm.fsm import future as fsm
from futurefsm.fsm import outcomes
from futurefsm.fsm import states as st
from futurefsm.fsm.errors import InvalidStateError
from futurefsm.fsm.events import CANCEL, WORKER_DIED
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.table import Lifecycle, goes, ignores
from futurefsm.protocol import messages as m

# -- futures


class SilentFuture(Future[Any]):
    """Assigns the state without notifying: wait() and as_completed() are never told."""

    def _tell(self, waiters: list[Any]) -> None:
        pass


class TwiceFuture(Future[Any]):
    """Calls back for the result and again for the cancel."""

    def _call_back(self, callbacks: list[Callable[[Any], object]]) -> None:
        super()._call_back([*callbacks, *callbacks])


class HastyFuture(Future[Any]):
    """Runs callbacks in the thread that delivers messages."""

    def _call_back(self, callbacks: list[Callable[[Any], object]]) -> None:
        for fn in callbacks:
            self.call_one(fn)


class YesFuture(Future[Any]):
    """Says True to every cancel()."""

    def cancel(self, timeout: float | None = None) -> bool:
        super().cancel(timeout)
        return True


class LateFuture(Future[Any]):
    """Tells those who wait for it of its cancel when a worker would have been free."""

    def cancel(self, timeout: float | None = None) -> bool:
        return fsm.Future.cancel(self, timeout)


class CyclicFuture(Future[Any]):
    """Its exception keeps the frame that raised it, and the frame keeps the future."""

    def result(self, timeout: float | None = None) -> Any:
        return super().result(timeout)


class MovedFuture(Future[Any]):
    """Writes its state past the table: the value that came after the cancel."""

    def fire(self, event: str, value: Any = None, source: str = "wire") -> Any:
        step = super().fire(event, value, source)
        if step.row.source == st.CANCEL_REQUESTED and event == "result_success":
            self._node = self.lifecycle.compiled.on["connection_lost"].node
        return step


# -- the client's side of the wire


class ForgetfulTracker(Tracker):
    """Forgets the result that lost against a cancel."""

    def perform(self, task_id: bytes, effects: Iterable[str], value: Any, now: float) -> None:
        kept = [effect for effect in effects if effect != fx.DELETE_RESULT]
        super().perform(task_id, kept, value, now)


class StingyTracker(Tracker):
    """Does not give back the credit of a task that ended badly."""

    def received(self, message: m.Message, now: float) -> None:
        before = self.credits
        super().received(message, now)
        if isinstance(message, m.TaskResult) and message.result_type and before is not None:
            self.credits = before - 1


class EagerTracker(Tracker):
    """Deletes the result while its bytes are on their way."""

    def take(self) -> list[Any]:
        taken = super().take()
        return taken + [Delete(each.object_id) for each in taken if isinstance(each, Get)]


class DoubleTracker(Tracker):
    """Deletes each result when it arrives, and when it is forgotten."""

    def _forget_if_over(self, task_id: bytes, tracked: Any) -> None:
        super()._forget_if_over(task_id, tracked)
        if task_id not in self._tasks and tracked.object_id is not None:
            self._out.append(Delete(tracked.object_id))


class RepeatingTracker(Tracker):
    """Sends a task again when a heartbeat is echoed late: was it lost?"""

    def received(self, message: m.Message, now: float) -> None:
        super().received(message, now)
        if isinstance(message, m.ClientHeartbeatEcho):
            for task_id, tracked in self._tasks.items():
                if tracked.sent and tracked.settled is None:
                    flags = m.Task(task_id, self.identity, bytes(6), bytes(32))
                    self._out.append(Send(flags))


class DeafTracker(Tracker):
    """Waits for the result of what it cancelled: a confirmation is no answer to it."""

    def received(self, message: m.Message, now: float) -> None:
        if not isinstance(message, m.TaskCancelConfirm):
            super().received(message, now)


class RaisingPump(Pump):
    """Raises when a result comes for a future that is done: everybody else's futures hang."""

    def receive(self, message: m.Message, now: float) -> None:
        future = self.futures.get(getattr(message, "task_id", b""))
        if isinstance(message, m.TaskResult) and future is not None and future.done():
            raise InvalidStateError("CANCELLED")
        super().receive(message, now)


class WaitingPump(Pump):
    """Waits, on the thread that delivers, for the answer to a cancel."""

    def receive(self, message: m.Message, now: float) -> None:
        future = self.futures.get(getattr(message, "task_id", b""))
        if future is not None and future.running():
            future.cancelled()
            with future._condition:
                future._condition.wait(30.0)
        super().receive(message, now)


class SwappingPump(Pump):
    """Hands out bytes by turns: what came before for one that failed."""

    _before: Any = None

    def _tell(self, output: Any) -> None:
        if isinstance(output, Deliver):
            output, self._before = (
                Deliver(output.task_id, self._before or output.payload),
                output.payload,
            )
        super()._tell(output)


class HoardingPump(Pump):
    """Never forgets a future."""

    def _tell(self, output: Any) -> None:
        if not isinstance(output, Forget):
            super()._tell(output)


class ForsakingPump(Pump):
    """Leaves values on their way when it disconnects: result() waits for ever."""

    def disconnect(self, now: float) -> None:
        values = self.tracker.values
        fetching, values.fetching = values.fetching, {}
        super().disconnect(now)
        values.fetching = fetching


class CarelessUploads(Uploads):
    """Deletes a shared object with the first task that ends."""

    def release(self, upload: Upload) -> None:
        super().release(upload)
        if upload.needed_by and upload.digest is not None:
            self._shared.pop(upload.digest, None)
            upload.digest = None
            self.dropped.append(upload.object_id)


# -- the engine


class ZombieScheduler(Scheduler):
    """Confirms the cancel of a queued task and runs it all the same."""

    def _cancel(self, client: Any, message: m.TaskCancel) -> None:
        task = client.tasks.get(message.task_id)
        if task is not None and task.node.state == st.QUEUED:
            self._confirm(m.CancelConfirmType.CANCELED)(task, {})
        else:
            super()._cancel(client, message)


class PrefetchingScheduler(Scheduler):
    """Hands a busy worker its next task."""

    def _run(self, task: QueuedTask, fact: dict[str, Any]) -> None:
        super()._run(task, fact)
        following = self._backlog.next()
        if following is not None:
            following.worker = task.worker
            self._out.append(
                out.Run(task.worker, following.task_id, b"", None, following.function, ())
            )


class RetryingScheduler(Scheduler):
    """Runs a task again when its worker died."""

    def worker_died(
        self, worker: int, exit: int, now: float, begun: Any = None
    ) -> list[out.Output]:
        task = self._workers.get(worker)
        if task is not None and task.node.state == st.ASSIGNED:
            self._workers[worker] = None
            task.node = task.node.lifecycle.compiled.on["task"].node
            self._backlog.add(task)
        return super().worker_died(worker, exit, now, begun)


class SoftScheduler(Scheduler):
    """Confirms the cancel of a running task before its worker is dead."""

    def _cancel(self, client: Any, message: m.TaskCancel) -> None:
        task = client.tasks.get(message.task_id)
        if task is not None and task.node.state == st.ASSIGNED:
            self._confirm(m.CancelConfirmType.CANCELED)(task, {})
        super()._cancel(client, message)


class StammeringScheduler(Scheduler):
    """Stores each result twice, and tells of one."""

    def _send_result(self, task: QueuedTask, fact: dict[str, Any]) -> None:
        super()._send_result(task, fact)
        sent = self._out[-1]
        if isinstance(sent, out.SendTo) and isinstance(sent.message, m.TaskResult):
            other = self._ids.object_id(task.client.identity)
            self._out.append(out.StoreError(other, b"V" + task.task_id))


class MutedScheduler(Scheduler):
    """Does not tell what it was not asked: a worker's death."""

    def _fire(self, task: QueuedTask, event: Any, **fact: Any) -> None:
        if event == WORKER_DIED and task.node.state == st.ASSIGNED:
            task.client.tasks.pop(task.task_id, None)
        else:
            super()._fire(task, event, **fact)


class BrittleScheduler(Scheduler):
    """Raises when it is asked to cancel what it does not know."""

    def _cancel(self, client: Any, message: m.TaskCancel) -> None:
        client.tasks[message.task_id]
        super()._cancel(client, message)


class KeepingStore(ObjectStore):
    """Says that it deleted."""

    def delete(self, object_id: bytes) -> bool:
        return self.has(object_id)


# -- tables


def _two_requests(lifecycle: Lifecycle) -> Lifecycle:
    again = ignores(st.CANCEL_REQUESTED, CANCEL, fx.SEND_CANCEL, why="ask again", answer=True)
    return lifecycle.derive("two_requests", again)


def _boasting(lifecycle: Lifecycle) -> Lifecycle:
    row = goes(
        st.RUNNING,
        CANCEL,
        st.CANCEL_REQUESTED,
        fx.SEND_CANCEL,
        why="asked, so it is as good as done",
        answer=True,
        outcome=outcomes.CONFIRMED_OUTCOME,
    )
    return lifecycle.derive("boasting", row)


def _leaking(lifecycle: Lifecycle) -> Lifecycle:
    row = lifecycle.row(st.CANCEL_REQUESTED, "result_success")
    tell = (fx.NOTIFY, fx.ANNOUNCE)
    return lifecycle.derive("leaking", goes(row.source, row.event, row.target, *tell, why="over"))


def _exhibit(
    name: str,
    invariant: str,
    lifecycle: Lifecycle = CONFIRMED,
    faults: Faults = NONE,
    clients: int = 1,
    workers: int = 1,
    **parts: Any,
) -> Setting:
    made = Parts(name, invariant=invariant, **parts)
    return Setting(lifecycle, clients, workers, faults, made)


EXHIBITS: tuple[Setting, ...] = (
    _exhibit("silent_future", inv.ONCE, future=SilentFuture),
    _exhibit("twice_future", inv.ONCE, future=TwiceFuture),
    _exhibit("hasty_future", inv.ONCE, future=HastyFuture),
    _exhibit("yes_future", inv.AGREEMENT, STRICT, future=YesFuture),
    _exhibit("late_future", inv.ONCE, STRICT, future=LateFuture),
    _exhibit("cyclic_future", inv.NO_LEAK, future=CyclicFuture),
    _exhibit("moved_future", inv.ONE_VERDICT, future=MovedFuture),
    _exhibit("forgetful_tracker", inv.NO_LEAK, tracker=ForgetfulTracker),
    _exhibit("stingy_tracker", inv.CREDITS, STRICT, tracker=StingyTracker),
    _exhibit("eager_tracker", inv.DELETED_ONCE, tracker=EagerTracker),
    _exhibit("double_tracker", inv.DELETED_ONCE, tracker=DoubleTracker),
    _exhibit("repeating_tracker", inv.ONE_CANCEL, tracker=RepeatingTracker),
    _exhibit("deaf_tracker", inv.SETTLES, tracker=DeafTracker),
    _exhibit("raising_pump", inv.PUMP, faults=LOSSY, pump=RaisingPump),
    _exhibit("waiting_pump", inv.PUMP, pump=WaitingPump),
    _exhibit("swapping_pump", inv.RIGHT_VALUE, workers=2, pump=SwappingPump),
    _exhibit("hoarding_pump", inv.NO_LEAK, pump=HoardingPump),
    _exhibit("forsaking_pump", inv.SETTLES, pump=ForsakingPump),
    _exhibit("careless_uploads", inv.SETTLES, uploads=CarelessUploads),
    _exhibit("zombie_scheduler", inv.NO_PREFETCH, scheduler=ZombieScheduler),
    _exhibit("prefetching_scheduler", inv.ONE_TASK, scheduler=PrefetchingScheduler),
    _exhibit("retrying_scheduler", inv.NEVER_TWICE, faults=HARSH, scheduler=RetryingScheduler),
    _exhibit("soft_scheduler", inv.NO_PREFETCH, scheduler=SoftScheduler),
    _exhibit("stammering_scheduler", inv.NO_LEAK, scheduler=StammeringScheduler),
    _exhibit("muted_scheduler", inv.SETTLES, faults=HARSH, scheduler=MutedScheduler),
    _exhibit("brittle_scheduler", inv.ENGINE, scheduler=BrittleScheduler),
    _exhibit("keeping_store", inv.NO_LEAK, store=KeepingStore),
    _exhibit("two_requests", inv.ONE_CANCEL, derive=_two_requests),
    _exhibit("boasting", inv.TRUE_OUTCOME, derive=_boasting),
    _exhibit("leaking", inv.NO_LEAK, derive=_leaking),
)
"""Each in the world that shows it; `setting.parts.invariant` is what it must break."""

GALLERY: dict[str, Parts] = {setting.parts.name: setting.parts for setting in EXHIBITS}
"""Name → broken parts."""
