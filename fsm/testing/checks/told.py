"""Who is told of a settling, how often, in which order; and that a settled state stays. PURE."""

from collections.abc import Iterator

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.checks.base import Subject
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.history import NEVER, History, Made, Raised, Returned

ABSORBING = "absorbing"
CALLBACKS_ONCE = "callbacks once"
WAITERS_ONCE = "waiters once"

# Calls that settle nothing.
QUERIES = (
    "cancelled",
    "done",
    "running",
    "result",
    "exception",
    "add_done_callback",
    "wait",
    "as_completed",
)


def absorbing(history: History, subject: Subject) -> Iterator[Trouble]:
    """Every move that was seen is a move of the table; what settled stays so."""
    reached, settled = subject.reached, subject.settled
    last: dict[int, str] = {}
    for time, future, state in history.of(h.STATE):
        before = last.get(future)
        last[future] = state
        if before is None:
            continue
        if (before, state) not in reached:
            kind = "it had settled" if before in settled else "no row does that"
        elif before in settled and not _user_asked(history, future, time):
            kind = "it had settled, and no user had cancelled it"
        else:
            continue
        yield Trouble(
            ABSORBING, f"{_future(history, future)} went from {before} to {state}: {kind}"
        )


def _user_asked(history: History, future: int, time: int) -> bool:
    """Only its user can still move a settled future."""
    if any(whose == future and begin < time for begin, whose in history.of(h.ASKS)):
        return True
    return any(
        made.call.name == "cancel" and made.call.future == future and made.begin < time
        for made in history.made
    )


def callbacks_once(history: History, subject: Subject) -> Iterator[Trouble]:
    """Each callback is called once, when its future is settled, in the order added."""
    called: dict[int, list[int]] = {}
    for time, callback, future, _, _ in history.of(h.CALLBACK):
        called.setdefault(callback, []).append(time)
        wanted = history.adds[callback].call.future
        if future != wanted:
            yield Trouble(
                CALLBACKS_ONCE, f"callback {callback} was called with another future than its own"
            )
    for callback, times in called.items():
        if len(times) > 1:
            yield Trouble(CALLBACKS_ONCE, f"callback {callback} was called {len(times)} times")
    yield from _forgotten(history, called)
    yield from _out_of_order(history, called)


def _forgotten(history: History, called: dict[int, list[int]]) -> Iterator[Trouble]:
    """Callbacks that were never called although all is over and the future settled."""
    if history.seen.end != "done":
        return
    settled = {future for _, future, _, done, _, _ in history.of(h.FINAL) if done}
    for callback, add in history.adds.items():
        added = isinstance(add.answer, Returned)
        if added and callback not in called and add.call.future in settled:
            yield Trouble(
                CALLBACKS_ONCE,
                f"callback {callback} was never called, though "
                f"{_future(history, add.call.future)} is settled",
            )


def _out_of_order(history: History, called: dict[int, list[int]]) -> Iterator[Trouble]:
    """Callbacks that were added one after the other before anything could settle the future."""
    early: dict[int, list[tuple[int, int, int]]] = {}
    for callback, add in history.adds.items():
        if add.end < _first_mover(history, add.call.future) and callback in called:
            place = (add.begin, add.end, callback)
            early.setdefault(add.call.future, []).append(place)
    for adds in early.values():
        for _, ended, one in adds:
            for began, _, other in adds:
                if ended < began and called[one][0] > called[other][0]:
                    yield Trouble(
                        CALLBACKS_ONCE,
                        f"callback {other} was called before callback {one}, which was added first",
                    )


def _first_mover(history: History, future: int) -> int:
    """When the first thing began that can have settled a future."""
    times = [
        brought.begin
        for brought in history.brought
        if brought.move.future == future and brought.move.event != "submit"
    ]
    times += [made.begin for made in history.made if made.call.name not in QUERIES]
    times += [begin for begin, _ in history.of(h.ASKS)]
    return min(times, default=NEVER)


def waiters_once(history: History, subject: Subject) -> Iterator[Trouble]:
    """`wait` and `as_completed` come back when they should, with each future once."""
    every = tuple(range(history.seen.program.futures))
    for made in history.made:
        answer = made.answer
        if not made.call.on_all or answer is None:
            continue
        if isinstance(answer, Raised):
            if answer.name == "TimeoutError" and made.call.timeout is not None:
                continue
            yield Trouble(WAITERS_ONCE, f"{made.call} of {made.by} {answer}")
        elif made.call.name == "wait":
            yield from _waited(made, answer.value, every)
        elif not isinstance(answer.value, tuple):
            yield Trouble(WAITERS_ONCE, f"{made.call} of {made.by} yielded {answer.value!r}")
        elif tuple(sorted(answer.value)) != every:
            numbers = [number + 1 for number in answer.value]
            yield Trouble(WAITERS_ONCE, f"{made.call} of {made.by} yielded futures {numbers}")


def _waited(made: Made, value: object, every: tuple[int, ...]) -> Iterator[Trouble]:
    done, not_done = value if isinstance(value, tuple) else ((), ())
    if tuple(sorted(done + not_done)) != every:
        yield Trouble(WAITERS_ONCE, f"{made.call} of {made.by} lost a future or made one")
    elif made.call.timeout is None and (not done or (not_done and made.call.how != "first")):
        numbers = " and ".join(str(number + 1) for number in not_done)
        yield Trouble(
            WAITERS_ONCE,
            f"{made.call} of {made.by} came back while future {numbers} was not done",
        )


def _future(history: History, number: int) -> str:
    return f"future {number + 1}" if history.seen.program.futures > 1 else "the future"
