"""The answers held against the table: linearizable, value, outcome, one TaskCancel. PURE."""

from collections.abc import Iterator

from futurefsm.fsm import effects as fx
from futurefsm.fsm.story import CALLER
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing import linear
from futurefsm.fsm.testing.checks.answers import WAITED_FOR
from futurefsm.fsm.testing.checks.base import Subject
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.history import NEVER, Answer, Brought, History, Made, Raised, Returned
from futurefsm.fsm.testing.linear import Judge, Op
from futurefsm.fsm.testing.programs import Call

LINEARIZABLE = "linearizable"
VALUE = "value"
OUTCOME = "outcome"
ONE_TASK_CANCEL = "one TaskCancel"
PROTOCOL = "protocol"

# Leaves cancelled() nothing to wait for.
ASKS_ONLY = Call("cancel", 0.0)

TASK = "Task"
TASK_CANCEL = "TaskCancel"

_QUESTIONS = {
    "done": linear.DONE,
    "running": linear.RUNNING,
    "cancelled": linear.CANCELLED,
}
_VALUES = {"result": linear.RESULT, "exception": linear.EXCEPTION}


_op = h.maker(Op)


def operations(history: History, subject: Subject, future: int) -> list[Op]:
    """Everything that was done to a future, or that told of it."""
    ops: list[Op] = []
    for made in history.made:
        if made.call.name in subject.events:
            if made.call.name == "disconnect" or made.call.future == future:
                _add_events(ops, made, subject)
        elif made.answer is None:
            continue
        elif made.call.on_all:
            ops += _told(made, future)
        elif made.call.future == future:
            ops += _asked(made)
            if _asked_too_early(made, history, subject):
                ops.append(_op((made.begin, made.end, (linear.SETTLED, True), False, made)))
    for brought in history.brought:
        if brought.move.future == future:
            ops.append(_brought(brought, subject, history))
    ends = [(time, answer) for time, whose, answer in history.of(h.ASKED) if whose == future]
    for begin, whose in history.of(h.ASKS):
        if whose == future:
            end, answer = next((each for each in ends if each[0] > begin), (NEVER, None))
            what = (linear.EVENT, "cancel", CALLER, None, answer)
            ops.append(Op(begin, end, what, source="the cancel of a wait_for"))
    for time, _, called, _, _ in history.of(h.CALLBACK):
        if called == future:
            ops.append(Op(time, time, (linear.SETTLED, True), source="a callback is called"))
    for time, number, state, done, running, _ in history.of(h.FINAL):
        if number == future:
            ops += _final(time, state, done, running)
    # Stable: the steps of one call, which begin at the same time, stay together.
    ops.sort(key=lambda op: op.begin)
    return ops


def _add_events(ops: list[Op], made: Made, subject: Subject) -> None:
    """A call that does something to the future, in one step or several."""
    events = subject.events[made.call.name]
    answer = made.answer if len(events) == 1 else None
    if isinstance(answer, Raised):
        answer = None  # another check says so
    steps: list[tuple[object, ...]] = [
        (linear.EVENT, event, CALLER, None, answer) for event in events
    ]
    if _must_have_waited(made, subject):
        steps.append((linear.SETTLED, True))
    for place, what in enumerate(steps):
        ops.append(_op((made.begin, made.end, what, bool(place), made)))


def _must_have_waited(made: Made, subject: Subject) -> bool:
    """A cancel() that came back although no timer fired: an answer must have come."""
    return (
        subject.cancel_waits
        and made.call.name == "cancel"
        and made.thread >= 0
        and made.answer == Returned(True)
        and made.call.timeout != 0
        and not made.clock_moved
    )


def _asked_too_early(made: Made, history: History, subject: Subject) -> bool:
    """A cancelled() that said True before any timer fired: the answer must have come by then."""
    return (
        subject.cancelled_waits
        and made.call.name == "cancelled"
        and made.thread >= 0
        and made.answer == Returned(True)
        and not made.clock_moved
        and not any(each.call._replace(future=0) == ASKS_ONLY for each in history.made)
    )


def _asked(made: Made) -> Iterator[Op]:
    answer = made.answer
    if isinstance(answer, Raised) and answer.name == WAITED_FOR:
        return  # a timer of asyncio may expire whatever the future is
    if made.call.name in _VALUES:
        yield _op((made.begin, made.end, (_VALUES[made.call.name], answer), False, made))
    elif made.call.name in _QUESTIONS and isinstance(answer, Returned):
        kind = _QUESTIONS[made.call.name]
        yield _op((made.begin, made.end, (kind, answer.value), False, made))


def _told(made: Made, future: int) -> Iterator[Op]:
    """What `wait` and `as_completed` say of one of their futures."""
    answer = made.answer
    if not isinstance(answer, Returned) or not isinstance(answer.value, tuple):
        return
    if made.call.name == "wait":
        done, _ = answer.value
        said = future in done
    else:
        said = True
    yield Op(made.begin, made.end, (linear.ANNOUNCED, said), source=made)


