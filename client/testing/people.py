"""What the users of a simulated world do: one call each, as a step.

Each draws its details from the world's tape. A call that cannot be made (no future yet) does the
benign thing instead.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from futurefsm.client.testing.invariants import AGREEMENT, ONCE, RIGHT_VALUE, SETTLES
from futurefsm.client.testing.party import Party, TaskFailed
from futurefsm.client.testing.record import Record, Waiter
from futurefsm.client.tracked import ResultOf
from futurefsm.client.tracker import Call
from futurefsm.client.uploads import Blob
from futurefsm.fsm.errors import CancelledError
from futurefsm.fsm.events import CANCEL_TIMED_OUT
from futurefsm.fsm.story import CLIENT
from futurefsm.fsm.threads import calling_back
from futurefsm.protocol.task_flags import TaskFlags

if TYPE_CHECKING:
    from futurefsm.client.testing.world import World

_FLAGS = tuple(TaskFlags(priority=p).pack() for p in (0, 0, 0, 1))
_FUNCTIONS = tuple(Blob(b"function %d" % i, b"digest f%d" % i, f"f{i}") for i in range(4))
_SHARED = tuple(Blob(b"shared %d" % i, b"digest s%d" % i, f"s{i}") for i in range(2))
_OWN = Blob(b"argument", None, "x")
_ARGUMENTS = ((), (_OWN,), (_SHARED[0],), (_OWN, _SHARED[1]))
# Only the newest futures are drawn from: old ones have settled.
_RECENT = 9
# Two bits of what is drawn for a submit.
_NEEDS_ANOTHER = 3
_MANY = 12


def _client(world: "World") -> Party:
    return world.parties[world.tape.choose(len(world.parties))]


def _pick(world: "World") -> Record | None:
    """One of the newest futures; the newest for 0."""
    order = _client(world).order
    if not order:
        return None
    record = order[-1 - world.tape.choose(min(len(order), _RECENT))]
    return record if record.visible and not record.dropped else None


def submit(world: "World") -> bool:
    """submit()"""
    party = _client(world)
    return _submit(world, party)


def _submit(world: "World", party: Party) -> bool:
    if len(party.live) >= _MANY:
        return False
    what = world.tape.next()
    source = _input(world, party) if what >> 6 == _NEEDS_ANOTHER else None
    needs = () if source is None else (ResultOf(source.task_id),)
    call = Call(
        party.ids.task_id(),
        _FUNCTIONS[what & 3],
        (*_ARGUMENTS[what >> 2 & 3], *needs),
        _FLAGS[what >> 4 & 3],
    )
    interrupted = world.tape.next() >> 6 if world.faults.preempt else 0
    record = party.submit(call, interrupted=interrupted)
    if record is None:
        return False
    if world.logs:
        of = f"result of {source.name}" if source is not None else ""
        world.call(party, f"submit({of}) → {record.name}{_INTERRUPTED[interrupted]}")
    record.needs = source
    world.touch(record)
    return True


def _input(world: "World", party: Party) -> Record | None:
    """One of the newest futures, as the argument of a task; its result is kept for it."""
    if party.inbox.closed is not None or not party.order:
        return None
    record = party.order[-1 - world.tape.choose(min(len(party.order), _RECENT))]
    if record.future is None or record.dropped or not record.visible:
        return None
    return record if record.future.promise() else None


_INTERRUPTED = (
    "",
    " (interrupted before it is queued)",
    " (interrupted before it runs)",
    " (interrupted before it is sent)",
)


def cancel(world: "World") -> bool:
    """cancel(timeout=0), or one that waits"""
    record = _pick(world)
    if record is None:
        return False
    party = record.party
    waits = world.tape.next() & 1
    party.hold = world.faults.preempt and world.tape.rarely()
    if world.logs:
        how = f"cancel({'timeout=30' if waits else 'timeout=0'})"
        world.call(party, f"{record.name}.{how}" + " (interrupted)" * party.hold)
    try:
        _cancel(world, record, waits=bool(waits))
    finally:
        party.hold = False
    return True


def _cancel(world: "World", record: Record, *, waits: bool) -> None:
    future = record.future
    assert future is not None
    # What happened before it was told is no contradiction.
    world.checks.one(record)
    was_settled = record.settled
    if waits:
        # Its wait is a deadline of the world: on this thread the call only asks.
        with calling_back():
            said = future.cancel(30.0)
    else:
        said = future.cancel(0)
    if said is True:
        record.told_cancel = True
        node = future._node
        if not (node.cancel_decided or node.state.is_cancelled):
            raise world.broken(
                AGREEMENT, f"cancel() of task {record.name} said True, and it is {node.state}"
            )
        if waits and not node.settled:
            record.waits_until = world.now + 30.0
            world.waits.append(record)
        if node.settled and not node.announced:
            raise world.broken(
                ONCE, f"task {record.name} is cancelled, and nobody tells those who wait for it"
            )
    else:
        record.told_no = not was_settled
    world.touch(record)


def timed_out(record: Record) -> None:
    """The wait of a cancel() ran out: as `Future.cancel` goes on. It may have been settled since
    its thread saw that."""
    future = record.future
    if future is not None and CANCEL_TIMED_OUT in future._node.on:
        future.fire(CANCEL_TIMED_OUT, None, CLIENT)


def ask(world: "World") -> bool:
    """result(0), exception(0), done(), cancelled()"""
    record = _pick(world)
    if record is None:
        return False
    what = world.tape.choose(4)
    if world.logs:
        call = ("result(timeout=0)", "exception(timeout=0)", "done()", "cancelled()")[what]
        world.call(record.party, f"{record.name}.{call}")
    _QUESTIONS[what](world, record, record.future)
    world.touch(record)
    return True


def _ask_result(world: "World", record: Record, future: Any) -> None:
    try:
        value = future.result(0)
    except CancelledError:
        _says_cancelled(world, record, future, "result() raised CancelledError")
    except TimeoutError:
        _may_wait(world, record, future)
    except Exception as error:
        _says(world, record, error)
    else:
        _says(world, record, value)
    finally:
        # The exception keeps this frame: it must not keep the future.
        del future


def _ask_exception(world: "World", record: Record, future: Any) -> None:
    try:
        error = future.exception(0)
    except CancelledError:
        _says_cancelled(world, record, future, "exception() raised CancelledError")
    except TimeoutError:
        _may_wait(world, record, future)
    else:
        _says(world, record, error if error is not None else record.task_id)


def _may_wait(world: "World", record: Record, future: Any) -> None:
    """A result() that is not there may be waited for, unless nobody can bring it any more."""
    if record.party.gone and (not future.done() or future._phase.value == "owed"):
        raise world.broken(
            SETTLES, f"its client is closed, and result() of task {record.name} waits"
        )


def _says_cancelled(world: "World", record: Record, future: Any, what: str) -> None:
    if not future._node.state.is_cancelled:
        raise world.broken(AGREEMENT, f"task {record.name}: {what}, and it is {future._node.state}")
    record.told_cancel = True


def _says(world: "World", record: Record, said: Any) -> None:
    if record.told_cancel:
        raise world.broken(
            AGREEMENT, f"task {record.name} was called cancelled, and then gave {said!r}"
        )
    before = record.told_value
    if before is not None and before is not said and before != said:
        raise world.broken(AGREEMENT, f"task {record.name} gave {before!r}, and then {said!r}")
    record.told_value = said
    if isinstance(said, TaskFailed):
        known = record.may_fail_as(said.args[0])
    else:
        known = not isinstance(said, bytes) or said == record.task_id
    if not known:
        raise world.broken(RIGHT_VALUE, f"task {record.name} gave {said!r}, which is another's")


def _ask_done(world: "World", record: Record, future: Any) -> None:
    done = future.done()
    if record.settled and not done:
        raise world.broken(AGREEMENT, f"task {record.name} was done, and now it is not")


def _ask_cancelled(world: "World", record: Record, future: Any) -> None:
    with calling_back():
        said = future.cancelled()
    if said:
        record.told_cancel = True
    elif record.told_cancel:
        raise world.broken(
            AGREEMENT, f"task {record.name} was called cancelled; now cancelled() says False"
        )


_QUESTIONS: tuple[Callable[["World", Record, Any], None], ...] = (
    _ask_result,
    _ask_exception,
    _ask_done,
    _ask_cancelled,
)


def call_me(world: "World") -> bool:
    """add_done_callback(), with a callback that asks, raises, cancels or submits"""
    record = _pick(world)
    if record is None:
        return False
    future = record.future
    assert future is not None
    kind = world.tape.choose(len(_CALLBACKS))
    number = record.added
    record.added += 1
    if world.logs:
        world.call(record.party, f"{record.name}.add_done_callback({_CALLBACKS[kind]})")
    future.add_done_callback(_callback(world, record, number, kind))
    world.touch(record)
    return True


_CALLBACKS = ("asks", "raises", "cancels", "submits")


def _callback(world: "World", record: Record, number: int, kind: int) -> Callable[[Any], object]:
    def callback(future: Any) -> None:
        record.called.append(number)
        if world.logs:
            world.note(record.party.lane, f"callback {number} of {record.name}")
        if future._lock._is_owned():
            world.keep(ONCE, f"a callback of task {record.name} runs under its lock")
        if record.party.pump._firing_in is not None:
            world.keep(ONCE, f"a callback of task {record.name} runs on the pump")
        if not future.done():
            world.keep(ONCE, f"a callback of task {record.name} runs before it is done")
        if kind == 0:
            record.framed = True
            _ask_result(world, record, future)
        elif kind == 1:
            raise ValueError("a callback that raises")
        elif kind == 2:
            others = [each for each in record.party.order if each.visible and not each.dropped]
            if others:
                _cancel(world, others[-1], waits=False)
        elif kind == 3:
            _submit(world, record.party)

    return callback


def wait(world: "World") -> bool:
    """concurrent.futures.wait(), as_completed()"""
    record = _pick(world)
    if record is None or record.settled:
        return False
    future = record.future
    assert future is not None
    waiter = Waiter()
    record.waiters.append(waiter)
    future._waiters.append(waiter)
    if world.logs:
        world.call(record.party, f"wait([{record.name}])")
    return True


def drop(world: "World") -> bool:
    """del future"""
    record = _pick(world)
    if record is None:
        return False
    if world.logs:
        world.call(record.party, f"del {record.name}")
    record.dropped = True
    return True


def clear(world: "World") -> bool:
    """The second half of Client.clear(): drop what no task needs"""
    party = _client(world)
    if party.gone:
        return False
    if world.logs:
        world.call(party, "clear()")
    party.act(party.tracker.clear)
    return True


def leave(world: "World") -> bool:
    """disconnect(): first the requests to cancel, at the second call (its time-out) the end"""
    party = _client(world)
    if party.gone:
        return False
    if not party.leaving:
        party.leaving = True
        if world.logs:
            world.call(party, "disconnect()")
        party.inbox.close("cannot schedule new futures after shutdown")
        party.run_inbox()
        # Also those whose submit() has not returned yet.
        for future in party.pump.unsettled():
            _cancel(world, party.records[future.task_id], waits=False)
        return True
    party.end()
    return True
