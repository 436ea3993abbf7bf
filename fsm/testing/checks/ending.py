"""Who does not come back: everybody is released, timed calls and questions end. PURE."""

from collections.abc import Iterator

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing import linear
from futurefsm.fsm.testing.checks.base import Subject
from futurefsm.fsm.testing.checks.locks import task_name
from futurefsm.fsm.testing.checks.table import operations
from futurefsm.fsm.testing.checks.wire import NO_LEAK
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.history import NEVER, History, Made, Stopped
from futurefsm.fsm.testing.linear import Model
from futurefsm.fsm.testing.programs import AWAIT

RELEASED = "released"
TIMED_CALLS_END = "timed calls end"


def endings(history: History, subject: Subject) -> Iterator[Trouble]:
    """Every call comes back, but one that waits for a future that is not settled."""
    seen = history.seen
    if seen.end == "done":
        for _, _, _, done, _, _ in history.of(h.FINAL):
            if done is None:
                yield Trouble(TIMED_CALLS_END, "done() never comes back, though all threads ended")
        yield from _left_behind(history)
        return
    users = len(seen.program.threads)
    waiting = {made.thread: made for made in history.made if made.end == NEVER and made.thread >= 0}
    inner = any(made.end == NEVER and made.thread < 0 for made in history.made)
    for stopped in _left(history, waiting):
        made = waiting.get(stopped.task)
        if made is not None and not inner:
            yield from _stays(history, subject, made, stopped)
        elif made is not None:
            yield Trouble(RELEASED, _stuck(f"{made.call} of {made.by}", stopped))
        elif stopped.task == users and stopped.name == "pump" and stopped.op != AWAIT:
            # Threads that a future starts itself may wait for work: nobody is told of those.
            yield Trouble(RELEASED, _stuck(task_name(history, stopped.task), stopped))


def _left_behind(history: History) -> Iterator[Trouble]:
    """Who has waited is in no list any more: each wait of that kind would cost memory for ever."""
    for _, future, count in history.of(h.LISTED):
        whose = f"future {future + 1}" if history.seen.program.futures > 1 else "the future"
        who = "somebody who waits" if count == 1 else f"{count} who wait"
        yield Trouble(NO_LEAK, f"{whose} still lists {who}, though every call has come back")


def _left(history: History, waiting: dict[int, Made]) -> list[Stopped]:
    """The tasks that did not end. One that goes round for ever is not stopped: where a run was
    ended for that, whoever is in a call is left; but for timed calls, which may just be slow, or
    were not let go on."""
    stopped = list(history.seen.stopped)
    if history.seen.end == "livelock":
        known = {each.task for each in stopped}
        timed = {thread for thread, made in waiting.items() if made.call.timeout is not None}
        stopped = [each for each in stopped if each.task not in timed]
        for thread, made in waiting.items():
            if thread not in known | timed:
                stopped.append(Stopped(thread, made.by, "goes round", "", ""))
    return stopped


def _stays(history: History, subject: Subject, made: Made, stopped: Stopped) -> Iterator[Trouble]:
    words = _stuck(f"{made.call} of {made.by}", stopped)
    if made.call.timeout is not None or made.call.name not in subject.untimed:
        yield Trouble(TIMED_CALLS_END, words)
    elif not _may_wait(history, subject, made):
        yield Trouble(RELEASED, f"{words}, though what it waits for has happened")


def _may_wait(history: History, subject: Subject, made: Made) -> bool:
    """Whether one of the futures that it waits for may still be open, by the table."""
    futures = range(history.seen.program.futures) if made.call.on_all else (made.call.future,)
    open_: list[bool] = []
    for future in futures:
        ends = subject.any_value.ends(operations(history, subject, future))
        # Where nothing explains the answers another check says so.
        open_.append(not ends or any(_is_open(subject, end, made) for end in ends))
    first = made.call.name == "wait" and made.call.how == "first"
    return all(open_) if first else any(open_)


def _is_open(subject: Subject, model: Model, made: Made) -> bool:
    question = linear.ANNOUNCED if made.call.on_all else linear.SETTLED
    return subject.any_value.step(model, (question, False)) is not None


def _stuck(who: str, stopped: Stopped) -> str:
    if stopped.op == "goes round":
        return f"{who} goes round for ever"
    holder = f", which {stopped.holder} holds" if stopped.holder else ""
    return f"{who} never comes back: it waits ({stopped.op}, {stopped.what}{holder})"
