"""The embedded engine's scheduler. PURE: messages and facts in, outputs out, time is an argument.

Every task goes by the table `SCHEDULER` of `futurefsm.fsm.lifecycles`; this file performs the
table's effects and keeps the queue. One task on a worker at a time and nothing prefetched: a queued
task that is cancelled never starts. Constant work for each message, however many tasks and workers
there are (the queue is a heap).
"""

import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.backlog import UNKNOWN, Backlog, Client, Objects, Task
from futurefsm.client.errors import ObjectStoreFullError, TaskRefusedError, WorkerStartError
from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm.events import Event
from futurefsm.protocol import messages as m
from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.ids import OBJECT_ID_BYTES, IdSource, owner_prefix
from futurefsm.protocol.mapping import worker_died
from futurefsm.protocol.task_flags import TaskFlags

CLIENT_TIMEOUT_S = 60.0
"""Silence after which a client counts as gone; a real scheduler's default."""

_PROTOCOL = 5


class Scheduler:
    """Tasks, clients and workers of one engine.

    Every method returns the outputs that it caused, to be performed in that order.

    Args:
        storage: what heartbeats are answered with.
        ids: makes the ids of result objects.
        objects: the object store.
        client_timeout_s: silence after which a client counts as gone.

    Attributes:
        counts: what was wrong with messages, and how often.
    """

    def __init__(
        self,
        storage: m.StorageAddress,
        ids: IdSource,
        objects: Objects,
        client_timeout_s: float = CLIENT_TIMEOUT_S,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._echo = m.ClientHeartbeatEcho(storage)
        self._ids = ids
        self._objects = objects
        self._timeout = client_timeout_s
        # In the order in which they were last heard.
        self._clients: OrderedDict[bytes, Client] = OrderedDict()
        self._workers: dict[int, Task | None] = {}
        self._idle: dict[int, None] = {}
        self._doomed: set[int] = set()
        self._backlog = Backlog(objects.has)
        self._order = 0
        self._no_worker: str | None = None
        self._out: list[out.Output] = []
        self._perform: dict[str, Callable[[Task, dict[str, Any]], None]] = {
            fx.ENQUEUE: self._enqueue,
            fx.DEQUEUE: self._dequeue,
            fx.RUN: self._run,
            fx.KILL_WORKER: self._kill,
            fx.CONFIRM_CANCELED_EFFECT: self._confirm(m.CancelConfirmType.CANCELED),
            fx.CONFIRM_NOT_FOUND_EFFECT: self._confirm(m.CancelConfirmType.CANCEL_NOT_FOUND),
            fx.CONFIRM_FAILED_EFFECT: self._confirm(m.CancelConfirmType.CANCEL_FAILED),
            fx.SEND_RESULT: self._send_result,
            fx.SEND_WORKER_DIED: self._send_worker_died,
        }
        self._receivers: dict[type, Callable[[Client, Any], None]] = {
            m.Task: self._task,
            m.TaskCancel: self._cancel,
            m.GraphTask: self._graph,
            m.ObjectInstruction: self._instruction,
            m.ClientHeartbeat: self._heartbeat,
            m.ClientDisconnect: self._disconnect,
        }

    # -- what can be looked at

    @property
    def tasks(self) -> int:
        """Tasks that are alive, but for those of clients that left."""
        return sum(len(client.tasks) for client in self._clients.values())

    @property
    def idle(self) -> int:
        """Workers without a task."""
        return len(self._idle)

    def knows(self, client: bytes) -> bool:
        """Whether this client was heard of and has not left."""
        return client in self._clients

    def state(self, client: bytes, task_id: bytes) -> str:
        """The state of a task: `unknown` also when it ended."""
        known = self._clients.get(client)
        task = known.tasks.get(task_id) if known else None
        return str(task.node.state if task else UNKNOWN.state)

    def deadline(self) -> float | None:
        """When `tick` should be called next."""
        for client in self._clients.values():
            return client.heard + self._timeout
        return None

    # -- what happens

    def received(self, client: bytes, message: m.Message, now: float) -> list[out.Output]:
        """A message of a client. None raises, whatever it is."""
        known = self._clients.get(client)
        if known is None:
            known = self._clients[client] = Client(client, now)
        else:
            known.heard = now
            self._clients.move_to_end(client)
        receiver = self._receivers.get(type(message))
        if receiver is None:
            self._complain(client, f"a {type(message).__name__} is not for a scheduler")
        else:
            receiver(known, message)
        return self._done()

    def object_stored(self, object_id: bytes, now: float) -> list[out.Output]:
        """An object exists now, or has other bytes."""
        self._backlog.stored(object_id)
        return self._done()

    def object_refused(self, object_id: bytes, now: float) -> list[out.Output]:
        """An object did not fit into the store: the tasks that wait for it fail."""
        for task in self._backlog.waiting_for(object_id):
            self._fail(task, self._full(object_id))
        return self._done()

    def worker_started(self, worker: int, now: float) -> list[out.Output]:
        """A worker is up and has nothing to do."""
        self._no_worker = None
        self._workers[worker] = None
        self._idle[worker] = None
        return self._done()

    def worker_done(
        self, worker: int, task_id: bytes, ok: bool, profile: bytes, now: float
    ) -> list[out.Output]:
        """A worker answered. The shell holds the payload until `StoreResult`, or drops it.

        Args:
            ok: the payload is a value, not an exception.
            profile: `Profile.pack()`.
        """
        task = self._workers.get(worker)
        if task is None or task.task_id != task_id:
            self._complain(b"", f"worker {worker} answered for a task that it has not")
            return self._done()
        self._workers[worker] = None
        if worker not in self._doomed:
            self._idle[worker] = None
        self._fire(task, ev.WORKER_DONE, ok=ok, profile=profile)
        return self._done()

    def worker_died(self, worker: int, exit: int, now: float) -> list[out.Output]:
        """A worker's process ended; `exit` is its code or minus the signal."""
        task = self._workers.pop(worker, None)
        self._idle.pop(worker, None)
        self._doomed.discard(worker)
        if task is not None:
            self._fire(task, ev.WORKER_DIED, exit=exit)
        self._out.append(out.StartWorker())
        return self._done()

    def workers_unavailable(self, reason: str, now: float) -> list[out.Output]:
        """There is no worker and none can be started: what is queued fails, until one starts."""
        self._no_worker = reason
        for client in self._clients.values():
            for task in tuple(client.tasks.values()):
                self._fire_no_worker(task)
        return self._done()

    def client_gone(self, client: bytes, now: float) -> list[out.Output]:
        """A client left: its tasks are cancelled by force, its objects deleted."""
        known = self._clients.pop(client, None)
        if known is not None:
            self._forget_client(known)
        return self._done()

    def tick(self, now: float) -> list[out.Output]:
        """Time passed: clients that were silent for too long are gone."""
        while self._clients:
            client = next(iter(self._clients.values()))
            if now - client.heard < self._timeout:
                break
            del self._clients[client.identity]
            self._forget_client(client)
        return self._done()

    # -- messages

    def _task(self, client: Client, message: m.Task) -> None:
        known = client.tasks.get(message.task_id)
        if known is not None:
            self.counts["duplicate task"] += 1
            self._fire(known, ev.TASK)
            return
        reason = ""
        priority = 0
        try:
            priority = TaskFlags.unpack(message.metadata).priority
        except ProtocolError as error:
            reason = str(error)
        arguments = message.function_args
        if message.source != client.identity:
            reason = "its source is another client"
        elif any(argument.type is not m.ArgumentType.OBJECT_ID for argument in arguments):
            reason = "an argument names a task, outside of a graph"
        task = Task(client, message, priority, self._order)
        if not reason and any(
            len(one) != OBJECT_ID_BYTES for one in (task.function, *task.arguments)
        ):
            reason = "an object id has not 32 bytes"
        if reason:
            self._refuse(client, message.task_id, reason)
            return
        self._order += 1
        client.tasks[message.task_id] = task
        self._fire(task, ev.TASK)
        if self._no_worker is not None and not self._workers:
            self._fire_no_worker(task)
            return
        for object_id in tuple(task.missing or ()):
            if self._objects.refused(object_id) is not None:
                self._fail(task, self._full(object_id))
                return

    def _cancel(self, client: Client, message: m.TaskCancel) -> None:
        event = ev.CANCEL_FORCED if message.force else ev.CANCEL_GENTLE
        task = client.tasks.get(message.task_id)
        if task is None:
            # Not kept: it only lends its names to the answer.
            task = Task(client, m.Task(message.task_id, client.identity, b"", b""), 0, 0)
        self._fire(task, event)

    def _graph(self, client: Client, message: m.GraphTask) -> None:
        reason = "this engine takes single tasks; the client resolves graphs"
        for node in message.graph:
            self._refuse(client, node.task_id, reason)
        self._refuse(client, message.task_id, reason)

    def _instruction(self, client: Client, message: m.ObjectInstruction) -> None:
        meta = message.object_metadata
        if message.instruction_type is m.InstructionType.DELETE:
            client.foreign.difference_update(meta.object_ids)
            self._out.append(out.Delete(meta.object_ids))
        elif message.instruction_type is m.InstructionType.CLEAR:
            self._delete_objects(client, keep=(client.serializer,))
        else:
            owner = owner_prefix(client.identity)
            client.announced = client.announced or client.serializer in meta.object_ids
            client.foreign.update(one for one in meta.object_ids if not one.startswith(owner))

    def _heartbeat(self, client: Client, message: m.ClientHeartbeat) -> None:
        self._send(client, self._echo)

    def _disconnect(self, client: Client, message: m.ClientDisconnect) -> None:
        if message.disconnect_type is m.DisconnectType.SHUTDOWN:
            # The engine belongs to the process that started it and ends with it.
            self._send(client, m.ClientShutdownResponse(accepted=False))
            return
        del self._clients[client.identity]
        self._forget_client(client)

    def _refuse(self, client: Client, task_id: bytes, reason: str) -> None:
        """Answer a task that never comes to life."""
        self._complain(client.identity, reason)
        result = self._ids.object_id(client.identity)
        payload = pickle.dumps(TaskRefusedError(reason), _PROTOCOL)
        self._out.append(out.StoreError(result, payload))
        failed = m.TaskResultType.FAILED
        self._send(client, m.TaskResult(task_id, failed, results=(result,)))

    def _forget_client(self, client: Client) -> None:
        """Its record is gone from the book already; a returning client gets a new one."""
        for task in tuple(client.tasks.values()):
            self._fire(task, ev.CLIENT_GONE)
        client.tasks.clear()
        self._delete_objects(client)

    def _delete_objects(self, client: Client, keep: tuple[bytes, ...] = ()) -> None:
        self._out.append(out.DeleteOwned(owner_prefix(client.identity), keep))
        if client.foreign:
            self._out.append(out.Delete(tuple(client.foreign)))
            client.foreign.clear()

    # -- the table, and its effects

    def _fire(self, task: Task, event: Event, **fact: Any) -> None:
        step = task.node.on[event]
        if step.violates:
            self._complain(task.client.identity, f"{event} in state {task.node.state}")
            return
        task.node = step.node
        if step.moves and step.node.state.absorbing:
            task.client.tasks.pop(task.task_id, None)
        for effect in step.effects:
            self._perform[effect](task, fact)

    def _enqueue(self, task: Task, fact: dict[str, Any]) -> None:
        self._backlog.add(task)

    def _dequeue(self, task: Task, fact: dict[str, Any]) -> None:
        self._backlog.withdraw(task)

    def _run(self, task: Task, fact: dict[str, Any]) -> None:
        task.worker = fact["worker"]
        self._workers[task.worker] = task
        client = task.client
        own = client.serializer if self._objects.has(client.serializer) else None
        run = out.Run(
            task.worker, task.task_id, client.identity, own, task.function, task.arguments
        )
        self._out.append(run)

    def _kill(self, task: Task, fact: dict[str, Any]) -> None:
        self._doomed.add(task.worker)
        self._out.append(out.Kill(task.worker))

    def _confirm(self, kind: m.CancelConfirmType) -> Callable[[Task, dict[str, Any]], None]:
        def send(task: Task, fact: dict[str, Any]) -> None:
            self._send(task.client, m.TaskCancelConfirm(task.task_id, kind))

        return send

    def _send_result(self, task: Task, fact: dict[str, Any]) -> None:
        client = task.client
        if self._clients.get(client.identity) is not client:
            # Its client left: an object that nobody can fetch would stay for ever.
            self._confirm(m.CancelConfirmType.CANCELED)(task, fact)
            return
        result = self._ids.object_id(client.identity)
        if "error" in fact:
            self._out.append(out.StoreError(result, pickle.dumps(fact["error"], _PROTOCOL)))
        else:
            self._out.append(out.StoreResult(task.task_id, result))
        kind = m.TaskResultType.SUCCESS if fact.get("ok") else m.TaskResultType.FAILED
        answer = m.TaskResult(task.task_id, kind, fact.get("profile", b""), (result,))
        self._send(client, answer)

    def _send_worker_died(self, task: Task, fact: dict[str, Any]) -> None:
        self._send(task.client, worker_died(task.task_id, fact["exit"]))

    def _fire_no_worker(self, task: Task) -> None:
        assert self._no_worker is not None
        self._fire(task, ev.NO_WORKER, error=WorkerStartError(self._no_worker))

    def _fail(self, task: Task, error: Exception) -> None:
        """End a queued task that can never run."""
        self._fire(task, ev.NO_WORKER, error=error)

    def _full(self, object_id: bytes) -> ObjectStoreFullError:
        objects = self._objects
        size = objects.refused(object_id) or 0
        return ObjectStoreFullError(
            "an object that the task needs", size, objects.stored_bytes, objects.limit_bytes
        )

    # -- the end of every step

    def _done(self) -> list[out.Output]:
        """Give work to idle workers; hand out what was caused."""
        while self._idle:
            task = self._backlog.next()
            if task is None:
                break
            worker, _ = self._idle.popitem()
            self._fire(task, ev.ASSIGN, worker=worker)
        done, self._out = self._out, []
        return done

    def _send(self, client: Client, message: m.Message) -> None:
        self._out.append(out.SendTo(client.identity, message))

    def _complain(self, client: bytes, reason: str) -> None:
        self.counts[reason] += 1
        self._out.append(out.Complain(client, reason))
