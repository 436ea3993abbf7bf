"""The embedded engine's shell: one thread, one loop around the pure scheduler and store.

Everything that can happen is a descriptor that becomes ready: the clients' router, the storage
connections, the workers' pipes, the signals' pipe, the lifeline. Nothing polls, nothing blocks, and
nothing that a peer sends ends the loop.
"""

import os
import pickle
import signal
import time
from functools import partial
from math import inf
from typing import Any

from futurefsm.client.deadlines import earliest
from futurefsm.client.engine import frames
from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.answers import full, written
from futurefsm.client.engine.carrying import Carrying
from futurefsm.client.engine.complaints import Complaints
from futurefsm.client.engine.doors import Doors
from futurefsm.client.engine.early import CODEC
from futurefsm.client.engine.hands import Hands
from futurefsm.client.engine.mail import Mail
from futurefsm.client.engine.pipe import Answer, Payload
from futurefsm.client.engine.respawn import Respawn
from futurefsm.client.engine.results import PROTOCOL
from futurefsm.client.engine.scheduler import Scheduler
from futurefsm.client.engine.signals import Signals
from futurefsm.client.engine.storage import Handler, StorageServer
from futurefsm.client.engine.store import ObjectStore
from futurefsm.client.engine.workers import Answered, Died, WorkerPool
from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.ids import IdSource, owner_prefix
from futurefsm.protocol.messages import ClientHeartbeatEcho
from futurefsm.protocol.task_flags import profile_bytes
from futurefsm.protocol.transport.poller import Poller

_TURN = 64
"""Messages of clients in a row before the others get their turn: so few that the first of many
tasks are offered to the workers before all are read."""