def _brought(brought: Brought, subject: Subject, history: History) -> Op:
    answer: Answer | None = brought.answer
    refused = isinstance(answer, Raised) and answer.name == "InvalidStateError"
    if isinstance(answer, Raised) and not (refused and subject.source == CALLER):
        answer = None  # another check says so
    event = brought.move.event
    brings: Answer | None = None
    number = _first_of_its_kind(brought, history) if subject.objects else brought.number
    if event == "result_success":
        brings = Returned(f"value {number}")
    elif event == "result_failed":
        brings = Raised("TaskError", f"error {number}")
    what = (linear.EVENT, event, subject.source, brings, answer)
    return _op((brought.begin, brought.end, what, False, brought))


def _first_of_its_kind(brought: Brought, history: History) -> int:
    """Which move put the object into the store: a second message is about the same object."""
    move = brought.move
    return next(
        other.number
        for other in history.brought
        if other.move.event == move.event and other.move.future == move.future
    )


def _final(time: int, state: object, done: object, running: object) -> Iterator[Op]:
    if state is not None:
        yield _op((time, time, (linear.STATE, state), False, "the state at the end"))
    if done is not None:
        yield _op((time, time, (linear.DONE, done), False, "done() at the end"))
    if running is not None:
        yield Op(time, time, (linear.RUNNING, running), source="running() at the end")


def on_the_table(history: History, subject: Subject) -> Iterator[Trouble]:
    """Some order of the calls and messages explains all answers."""
    for future in range(history.seen.program.futures):
        ops = operations(history, subject, future)
        at_end = list(facts_at_end(history, subject, future))
        explained = subject.full.explain([*ops, *at_end])
        if explained is not None:
            history.rows.update(explained.rows)
        elif subject.judge.explain(ops) is not None:
            yield from _wrong_end(history, subject, ops, at_end)
        elif subject.any_value.explain(ops) is not None:
            yield Trouble(VALUE, in_words(subject.judge, ops))
        else:
            yield Trouble(LINEARIZABLE, in_words(subject.any_value, ops))


def facts_at_end(history: History, subject: Subject, future: int) -> Iterator[Op]:
    """What must be true when all is over: what became of a cancel, and how much was sent."""
    if history.seen.end != "done":
        return
    time = history.length
    if subject.outcomes:
        for _, number, _, _, _, outcome in history.of(h.FINAL):
            if number == future:
                yield _op((time, time, (linear.OUTCOME, outcome), False, None))
    if subject.messages:
        sent = [message for _, message, whose, _, _ in history.of(h.SENT) if whose == future]
        cancels = (linear.COUNT, fx.SEND_CANCEL, sent.count(TASK_CANCEL))
        yield _op((time, time, cancels, False, None))
        yield _op((time, time, (linear.COUNT, fx.SEND_TASK, sent.count(TASK)), False, None))


def _wrong_end(
    history: History, subject: Subject, ops: list[Op], at_end: list[Op]
) -> Iterator[Trouble]:
    """The answers can be explained, but not together with what there is at the end."""
    ends = subject.full.ends(ops)

    def fitting(number: int) -> set[linear.Model]:
        """The ends that fit the first so many facts."""
        facts = [op.what for op in at_end[:number]]
        return {e for e in ends if all(subject.full.step(e, what) is not None for what in facts)}

    last = next(n for n in range(len(at_end)) if not fitting(n + 1))
    yield _said_at_end(at_end[last], fitting(last))


def _said_at_end(op: Op, ends: set[linear.Model]) -> Trouble:
    kind, said = op.what[0], op.what[-1]
    if kind == linear.OUTCOME:
        right = _or(sorted({str(end.outcome) for end in ends}))
        return Trouble(OUTCOME, f"cancel_outcome is {said} at the end; the table says {right}")
    # Both are counts: of TaskCancels, and of Tasks.
    cancels = op.what[1] == fx.SEND_CANCEL
    check, message = (ONE_TASK_CANCEL, TASK_CANCEL) if cancels else (PROTOCOL, TASK)
    place = 0 if cancels else 1
    right = _or(sorted({_times(end.sent[place]) for end in ends}))
    return Trouble(check, f"{message} was sent {_times(said)}; the table says {right}")


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _or(words: list[str]) -> str:
    return " or ".join(words)


def in_words(judge: Judge, ops: list[Op]) -> str:
    """The shortest beginning that no order explains, in words."""
    found = linear.shortest(judge, ops)
    # What has not answered can be left out: so some answer is the first that does not fit.
    assert found is not None
    numbers, last, before = found
    states = _or(sorted({model.state for model in before}))
    earlier = [said(ops[i]) for i in numbers if i != last and not ops[i].follows]
    after = f" after {', '.join(dict.fromkeys(earlier))}" if earlier else ""
    return f"{said(ops[last])}, which no order of the calls explains{after}: it was {states}"


def said(op: Op) -> str:
    """An operation and its answer, in words."""
    source = op.source
    if isinstance(source, Made):
        if op.end >= NEVER or source.answer is None:
            return f"{source.call} of {source.by}"
        return f"{source.call} of {source.by} → {source.answer}"
    if isinstance(source, Brought):
        answer = source.answer
        telling = isinstance(answer, Raised) or (answer is not None and answer.value is not None)
        return f"{source.move} → {answer}" if telling else str(source.move)
    return f"{source}: {op.what[-1]}"
