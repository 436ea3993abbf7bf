"""What a picture of a failure shows, before anybody draws it: lanes, rows, stories. PURE.

`scene(failure)` reads the steps of a run once; the text, the Mermaid diagram and the HTML page are
drawn from it, so that they cannot contradict each other.

A step's notes are short lines whose first word says what they are: ``call``, ``answer``, ``state``,
``send``, ``deliver``, ``trouble`` and so on. What begins with another word is shown as it stands.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# Operation → how a person says it; `{}` is the object.
_SAID = {
    "start": "starts",
    "acquire": "takes {}",
    "release": "frees {}",
    "wait": "wakes: {}",
    "notify": "notifies {}",
    "notify_all": "notifies {}",
    "set": "sets {}",
    "clear": "clears {}",
    "is_set": "looks at {}",
    "send": "sends {}",
    "fetch": "fetches {}",
    "delete": "deletes {}",
    "deliver": "delivers {}",
    "await": "saw {}",
    "join": "joined {}",
    "get": "gets from {}",
    "put": "puts into {}",
    "sleep": "slept",
}
# The same, where the timer of the task fires instead.
_SAID_LATE = {
    "acquire": "time-out: {} not taken",
    "wait": "time-out: {}",
    "join": "time-out: join {}",
    "get": "time-out: {} is empty",
    "put": "time-out: {} is full",
    "sleep": "slept",
}
# What a task does when it stops in front of such an operation until somebody lets it go on.
_SAID_BEFORE = {
    "acquire": "wants {}",
    "wait": "waits for {}",
    "await": "waits for {}",
    "join": "joins {}",
    "get": "waits for {}",
    "put": "waits for room in {}",
    "sleep": "sleeps",
}
# First words of notes that are drawn in a way of their own; the rest is plain text.
_NOTES = {"answer", "call", "callback", "delete", "deliver", "fetch", "release", "send", "trouble"}
_NOTES |= {"waiter"}
# Operations in front of which a task always waits; to take a lock, only while it is taken.
_WAITS = _SAID_BEFORE.keys() - {"acquire"}


class Item(NamedTuple):
    """One thing that happens in a step: its kind, for colours and arrows, and its words."""

    kind: str
    text: str


class Row(NamedTuple):
    """One step of one task.

    Attributes:
        number: of the step in its run, from 1.
        lane: index of the task's lane.
        items: what it does, in order.
        states: (future, its state from here on), where it changed.
        where: "file.py:12" of the code under test, or "".
        holding: the lanes whose tasks hold a lock after this step.
        waiting: the lanes whose tasks wait for somebody after this step.
    """

    number: int
    lane: int
    items: tuple[Item, ...]
    states: tuple[tuple[str, str], ...] = ()
    where: str = ""
    holding: frozenset[int] = frozenset()
    waiting: frozenset[int] = frozenset()


class Lane(NamedTuple):
    """A task: its name, what it was to do, and how it ended."""

    name: str
    does: str
    ended: str


class Tale(NamedTuple):
    """What one future went through: (number of the step, state)."""

    future: str
    states: tuple[tuple[int, str], ...]


class Told(NamedTuple):
    """An answer that a caller got: in which step, who, and what."""

    number: int
    who: str
    what: str


class Scene(NamedTuple):
    """A failure, ready to be drawn.

    Attributes:
        check: the name of the check that failed.
        words: what broke, in words.
        lanes: the tasks, in the order in which they were started.
        rows: the steps.
        blocked: a sentence for each task that could never go on.
        tales: the story of each future.
        told: what callers were told.
        facts: how it was found, each a phrase.
        program: what ran, in lines.
        also: what else is wrong in the same run.
        replay: a shell command that runs it again; "" where nobody knows.
        token: the replay token, or "".
    """

    check: str
    words: str
    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]
    blocked: tuple[str, ...]
    tales: tuple[Tale, ...]
    told: tuple[Told, ...]
    facts: tuple[str, ...]
    program: tuple[str, ...]
    also: tuple[str, ...]
    replay: str
    token: str


def scene(failure: Any) -> Scene:
    """Read a failure (`futurefsm.fsm.testing.races.Failure`).

    Only `failure.run` is needed; of the other attributes those are used that are there.
    """
    run = failure.run
    program = getattr(failure, "program", None)
    single = int(getattr(program, "futures", 1)) == 1
    names = [ended.name for ended in run.ended]
    told: list[Told] = []
    tales: dict[str, list[tuple[int, str]]] = {}
    for future, state in _states(_lines(getattr(run, "before", ()))):
        tales.setdefault(future, []).append((0, state))
    rows: list[Row] = []
    held: dict[str, int] = {}
    for number, step in enumerate(map(_cleaned, run.steps), 1):
        states = tuple(_states(step.notes))
        if number == 1 and single:
            # What held before the first step is shown beside it, where that changes nothing.
            first = {future: known[-1][1] for future, known in tales.items()} | dict(states)
            states = tuple(first.items())
        for future, state in states:
            known = tales.setdefault(future, [])
            if not known or known[-1][1] != state:
                known.append((number, state))
        items = _items(step, single)
        told += [Told(number, names[step.task], i.text) for i in items if i.kind == "answer"]
        _lock(step, held)
        holding = frozenset(held.values())
        rows.append(Row(number, step.task, items, states, step.where, holding))
    said = tuple(str(program).splitlines()) if program is not None else ()
    does = {name: rest for name, _, rest in (line.partition(": ") for line in said)}
    return Scene(
        check=str(getattr(failure, "check", "")),
        words=str(getattr(failure, "words", "")),
        lanes=tuple(Lane(each.name, does.get(each.name, ""), _ended(each)) for each in run.ended),
        rows=_with_waits(rows, run, single),
        blocked=tuple(_blocked(each, single) for each in run.blocked),
        tales=tuple(Tale(future, tuple(states)) for future, states in tales.items()),
        told=tuple(told),
        facts=_facts(failure),
        program=said,
        also=tuple(f"{each.check}: {each.words}" for each in getattr(failure, "troubles", ())[1:]),
        replay=str(getattr(failure, "replay", "")),
        token=str(getattr(failure, "token", "")),
    )


def _cleaned(step: Any) -> Any:
    """A step whose words are one line each."""
    (what,) = _lines([step.what])
    return step._replace(what=what, notes=_lines(step.notes))


def _lines(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(" ".join(each.split()) for each in words)


def _facts(failure: Any) -> tuple[str, ...]:
    """How it was found, and how much of a coincidence it is."""
    run = failure.run
    facts = []
    counts = getattr(failure, "counts", None)
    if counts is not None and counts.schedules:
        facts.append(f"found after {_many(counts.schedules, 'schedule')}")
    if getattr(failure, "seed", None) is not None:
        facts.append(f"seed {failure.seed}")
    fired = sum(1 for step in run.steps if step.fires)
    facts += [
        _many(len(run.steps), "step"),
        _many(run.preemptions, "preemption"),
        _many(run.switches, "switch", "switches"),
        *([_many(fired, "timer") + " fired"] if fired else []),
    ]
    if run.end == "livelock":
        facts.append("it went on without end, and was stopped")
    return tuple(facts)


def _many(number: int, what: str, several: str = "") -> str:
    return f"{number:,} {what if number == 1 else several or what + 's'}"


def _states(notes: Sequence[str]) -> list[tuple[str, str]]:
    """("future 1", "running") of each note "state future 1 running"."""
    found = []
    for note in notes:
        word, _, rest = note.partition(" ")
        if word == "state":
            future, _, state = rest.rpartition(" ")
            found.append((future, state))
    return found


def _items(step: Any, single: bool) -> tuple[Item, ...]:
    """What a step does: its operation, unless a note says the same, then its notes."""
    items = []
    for note in step.notes:
        word, _, rest = note.partition(" ")
        if word == "state":
            continue
        text = _short(rest, single)
        if word not in _NOTES:
            items.append(Item("note", _short(note, single)))
        elif word == "call":
            items.append(Item(word, f"calls {text}"))
        elif word in ("answer", "trouble"):
            items.append(Item(word, text))
        else:
            items.append(Item(_kind(word), _SAID.get(word, word + " {}").format(text)))
    operation = f"{step.op} {step.what}".strip()
    told = any(note.startswith(operation) for note in step.notes)
    if step.fires or not (told or (step.op == "start" and items)):
        said = _SAID_LATE if step.fires else _SAID
        late = ": time-out" if step.fires else ""
        text = said.get(step.op, step.op + " {}" + late).format(_short(step.what, single)).strip()
        items.insert(0, Item("timer" if step.fires else _kind(step.op), text))
    return tuple(items)


def _kind(op: str) -> str:
    if op == "acquire":
        return "lock"
    if op in _NOTES:
        return op
    return "wait" if op in _SAID_BEFORE else "sync"


def _short(text: str, single: bool) -> str:
    """Without the name of the future, where there is only one."""
    if not single:
        return text
    return re.sub(r"\bfuture 1\.| of future 1\b| ?\bfuture 1\b(?=$| )", "", text).strip()


def _lock(step: Any, held: dict[str, int]) -> None:
    """Keep who holds which lock: taken by an operation, and free when a note says so."""
    if step.op == "acquire" and not step.fires:
        held[step.what] = step.task
    for note in step.notes:
        word, _, lock = note.partition(" ")
        if word == "release":
            held.pop(lock, None)


def _with_waits(rows: list[Row], run: Any, single: bool) -> tuple[Row, ...]:
    """The rows with what each task stopped in front of, read from the end."""
    ahead = {each.task: (each.op, each.what) for each in run.blocked}
    stuck = set(ahead)
    found: list[Row] = []
    for row, step in zip(reversed(rows), reversed(run.steps), strict=True):
        after = ahead.get(row.lane)
        if after is not None and (row.lane in stuck or after[0] in _WAITS):
            said = _SAID_BEFORE.get(after[0], "stops at " + after[0] + " {}")
            kind = "stuck" if row.lane in stuck else "wait"
            text = said.format(_short(after[1], single)).strip()
            row = row._replace(items=(*row.items, Item(kind, text)))
        waiting = {task for task, (op, _) in ahead.items() if op in _WAITS}
        found.append(row._replace(waiting=frozenset(waiting | stuck)))
        ahead[row.lane] = (step.op, step.what)
        stuck.discard(row.lane)
    return tuple(reversed(found))


def _ended(ended: Any) -> str:
    if not ended.done:
        return "never ended"
    if ended.error is not None:
        return f"raised {type(ended.error).__name__}: {ended.error}".rstrip(": ")
    return "ended"


def _blocked(each: Any, single: bool) -> str:
    """ "pump wants lock, held by user 2 (client.py:94)"."""
    said = _SAID_BEFORE.get(each.op, "stops at " + each.op + " {}")
    holder = f", held by {each.holder}" if each.holder else ""
    where = f"  ({each.where})" if each.where else ""
    what = said.format(_short(each.what, single)).strip()
    return f"{each.name} {what}{holder}{where}"
