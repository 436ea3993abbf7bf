"""The pump's logic: joins the tracker, which knows ids, and the futures, which own their states.

No thread, socket or clock: the agent drives it in production, the simulated world in tests. It
never unpickles, never runs user code, never waits for a future, and no message makes it raise.
"""

import logging
import weakref
from collections.abc import Callable, Collection
from threading import get_ident
from typing import Any

from futurefsm.client.future import Future
from futurefsm.client.inbox import Asked, Inbox, Sent, Stepped, Submitted
from futurefsm.client.outputs import (
    Delete,
    Deliver,
    Drop,
    Fire,
    Forget,
    Get,
    LinkLost,
    Lose,
    Put,
    Rest,
    Say,
    Send,
    Shutdown,
    Violation,
)
from futurefsm.client.tracker import Tracker
from futurefsm.fsm import events as ev
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.errors import InvalidStateError
from futurefsm.fsm.story import CALLER, CLIENT, WIRE
from futurefsm.protocol.ids import short
from futurefsm.protocol.messages import Message, Task

logger = logging.getLogger("futurefsm.client")

WireOutput = Send | Put | Get | Delete
_WIRE = frozenset((Send, Put, Get, Delete))
Told = Drop | Deliver | Lose | Rest | Forget | Violation | Say | Shutdown | LinkLost

# Violations that are logged one by one; the rest is only counted.
_LOGGED_MAX = 20


