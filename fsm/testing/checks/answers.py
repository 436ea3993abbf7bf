"""What calls answer, without the table: no strange errors, nothing taken back, states re-read.
PURE."""

from collections.abc import Iterator

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.checks.base import Subject
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.history import History, Made, Raised, Returned

ANSWERS = "answers"
AGREEMENT = "agreement"
# The name of what asyncio.wait_for raises, which is no answer of the future.
WAITED_FOR = "TimeoutError of wait_for"
RE_READ = "timed calls re-read"

_BOOLS = ("cancel", "cancelled", "done", "running")
# Calls that a future must not answer with a time-out when it has settled.
VALUES = ("result", "exception")


def answers(history: History, subject: Subject) -> Iterator[Trouble]:
    """Calls raise what they may raise, and say True or False where that is the question."""
    for made in history.made:
        answer, name = made.answer, made.call.name
        if answer is None or made.call.on_all:
            continue  # `waiters once` looks at those
        if isinstance(answer, Raised):
            if not _may_raise(made, answer.name, subject):
                yield Trouble(ANSWERS, f"{made.call} of {made.by} {answer}")
        elif not _may_return(name, answer.value):
            yield Trouble(ANSWERS, f"{made.call} of {made.by} returned {answer.value!r}")


def _may_return(name: str, value: object) -> bool:
    if name in _BOOLS:
        return isinstance(value, bool)
    return value is None or name != "add_done_callback"


def _may_raise(made: Made, error: str, subject: Subject) -> bool:
    if error in subject.refuses:
        return True
    if made.call.name not in VALUES:
        return False
    if error in ("TimeoutError", WAITED_FOR):
        return made.call.timeout is not None
    # The rest is a matter of the table: which errors a future gives is told there.
    return error not in ("InvalidStateError", "CallbackError")


def agreement(history: History, subject: Subject) -> Iterator[Trouble]:
    """A cancel() that said True is never contradicted later."""
    if not subject.true_is_final:
        return
    for cancel in history.made:
        if cancel.call.name != "cancel" or cancel.answer != Returned(True):
            continue
        for later in history.made:
            if later.begin < cancel.end or later.call.future != cancel.call.future:
                continue
            if contradiction := _contradicts(later):
                yield Trouble(
                    AGREEMENT,
                    f"cancel() of {cancel.by} said True, and later {later.call} of {later.by} "
                    f"{contradiction}",
                )
        for _, future, state, _, _, _ in history.of(h.FINAL):
            if future == cancel.call.future and state in subject.settled - subject.cancelled:
                yield Trouble(
                    AGREEMENT, f"cancel() of {cancel.by} said True, and at the end it is {state}"
                )


def _contradicts(later: Made) -> str:
    answer, name = later.answer, later.call.name
    if not isinstance(answer, Returned):
        return ""
    if name == "cancelled" and answer.value is False:
        return "said False"
    if name == "cancel" and answer.value is False:
        return "said False"
    return f"gave {answer}" if name in VALUES else ""


def re_read(history: History, subject: Subject) -> Iterator[Trouble]:
    """After a timed wait the state is read again: no time-out of a future that has settled."""
    for time, task, future, state in history.of(h.WOKE):
        if subject.objects and state not in subject.cancelled and not _had(history, future, time):
            continue
        for made in history.made:
            mine = made.thread == task and made.begin < time < made.end
            if not mine or made.call.future != future or made.call.name not in VALUES:
                continue
            if not isinstance(made.answer, Raised) or made.answer.name != "TimeoutError":
                continue
            if not _was_made(history, future, time, made.end):
                yield Trouble(
                    RE_READ,
                    f"{made.call} of {made.by} raised TimeoutError; the future had settled when "
                    "its wait came back",
                )


def _had(history: History, future: int, time: int) -> bool:
    """Its value was fetched by then: a time-out that comes later cannot be for want of it."""
    keys = (f"object {future + 1}", f"error {future + 1}")
    return any(
        found and key in keys and fetched < time
        for fetched, key, _, _, found in history.of(h.FETCHED)
    )


def _was_made(history: History, future: int, since: int, until: int) -> bool:
    """Whether a thread made its value at any moment between: who looked again just then found
    that he has to wait for that thread, and had no time left."""
    before, now = False, False
    for time, whose, makes in history.of(h.MAKING):
        if whose == future and time < since:
            before = makes
        elif whose == future and time < until:
            now = now or makes
    return before or now