# The last only in the foreground.
_END_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Server:
    """An engine that serves until its lifeline ends.

    Args:
        doors: where it listens; owned from here on.
        pool: the workers; started ones are owned as well as those to come.
        respawn: the book about them.
        store_bytes: limit of all objects together.
        client_timeout_s: silence after which a client counts as gone.
        ends: descriptors; when one of them becomes readable the engine ends.
        foreground: Ctrl-C ends it.
        protected: refuse a client's shutdown request.
    """

    def __init__(
        self,
        doors: Doors,
        pool: WorkerPool,
        respawn: Respawn,
        *,
        store_bytes: int,
        client_timeout_s: float,
        ends: tuple[int, ...],
        foreground: bool = False,
        protected: bool = True,
    ) -> None:
        self.poller = Poller(many=True)
        self._handlers: dict[object, Handler] = {}
        self._pool = pool
        self._respawn = respawn
        # Of all who want to be called at some time.
        self._alarm = respawn.alarm
        self._ending = False
        # The router has messages that its descriptor does not tell of.
        self._more = False
        self._complain = Complaints()
        self._take_back_soon = False
        self._store = ObjectStore(store_bytes)
        self._hands = Hands(pool, self._store)
        self._doors = doors
        self._scheduler = Scheduler(
            doors.storage,
            IdSource(os.urandom(16)),
            self._store,
            client_timeout_s,
            respawn.size,
            protected,
            self._alarm,
        )
        self._end_by = _END_SIGNALS if foreground else _END_SIGNALS[:2]
        self._signals = Signals((signal.SIGCHLD, *_END_SIGNALS))
        self._on(self._signals.fd, self._signal)
        for fd in ends:
            self._on(fd, self._end)
        self._router, self._private = doors.router, doors.private
        router = self._router
        self._mail = Mail(router.queue, self._scheduler.knows, router.spare, self._alarm)
        self._on(self._router.poll_item, self._client_messages)
        self._storage = StorageServer(
            doors.listener,
            self._store,
            self.poller,
            self._handlers,
            self._store_changed,
            self._storage_gone,
            self._complain,
            self._alarm,
        )
        self._carrying = Carrying(self._store, self._storage.send, self._router.spare, doors.hand)
        self.address = self._router.address
        self.storage_address = f"tcp://{doors.storage.host}:{doors.storage.port}"

    # -- the loop

    def serve(self) -> None:
        """Work until the engine is told to end."""
        self._reap()
        alarm = self._alarm
        while not self._ending:
            # First what somebody waits for; and when time has brought something, once more.
            now = time.monotonic()
            self._finish_turn(now)
            if alarm.at <= now or self._pool.lost or self._respawn.hopeless:
                self._survive(self._timers)
                self._finish_turn(now)
            patience = None if alarm.at == inf else alarm.at - now
            if self._more:
                self._survive(self._client_messages, True, False)
                patience = 0.0
            for item, readable, writable in self.poller.poll(patience):
                handler = self._handlers.get(item)
                if handler is not None:
                    try:
                        handler(readable, writable)
                    except Exception:
                        self._fault()
        self._survive(self._router.flush)

    def _finish_turn(self, now: float) -> None:
        try:
            if self._take_back_soon:
                self._take_back()
            while offered := self._scheduler.offer(now):
                self._perform(offered)
        except Exception:
            self._fault()
        try:
            self._router.flush()
        except Exception:
            self._fault()

    def _survive(self, act: Any, *args: bool) -> None:
        try:
            act(*args)
        except Exception:
            self._fault()

    def _fault(self) -> None:
        # Of ours; the other clients and tasks must not pay for it.
        self._complain(b"", "a fault in the engine", trace=True)

    def close(self) -> None:
        """Give everything back; kill the workers."""
        self._pool.close()
        self._doors.close()
        self._storage.close()
        self._signals.close()

    def _on(self, item: object, handler: Handler) -> None:
        self._handlers[item] = handler
        self.poller.register(item)

    def _end(self, readable: bool, writable: bool) -> None:
        self._ending = True

    def _signal(self, readable: bool, writable: bool) -> None:
        arrived = self._signals.take()
        if any(number in arrived for number in self._end_by):
            self._ending = True
        # A full pipe may have lost one: look for the dead in any case.
        self._reap()

    # -- time

    def _deadline(self) -> float | None:
        """When `_timers` is to be called next."""
        tasks, workers = self._scheduler.deadline(), self._respawn.deadline()
        return earliest(tasks, workers, self._mail.deadline(), self._storage.again_at, CODEC.due)

    def _timers(self) -> None:
        now = time.monotonic()
        deadline = self._scheduler.deadline()
        if deadline is not None and deadline <= now:
            self._take_back()
            self._perform(self._scheduler.tick(now))
        self._mail.tick(now)
        if self._pool.lost:
            self._reap()
        for worker in self._respawn.overdue(now):
            self._complain(b"", "a worker did not come up in time")
            self._pool.kill(worker)
        self.start_workers()
        self._storage.tick(now)
        CODEC.tick(now, busy=self._scheduler.tasks > 0)
        self._alarm.set(self._deadline())

    def start_workers(self) -> None:
        """Start those that are owed, if it is time to."""
        now = time.monotonic()
        for _ in range(self._respawn.due(now)):
            try:
                self._respawn.started(self._pool.start(), now)
            except OSError as error:
                self._respawn.failed(f"no process could be started: {error}", now)
                break
        self._despair(now)

    def _despair(self, now: float) -> None:
        if self._respawn.hopeless:
            self._perform(self._scheduler.workers_unavailable(self._respawn.reason, now))

    # -- clients

    def _client_messages(self, readable: bool, writable: bool) -> None:
        self._more = self._receive_messages()
        if self._store.changed:
            self._store_changed()

    def _receive_messages(self) -> bool:
        """What has come, or a part of it: then True."""
        receive, scheduler = self._router.receive, self._scheduler
        private, carrying = self._private, self._carrying
        now = time.monotonic()
        for _ in range(_TURN):
            received = receive()
            if received is None:
                return False
            client, data = received
            if private and carrying.receive(client, data):
                continue
            try:
                message = CODEC.decode(data)
            except ProtocolError as error:
                self._complain(client, f"not a message: {error.reason}")
                continue
            if scheduler.disturbs(message):
                self._take_back()
            self._perform(scheduler.received(client, message, now))
        return True

    def _perform(self, outputs: list[out.Output], payload: Payload = b"") -> None:
        """Do what the scheduler asks. `payload` is what came with a worker's answer."""
        for output in outputs:
            match output:
                case out.SendTo(client, message):
                    if isinstance(message, ClientHeartbeatEcho):
                        message = ClientHeartbeatEcho(self._doors.storage_for(client))
                    self._mail.send(client, CODEC.encode(message), time.monotonic())
                case out.Run():
                    self._hands.run(output)
                case out.StoreResult(_, object_id):
                    if replies := self._store.put(object_id, payload, force=True):
                        self._storage.send(replies)
                    self._carrying.stored(object_id, payload)
                case out.Offer(run):
                    self._offer(run)
                case out.TakeBack():
                    self._take_back_soon = True
                case out.StoreError(object_id, error):
                    self._storage.send(self._store.put(object_id, error, force=True))
                case out.Kill(worker):
                    self._pool.kill(worker)
                case out.StartWorker():
                    self._respawn.owe()
                    self.start_workers()
                case out.Delete(object_ids):
                    for object_id in object_ids:
                        self._store.delete(object_id)
                case out.DeleteOwned(owner, keep):
                    self._store.delete_owned(owner, keep)
                case out.Bar(owner):
                    self._store.bar(owner)
                    self._carrying.gone(owner)
                case out.Admit(owner):
                    self._store.admit(owner)
                case out.EndEngine():
                    self._ending = True
                case out.Complain(client, reason):
                    self._complain(client, reason)
        if self._store.changed:
            self._store_changed()

    def _offer(self, run: out.Run) -> None:
        if not self._hands.offer(run):
            back = ((run.source, run.task_id),)
            self._perform(self._scheduler.taken_back(run.worker, back, time.monotonic()))

    def _take_back(self) -> None:
        """Leave no worker with more than the task that it runs, and know which that is."""
        self._take_back_soon = False
        now = time.monotonic()
        for worker in self._scheduler.offered:
            self._perform(self._scheduler.taken_back(worker, self._hands.take_back(worker), now))
            # It answers before it takes another: all its answers are here but that of what it runs.
            for event in self._pool.drain(worker):
                self._answered(event.worker, event.answer)
            self._perform(self._scheduler.begun(worker, now))

    # -- objects

    def _store_changed(self) -> None:
        stored, dropped, refused = self._store.changes()
        if dropped:
            self._pool.forget(dropped)
        for object_id in refused:
            self._complain(b"", "an object does not fit into the store")
            self._perform(self._scheduler.object_refused(object_id, time.monotonic()))
        awaits = self._scheduler.awaits
        for object_id in stored:
            if awaits(object_id):
                self._perform(self._scheduler.object_stored(object_id, time.monotonic()))

    def _storage_gone(self, identity: bytes) -> None:
        # What a client put after it had left would stay for ever.
        if not self._scheduler.knows(identity) and not self._storage.connected(identity):
            self._store.delete_owned(owner_prefix(identity))
            self._store_changed()

    # -- workers

    def worker_ready(self, fd: int, readable: bool, writable: bool) -> None:
        """A worker's pipe is readable or writable."""
        for event in self._pool.ready(fd):
            self._answered(event.worker, event.answer)

    def watch_worker(self, fd: int, write: bool) -> None:
        """Wait for a worker's pipe; called by the pool."""
        self._handlers[fd] = partial(self.worker_ready, fd)
        self.poller.register(fd, write=write)

    def unwatch_worker(self, fd: int) -> None:
        """Wait no longer; called by the pool."""
        self._handlers.pop(fd, None)
        self.poller.unregister(fd)

    def _reap(self) -> None:
        events = self._pool.reap()
        self._scheduler.dying({e.worker for e in events if isinstance(e, Answered) or e.booted})
        for event in events:
            match event:
                case Answered(worker, answer):
                    self._answered(worker, answer)
                case Died(worker, exit):
                    self._died(worker, exit, event.begun)

    def _died(self, worker: int, exit: int, mark: int) -> None:
        now = time.monotonic()
        begun = self._hands.died(worker, mark)
        if self._respawn.died(worker, exit, now):
            self._perform(self._scheduler.worker_died(worker, exit, now, begun))
        else:
            self._complain(b"", self._respawn.reason)
            self._despair(now)

    def _answered(self, worker: int, answer: Answer) -> None:
        now = time.monotonic()
        if answer.kind == frames.READY:
            self._respawn.up(worker)
            self._perform(self._scheduler.worker_started(worker, now))
            return
        if answer.kind == frames.LOG:
            sequence, run = self._hands.first(worker)
            # A thread that a task left behind may still write: nobody waits for that.
            if sequence == answer.sequence:
                log = written(run.task_id, answer.stream, bytes(answer.payload))
                self._mail.send(run.source, CODEC.encode(log), now, keep=False)
            return
        done = self._hands.answered(worker, answer.sequence)
        if done is None:
            self._complain(b"", "a worker answered for a task that it has not")
            self._hands.lost(worker)
            self._pool.kill(worker)
            return
        payload, ok = answer.payload, answer.kind == frames.VALUE
        if not self._store.fits(len(payload)):
            error = full("the task's result", len(payload), self._store)
            payload, ok = pickle.dumps(error, PROTOCOL), False
        profile = profile_bytes(answer.seconds, answer.peak_bytes, answer.cpu_seconds)
        told = self._scheduler.worker_done(worker, done.task_id, ok, profile, now, answer.seconds)
        self._perform(told, payload)
