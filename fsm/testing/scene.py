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
    "call": "calls {}",
    "acquire": "takes {}",
    "release": "frees {}",
    "wait": "wakes: {}",
    "reacquire": "has {} again",
    "come back": "comes back from {}",
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
    "reacquire": "wants {} again",
    "wait": "waits for {}",
    "await": "waits for {}",
    "join": "joins {}",
    "get": "waits for {}",
    "put": "waits for room in {}",
    "sleep": "sleeps",
}
# First words of notes that are drawn in a way of their own; other notes are shown as they stand.
_NOTES = {"answer", "call", "callback", "delete", "deliver", "fetch", "release", "send", "trouble"}
# Those that are not words of the picture, but what it is drawn from.
_SILENT = {"hold", "name", "state"}
_FIRST = re.compile(r"\bfuture 1\.|( of)? future 1\b")
_ANSWER = re.compile(r"^(\w+): (.*)$")
# Operations in front of which a task always waits; to take a lock, only while it is taken.
_WAITS = _SAID_BEFORE.keys() - {"acquire", "reacquire"}


NEVER_ENDED = "never ended"


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


ENDLESS = "it went on without end, and was stopped"


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
        replay: a command that runs it again, of a shell or of Python; "" where nobody knows.
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

    @property
    def spans(self) -> tuple[range, ...]:
        """For each lane the steps from its first to its last; to the end, if it never ended."""
        last = len(self.rows) + 1
        found = []
        for index, lane in enumerate(self.lanes):
            own = [row.number for row in self.rows if row.lane == index]
            stop = last if lane.ended == NEVER_ENDED else max(own, default=0) + 1
            found.append(range(min(own, default=last), stop))
        return tuple(found)


def scene(failure: Any) -> Scene:
    """Read a failure (`futurefsm.fsm.testing.Failure`).

    Only `failure.run` is needed; of the other attributes those are used that are there.
    """
    run = failure.run
    program = getattr(failure, "program", None)
    said = tuple(str(program).splitlines()) if program is not None else ()
    does = {name: rest for name, _, rest in (line.partition(": ") for line in said)}
    token = str(getattr(failure, "token", ""))
    reader = _Reader(run, single=int(getattr(program, "futures", 1)) == 1)
    rows = reader.rows()
    return Scene(
        check=str(getattr(failure, "check", "")),
        words=reader.renamed(str(getattr(failure, "words", ""))),
        lanes=tuple(Lane(each.name, does.get(each.name, ""), _ended(each)) for each in run.ended),
        rows=rows,
        blocked=tuple(map(reader.blocked, run.blocked)),
        tales=tuple(Tale(future, tuple(states)) for future, states in reader.tales.items()),
        told=tuple(reader.told),
        facts=_facts(failure),
        program=said,
        also=tuple(
            reader.renamed(f"{each.check}: {each.words}")
            for each in getattr(failure, "troubles", ())[1:]
        ),
        replay=str(getattr(failure, "replay", "")) or _call(failure, token),
        token=token,
    )