class Pump:
    """Moves futures by messages, and messages by futures. One thread at a time.

    Args:
        tracker: the client's side of the protocol.
        inbox: what other threads want.
    """

    def __init__(self, tracker: Tracker, inbox: Inbox) -> None:
        self.tracker = tracker
        self.inbox = inbox
        self.futures: dict[bytes, Future[Any]] = {}
        # Finished, with values that nobody asked for yet: theirs is who asks.
        self.resting: dict[bytes, weakref.ref[Future[Any]]] = {}
        self.lost: str | None = None
        # What tasks print, and the answer to a shutdown: whoever wants them.
        self.on_say: Callable[[str, bool], object] = _nobody
        self.on_shutdown: Callable[[bool], object] = _nobody
        self.now = 0.0
        self._wire: list[WireOutput] = []
        self._firing_in: int | None = None
        self._firing = b""
        self._logged = 0

    # What the futures tell, from any thread.

    def stepped(self, task_id: bytes, step: Step, value: Any) -> None:
        """A future's step has effects for the wire.

        On the pump's own thread they are performed now; from elsewhere they go through the inbox,
        behind the task itself.
        """
        # Not for another future, which a finalizer moves while this one is fired: its task may
        # still be in the inbox.
        if self._firing_in == get_ident() and self._firing == task_id:
            self._perform(task_id, step, value)
        else:
            self.inbox.put(Stepped(task_id, step, value))

    def want(self, future: Future[Any]) -> bool:
        """Somebody asks for the value of a delayed future; False where nobody will fetch it."""
        return self.inbox.put_owed(Asked(lambda: self._wanted(future)))

    def accepted(self, future: Future[Any]) -> None:
        """The inbox has the future's task: it runs, unless it waits here until a worker is free.
        Wakes who reads the inbox.

        Called by submit(), on any thread. The link may have been lost since: a future that has
        settled meanwhile keeps its end, and its user is told by it.
        """
        if self.tracker.credits is None:
            try:
                step = future.fire(ev.SUBMIT, None, CALLER)
            except InvalidStateError:
                if not future.done():
                    raise
            else:
                if step.node.settled:
                    # Cancelled, by clear() in another thread, between the inbox and here: a step
                    # without effects, of which nobody has heard yet.
                    self.inbox.put(Stepped(future.task_id, step, None))
                if step.effects:
                    return  # they went through the inbox, which has woken it
        self.inbox.wake()

    def abandon(self, future: Future[Any]) -> bool:
        """Its submit was broken off, and nobody holds it: end it, however far it came.

        False where its task has never come here.
        """
        came = future.task_id in self.futures
        if came:
            # A task that was sent is asked to stop; its answer is not waited for.
            for event in (ev.CANCEL, ev.DISCONNECT):
                if not future.done():
                    self._fire(future.task_id, event, None, CLIENT)
        return came

    def violated(self, task_id: bytes, what: str) -> None:
        """Count a violation; log it with the task's id, the first few."""
        self.tracker.violations += 1
        self._log_violation(task_id, what)

    # Time and messages in, on the pump's thread.

    def opened(self, now: float) -> None:
        """The scheduler channel is open."""
        self.now = now
        self.tracker.opened(now)
        self._settle_outputs()

    def reopened(self, now: float) -> None:
        """The scheduler channel was broken, and is there again."""
        self.now = now
        self.tracker.reopened(now)
        self._settle_outputs()

    def reconnected(self, now: float, resent: Collection[Message] = ()) -> None:
        """What was on its way is on its way again: let the futures know."""
        self.now = now
        self.tracker.doubt(now, {each.task_id for each in resent if isinstance(each, Task)})
        self._fire_all(ev.RECONNECTED, None)
        self._settle_outputs()

    def tick(self, now: float) -> None:
        """Let time pass."""
        self.now = now
        self.tracker.tick(now)
        self._settle_outputs()

    def receive(self, message: Message, now: float) -> None:
        """A message from the scheduler."""
        self.now = now
        self.tracker.received(message, now)
        self._settle_outputs()

    def fetched(self, object_id: bytes, payload: Any, now: float) -> None:
        """An object's bytes from the store."""
        self.now = now
        self.tracker.fetched(object_id, payload)
        self._settle_outputs()

    def fetch_failed(self, object_id: bytes, reason: str, now: float) -> None:
        """An object's bytes cannot be had."""
        self.now = now
        self.tracker.fetch_failed(object_id, reason)
        self._settle_outputs()

    def stored(self, object_id: bytes) -> None:
        """The store has an object that was uploaded."""
        self.tracker.stored(object_id)

    def storage_lost(self, reason: str, now: float) -> None:
        """The storage channel is gone."""
        self.now = now
        self.tracker.storage_lost(reason)
        self._settle_outputs()

    def run_inbox(self, now: float, limit: int = 1024) -> int:
        """Perform what other threads asked for, at most `limit` commands; returns how many."""
        self.now = now
        done = 0
        while done < limit and (command := self.inbox.take()) is not None:
            done += 1
            if type(command) is Submitted:
                future: Any = command.future
                self.futures[future.task_id] = future
                self.tracker.submit(command.call, now)
            elif type(command) is Stepped:
                task_id, step = command.task_id, command.step
                self._perform(task_id, step, command.value)
                if step.node.settled:
                    self._note_end(task_id, step, self._known(task_id))
            elif type(command) is Sent:
                self.tracker.send_object(command.object_id, command.blob)
            elif type(command) is Asked:
                command.act()
        if done:
            self._settle_outputs()
        return done

    def take(self) -> list[WireOutput]:
        """Everything for the wire since the last call, in order."""
        self._settle_outputs()
        wire, self._wire = self._wire, []
        return wire

    # The end.

    def disconnect(self, now: float) -> None:
        """The user closed the client: what is unfinished is over."""
        self.now = now
        self.run_inbox(now, 1 << 30)
        self._fire_all(ev.DISCONNECT, None)
        # Nobody will read the storage channel: a value that is on its way would be waited for.
        self.tracker.storage_lost("its client was closed before the bytes came")
        self.tracker.ties.close()
        self.tracker.disconnect()
        self._settle_outputs()

    def connection_lost(self, reason: str, now: float) -> None:
        """The link is gone for good: every future settles, and says so."""
        self.now = now
        self.lost = self.lost or reason
        self.run_inbox(now, 1 << 30)
        self._fire_all(ev.CONNECTION_LOST, reason)
        self.tracker.storage_lost(reason)
        self.tracker.ties.close()
        self._settle_outputs()

    def owes(self, message: Message) -> bool:
        """Whether a message that may not have arrived is still worth sending.

        Not a task whose cancel was sent: the scheduler may have answered that one, and would take
        the task behind it for a new one, which nobody waits for.
        """
        if not isinstance(message, Task):
            return True
        task_id = message.task_id
        future = self.futures.get(task_id)
        return future is not None and not future.done() and not self.tracker.cancel_sent(task_id)

    def unsettled(self) -> list[Future[Any]]:
        """The futures whose answer is owed."""
        return [future for future in self.futures.values() if not future.done()]

    # Inside.

    def _fire_all(self, event: ev.Event, value: Any) -> None:
        for task_id in list(self.futures):
            self._fire(task_id, event, value, CLIENT)

    def _perform(self, task_id: bytes, step: Step, value: Any) -> None:
        if step.node.settled:
            future = self._known(task_id)
            if future is not None and future.promised:
                self.tracker.ties.promise(task_id, future.promised)
        self.tracker.perform(task_id, step.effects, value, self.now)

    def _note_end(self, task_id: bytes, step: Step, future: Future[Any] | None) -> None:
        error = None
        if future is not None:
            if future.promised and not step.effects:
                self.tracker.ties.promise(task_id, future.promised)
            if step.own_error is not None:
                error = future._exception
        self.tracker.settled(task_id, step.node.state, error)

    def _known(self, task_id: bytes) -> Future[Any] | None:
        future = self.futures.get(task_id)
        if future is None and (resting := self.resting.get(task_id)) is not None:
            future = resting()
        return future

    def _wanted(self, future: Future[Any]) -> None:
        task_id = future.task_id
        if self.resting.pop(task_id, None) is not None:
            self.futures[task_id] = future
        if future.promised:
            self.tracker.ties.promise(task_id, future.promised)
        self.tracker.want(task_id)

    def _rest(self, task_id: bytes) -> None:
        """Its value stays in the store. Nobody can ask for it once nobody holds the future."""
        future = self.futures.pop(task_id, None)
        inbox = self.inbox

        def dropped(gone: "weakref.ref[Future[Any]]") -> None:
            # In a finalizer, on any thread.
            inbox.put(Asked(lambda: self._unreachable(task_id, gone)))

        if future is not None:
            self.resting[task_id] = weakref.ref(future, dropped)

    def _unreachable(self, task_id: bytes, gone: "weakref.ref[Future[Any]]") -> None:
        if self.resting.get(task_id) is gone:
            del self.resting[task_id]
            self.tracker.discard(task_id)

    def _drop(self, task_id: bytes, outcome: Any) -> None:
        """Its task will never be sent: it is cancelled by the first event that its table has."""
        future = self.futures.get(task_id)
        for event in (ev.CONFIRM_CANCELED, ev.CANCEL, ev.DISCONNECT):
            if future is None or future.done():
                return
            step = future._node.on.get(event)
            if step is not None and step.moves:
                self._fire(task_id, event, outcome, CLIENT)

    def _fire(self, task_id: bytes, event: ev.Event, value: Any, source: str) -> None:
        future = self.futures.get(task_id)
        if future is None:
            return
        self._firing_in, self._firing = get_ident(), task_id
        try:
            step = future.fire(event, value, source)
            if step.node.settled and not step.node.announced and ev.SUBMIT in step.node.on:
                # Cancelled by its user while it waited here for a worker. It is about to be
                # forgotten, so no worker will ask for it: those who wait for it are told now.
                step = future.fire(ev.SUBMIT, None, source)
        finally:
            self._firing_in = None
        if step.node.settled:
            self._note_end(task_id, step, future)

    def _grant(self) -> None:
        """Hand tasks to free workers, where the lifecycle keeps them here until one is free."""
        while (task_id := self.tracker.grant()) is not None:
            self._fire(task_id, ev.SUBMIT, None, CLIENT)

    def _settle_outputs(self) -> None:
        """Perform the tracker's outputs until it has no more; keep those for the wire."""
        while True:
            if self.tracker.credits:
                self._grant()
            outputs = self.tracker.take()
            if not outputs:
                return
            for output in outputs:
                if type(output) is Fire:
                    if output.metadata and (known := self.futures.get(output.task_id)):
                        known.metadata = output.metadata
                    if output.source == WIRE or not self._is_done(output.task_id):
                        self._fire(output.task_id, output.event, output.value, output.source)
                elif type(output) in _WIRE:
                    self._wire.append(output)  # type: ignore[arg-type]
                else:
                    self._tell(output)  # type: ignore[arg-type]

    def _is_done(self, task_id: bytes) -> bool:
        """It has ended by itself, before what another's end means for it was told."""
        future = self.futures.get(task_id)
        return future is None or future.done()

    def _tell(self, output: Told) -> None:
        if isinstance(output, Deliver):
            future = self.futures.get(output.task_id)
            if future is not None:
                future.deliver(output.payload)
        elif isinstance(output, Forget):
            self.futures.pop(output.task_id, None)
            self.resting.pop(output.task_id, None)
        elif isinstance(output, Drop):
            self._drop(output.task_id, output.outcome)
        elif isinstance(output, Rest):
            self._rest(output.task_id)
        elif isinstance(output, Lose):
            future = self.futures.get(output.task_id)
            if future is not None:
                future.lose(output.object_id, output.reason)
        elif isinstance(output, Violation):
            self._log_violation(output.task_id, output.what)
        elif isinstance(output, Say):
            self.on_say(output.text, output.error)
        elif isinstance(output, Shutdown):
            self.on_shutdown(output.accepted)
        else:
            self.lost = self.lost or output.reason

    def _log_violation(self, task_id: bytes, what: str) -> None:
        self._logged += 1
        if self._logged <= _LOGGED_MAX:
            about = f"task {short(task_id)}: " if task_id else ""
            logger.warning("%sthe scheduler broke the protocol: %s; ignored", about, what)
        elif self._logged == _LOGGED_MAX + 1:
            logger.warning("further violations of the protocol are counted, not logged")


def _nobody(*told: object) -> None:
    """Nobody wants it."""
