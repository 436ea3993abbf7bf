"""The embedded engine's scheduler. PURE: messages and facts in, outputs out, time is an argument.

Every task goes by the table `SCHEDULER` of `futurefsm.fsm.lifecycles`; this file performs the
table's effects. `assigning.py` is the half that knows the workers. A queued task that is cancelled
never starts. Constant work for each message, however many tasks and workers there are (the queue is
a heap).
"""

from collections.abc import Callable
from typing import Any

from futurefsm.client.deadlines import Alarm, earliest
from futurefsm.client.engine import admission
from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.assigning import Assigning
from futurefsm.client.engine.backlog import UNKNOWN, Client, Objects, Task
from futurefsm.client.engine.clients import Clients
from futurefsm.client.engine.graphs import CANCELLED, Graphs
from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm import states as st
from futurefsm.fsm.events import Event
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import IdSource, owner_prefix

CLIENT_TIMEOUT_S = 60.0
"""Silence after which a client counts as gone; a real scheduler's default."""

_BEGINS = (m.ClientHeartbeat, m.Task, m.GraphTask)


class Scheduler(Assigning):
    """Tasks, clients and workers of one engine.

    Every method returns the outputs that it caused, to be performed in that order.

    Args:
        storage: what heartbeats are answered with.
        ids: makes the ids of result objects.
        objects: the object store.
        client_timeout_s: silence after which a client counts as gone.
        workers: how many there are to be; see `Crew`.
        protected: refuse a client's shutdown request.
        alarm: rings at `deadline`, or before.

    Attributes:
        counts: what was wrong with messages, and how often.
        awaits: whether a task waits for this object: else nobody need be told that it is stored.
    """

    def __init__(
        self,
        storage: m.StorageAddress,
        ids: IdSource,
        objects: Objects,
        client_timeout_s: float = CLIENT_TIMEOUT_S,
        workers: int = 0,
        protected: bool = True,
        alarm: Alarm | None = None,
    ) -> None:
        alarm = alarm or Alarm()
        super().__init__(ids, objects, workers, alarm)
        self.awaits = self._backlog.awaits
        self._echo = m.ClientHeartbeatEcho(storage)
        self._clients = Clients(client_timeout_s, alarm)
        self._protected = protected
        self._graphs = Graphs(self, ids.object_id)
        self._order = 0
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

    def _lives(self, client: Client) -> bool:
        return self._clients.get(client.identity) is client

    def knows(self, client: bytes) -> bool:
        """Whether this client was heard of and has not left."""
        return client in self._clients

    def state(self, client: bytes, task_id: bytes) -> str:
        """The state of a task: `unknown` also when it ended."""
        known = self._clients.get(client)
        task = known.tasks.get(task_id) if known else None
        return str(task.node.state if task else UNKNOWN.state)

    def _alive(self) -> list[Task]:
        return [task for client in self._clients.values() for task in client.tasks.values()]

    def deadline(self) -> float | None:
        """When `tick` should be called next; what is offered is to be taken back before."""
        return earliest(self._clients.deadline(), self._crew.deadline(), self._stuck_at())

    # -- what happens

    def received(self, client: bytes, message: m.Message, now: float) -> list[out.Output]:
        """A message of a client. None raises, whatever it is."""
        clients = self._clients
        known = clients.again(client, now)
        if known is None:
            known = clients.heard(client, now, begins=type(message) in _BEGINS)
            if clients.returned(client):
                self._out.append(out.Admit(owner_prefix(client)))
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

    def client_gone(self, client: bytes, now: float) -> list[out.Output]:
        """A client left: its tasks are cancelled by force, its objects deleted."""
        known = self._clients.pop(client, None)
        if known is not None:
            self._forget_client(known)
        return self._done()

    def tick(self, now: float) -> list[out.Output]:
        """Time passed: clients that were silent for too long are gone."""
        while (client := self._clients.silent(now)) is not None:
            self._forget_client(client)
        retired = self._crew.retire(now)
        self.dying(retired)
        self._out += map(out.Kill, retired)
        return self._done()

    # -- messages

    def _task(self, client: Client, message: m.Task) -> None:
        known = client.tasks.get(message.task_id)
        if known is not None:
            self.counts["duplicate task"] += 1
            self._fire(known, ev.TASK)
            return
        task = admission.admit(client, message, self._order)
        if isinstance(task, str):
            self._refuse(client, message.task_id, task)
            return
        self._order += 1
        client.tasks[message.task_id] = task
        self._fire(task, ev.TASK)
        if task.missing or self._no_worker is not None:
            self._check(task)

    def _check(self, task: Task) -> None:
        """A queued task may be known to be hopeless."""
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
        graph = task.graph if task else client.graphs.get(message.task_id)
        if graph is not None:
            self._graphs.cancel(graph)
            return
        if task is None:
            # Not kept: it only lends its names to the answer.
            task = Task(client, m.Task(message.task_id, client.identity, b"", b""), 0, 0)
        self._fire(task, event)

    def _graph(self, client: Client, message: m.GraphTask) -> None:
        if message.task_id in client.graphs or message.task_id in client.tasks:
            self.counts["duplicate graph"] += 1
            return
        names = {node.task_id for node in message.graph}
        reason: str | None = None
        nodes = []
        for at, node in enumerate(message.graph, self._order):
            task = admission.admit(client, node, at, names)
            if isinstance(task, Task):
                nodes.append(task)
            else:
                reason = reason or task
        reason = reason or admission.fault(client, message)
        if reason is not None:
            for name in dict.fromkeys(node.task_id for node in message.graph):
                if name not in client.tasks and name != message.task_id:
                    self._refuse(client, name, reason)
            self._send(client, m.TaskResult(message.task_id, m.TaskResultType.FAILED))
            return
        self._order += len(nodes)
        for task in self._graphs.accept(client, message, nodes):
            client.tasks[task.task_id] = task
            self._fire(task, ev.TASK)
        for task in nodes:
            self._check(task)

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
            self._send(client, m.ClientShutdownResponse(accepted=not self._protected))
            if not self._protected:
                self._out.append(out.EndEngine())
            return
        longest = self._clients.departs(client.identity)
        self._forget_client(client)
        # What it still sends, it has sent before it heard that nobody wants it any more.
        self._out.append(out.Bar(owner_prefix(client.identity)))
        if longest is not None:
            self._out.append(out.Admit(owner_prefix(longest)))

    def _forget_client(self, client: Client) -> None:
        """Its record is gone from the book already; a returning client gets a new one."""
        for graph in client.graphs.values():
            graph.state = CANCELLED
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
        ends = step.moves and step.node.state.absorbing
        if ends:
            task.client.tasks.pop(task.task_id, None)
        for effect in step.effects:
            self._perform[effect](task, fact)
        if ends and task.graph is not None:
            self._graphs.ended(task, event, fact)

    def fire(self, task: Task, event: Event, **fact: Any) -> None:
        """An event of one task. This and the next three are for `Graphs`."""
        self._fire(task, event, **fact)

    def send(self, client: Client, message: m.Message) -> None:
        """To a client."""
        self._send(client, message)

    def delete(self, object_ids: tuple[bytes, ...]) -> None:
        """From the store."""
        self._out.append(out.Delete(object_ids))

    def fail_node(self, task: Task, **fact: Any) -> None:
        """Answer for a node with another's error; stop it if it runs."""
        if task.node.state == st.QUEUED and "exit" not in fact:
            self._fire(task, ev.NO_WORKER, **fact)
            return
        answer = self._send_worker_died if "exit" in fact else self._send_result
        answer(task, fact)
        task.silent = True
        task.client.tasks.pop(task.task_id, None)
        self._fire(task, ev.CANCEL_FORCED)

    def _enqueue(self, task: Task, fact: dict[str, Any]) -> None:
        self._backlog.add(task)

    def _dequeue(self, task: Task, fact: dict[str, Any]) -> None:
        # Who was taken out to run is not there any more.
        if task.queued or task.missing is not None:
            self._backlog.withdraw(task)

    def _fail(self, task: Task, error: Exception) -> None:
        """End a queued task that can never run."""
        self._fire(task, ev.NO_WORKER, error=error)