class _Reader:
    """Reads the steps of a run, forwards for who holds what, backwards for who waits."""

    def __init__(self, run: Any, *, single: bool) -> None:
        self.run = run
        self.single = single
        self.told: list[Told] = []
        self.tales: dict[str, list[tuple[int, str]]] = {}
        self._held: dict[str, int] = {}
        self._names: dict[str, str] = {}
        for note in _lines(getattr(run, "before", ())):
            word, _, rest = note.partition(" ")
            if word == "name":
                name, _, part = rest.partition(" = ")
                self._names[name] = part
            elif word == "state":
                self._tell(0, *_state(rest))

    def rows(self) -> tuple[Row, ...]:
        """All steps."""
        found = []
        names = [ended.name for ended in self.run.ended]
        for number, step in enumerate(self.run.steps, 1):
            notes = [_Note.read(note) for note in _lines(step.notes)]
            states = tuple(_state(note.rest) for note in notes if note.word == "state")
            if number == 1 and self.single and not states:
                # What held before the first step is shown beside it.
                states = tuple((future, known[-1][1]) for future, known in self.tales.items())
            for future, state in states:
                self._tell(number, future, state)
            items = self._items(step, notes)
            self.told += [
                Told(number, names[step.task], item.text) for item in items if item.kind == "answer"
            ]
            self._lock(step, notes)
            holding = frozenset(self._held.values())
            found.append(Row(number, step.task, items, states, step.where, holding))
        return self._with_waits(found)

    def blocked(self, each: Any) -> str:
        """ "pump wants _lock, held by user 2 (client.py:94)"."""
        holder = f", held by {each.holder}" if each.holder else ""
        where = f"  ({each.where})" if each.where else ""
        return f"{each.name} {self._before(each.op, each.what)}{holder}{where}"

    def renamed(self, words: str) -> str:
        """Words of a check, with the names that the picture uses."""
        for name in self._names:
            words = re.sub(rf"\b{re.escape(name)}\b", self._short(name), words)
        return words

    def _tell(self, number: int, future: str, state: str) -> None:
        known = self.tales.setdefault(future, [])
        if not known or known[-1][1] != state:
            known.append((number, state))

    def _items(self, step: Any, notes: Sequence["_Note"]) -> tuple[Item, ...]:
        """What a step does: its operation, unless a note says the same, then its notes."""
        items = [self._item(note) for note in notes if note.word not in _SILENT]
        operation = f"{step.op} {step.what}".strip()
        noted = any(f"{note.word} {note.rest}".startswith(operation) for note in notes)
        noted |= step.op in ("start", "call") and bool(items)
        if step.fires or not noted:
            said = _SAID_LATE if step.fires else _SAID
            form = said.get(step.op, step.op + " {}" + (": time-out" if step.fires else ""))
            kind = "timer" if step.fires else _kind(step.op)
            items.insert(0, Item(kind, form.format(self._short(step.what)).strip()))
        if len(items) > 1 and items[0].kind == "lock" and items[1].kind == "release":
            taken, freed = items[0].text.partition(" ")[2], items[1].text.partition(" ")[2]
            if taken == freed:
                items[:2] = [Item("lock", f"takes and frees {taken}")]
        return tuple(items)

    def _item(self, note: "_Note") -> Item:
        text = self._short(note.rest)
        if note.word not in _NOTES:
            return Item("note", f"{note.word} {text}".strip())
        if note.word == "answer":
            return Item("answer", _ANSWER.sub(_answer, text).replace(") ! ", ") raises ", 1))
        if note.word == "trouble":
            return Item("trouble", self.renamed(text))
        return Item(_kind(note.word), _SAID.get(note.word, note.word + " {}").format(text))

    def _short(self, text: str) -> str:
        """By the names of attributes; without the name of the future, where there is only one."""
        text = self._names.get(text, text)
        if not self.single:
            return text
        return _FIRST.sub("", text).strip()

    def _before(self, op: str, what: str) -> str:
        form = _SAID_BEFORE.get(op, "stops at " + op + " {}")
        return form.format(self._short(what)).strip()

    def _lock(self, step: Any, notes: Sequence["_Note"]) -> None:
        """Keep who holds which lock."""
        for note in notes:
            if note.word == "hold":
                self._held[note.rest] = step.task
            elif note.word == "release":
                self._held.pop(note.rest, None)

    def _with_waits(self, rows: list[Row]) -> tuple[Row, ...]:
        """The rows with what each task stopped in front of, read from the end."""
        ahead = {each.task: (each.op, each.what) for each in self.run.blocked}
        stuck = set(ahead)
        found: list[Row] = []
        for row, step in zip(reversed(rows), reversed(self.run.steps), strict=True):
            after = ahead.get(row.lane)
            # `Event.wait` stops twice: in front of its look at the flag, and then to wait.
            looks = after == (step.op, step.what) and _is_event_wait(step)
            if looks:
                row = row._replace(items=row.items[1:])
            if after is not None and (row.lane in stuck or after[0] in _WAITS):
                kind = "stuck" if row.lane in stuck else "wait"
                row = row._replace(items=(*row.items, Item(kind, self._before(*after))))
            waiting = {task for task, (op, _) in ahead.items() if op in _WAITS}
            found.append(row._replace(waiting=frozenset(waiting | stuck)))
            ahead[row.lane] = ("", "") if looks else (step.op, step.what)
            stuck.discard(row.lane)
        return tuple(reversed(found))


def _is_event_wait(step: Any) -> bool:
    return step.op == "wait" and not step.fires and step.what.startswith("Event ")


class _Note(NamedTuple):
    """A note: its first word, and the rest."""

    word: str
    rest: str

    @classmethod
    def read(cls, note: str) -> "_Note":
        word, _, rest = note.partition(" ")
        return cls(word, rest)


def _lines(words: Iterable[str]) -> list[str]:
    return [" ".join(each.split()) for each in words]


def _state(rest: str) -> tuple[str, str]:
    """ "of future 2 running" → ("future 2", "running"); "running" is that of future 1."""
    whose, _, state = rest.rpartition(" ")
    return whose.removeprefix("of ") or "future 1", state


def _answer(found: re.Match[str]) -> str:
    """ "cancel: True" → "cancel() = True"."""
    call, answer = found.groups()
    return f"{call}() {answer}" if answer.startswith("raises ") else f"{call}() = {answer}"


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
    return (*facts, ENDLESS) if run.end == "livelock" else tuple(facts)


def _call(failure: Any, token: str) -> str:
    """How to run it again where no test runner is known."""
    name = getattr(getattr(failure, "harness", None), "name", "")
    made = f"{name}()" if name.isidentifier() else "harness"
    lines = [getattr(each, "__name__", each) for each in getattr(failure, "lines", ())]
    more = f", lines={lines}" if lines else ""
    return f'replay({made}, "{token}"{more})' if name and token else ""


def _many(number: int, what: str, several: str = "") -> str:
    return f"{number:,} {what if number == 1 else several or what + 's'}"


def _kind(op: str) -> str:
    if op in ("acquire", "reacquire"):
        return "lock"
    if op in _NOTES:
        return op
    return "wait" if op in _SAID_BEFORE else "sync"


def _ended(ended: Any) -> str:
    if not ended.done:
        return NEVER_ENDED
    if ended.error is not None:
        return f"raised {type(ended.error).__name__}: {ended.error}".rstrip(": ")
    return "ended"
