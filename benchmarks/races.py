"""The race kit and two other tools on the gallery: docs/races-compared.md.

    python benchmarks/races.py ours > ours.json
    frontrun python benchmarks/races.py frontrun ours.json > frontrun.json        # Python 3.11
    python benchmarks/races.py interleave ours.json > interleave.json             # Python 3.12
    python benchmarks/races.py page ours.json frontrun.json interleave.json

The other tools find schedules, not programs, and have no table. So they are given both: of each bug
the smallest program that the race kit found, and its checks, which judge what each of their runs
did. What only our scheduler can see (when a state changes, who waits under a lock) they are not
asked for, unless it shows in an answer, a message, or a dead-lock.

An environment for each tool: `pip install frontrun`, `pip install interleave-test`, and PYTHONPATH
the root of this repository.
"""

import argparse
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from futurefsm.fsm.testing import checks
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.env import Env
from futurefsm.fsm.testing.gallery.exhibits import EXHIBITS, Exhibit
from futurefsm.fsm.testing.programs import Program
from futurefsm.fsm.testing.stage import subject_of

ROOT = Path(__file__).resolve().parents[1]
Result = dict[str, Any]


class Broken(Exception):
    """A check of ours says that a run of another tool went wrong."""


class PlainArena:
    """What `Env` asks of a scheduler, on whatever threads there are."""

    detailed = False

    def __init__(self) -> None:
        self.turn = threading.Condition(threading.RLock())
        self.tasks: dict[int, int] = {}
        self.env: Env

    @property
    def now(self) -> float:
        """The tool's clock, where it has one of its own."""
        return time.monotonic()

    @property
    def current(self) -> int | None:
        return self.tasks.get(threading.get_ident())

    def point(self, op: str, what: Any = "") -> None:
        return None

    def block(self, op: str, what: Any, ready: Callable[[], bool]) -> bool:
        with self.turn:
            while not ready():
                self.turn.wait()
        return True

    def woken(self) -> None:
        with self.turn:
            self.turn.notify_all()

    def held(self) -> list[Any]:
        """The conditions of futures that this thread holds."""
        found = []
        for future in self.env.futures:
            try:
                if future._condition._is_owned():
                    found.append(future._condition)
            except AttributeError:  # a stand-in that does not know
                continue
        return found

    def name_of(self, thing: Any) -> str:
        return "lock"


class PlainEnv(Env):
    """Tells the pump when it may look again."""

    __slots__ = ()
    arena: Any

    def send(self, message: str, future: Any = None) -> None:
        super().send(message, future)
        self.arena.woken()

    def user(self, thread: int) -> None:
        super().user(thread)
        self.arena.woken()


class Scenario:
    """One program of one exhibit on threads of another tool."""

    def __init__(self, exhibit: Exhibit, program: Program, *, reentrant: bool = False) -> None:
        self.exhibit, self.program = exhibit, program
        self.subject = subject_of(exhibit.broken)
        harness = exhibit.broken
        arena: Any = PlainArena()
        self.env = env = PlainEnv(harness, program, arena)
        arena.env = env
        self.arena = arena
        for _ in range(program.futures):
            future = harness.make(env)
            if reentrant:
                future._condition = threading.Condition(threading.RLock())
            env.futures.append(future)
        for number in range(program.early):
            env.move(number)
        for number, future in enumerate(env.futures):
            env.log.append((h.STATE, number, harness.state(future)))

    def workers(self) -> list[Callable[[], None]]:
        users = [lambda n=n: self.env.user(n) for n in range(len(self.program.threads))]
        if self.program.early < len(self.program.path):
            users.append(lambda: self.exhibit.broken.pump(self.env))
        return [lambda n=n, fn=fn: self._as(n, fn) for n, fn in enumerate(users)]

    def _as(self, task: int, fn: Callable[[], None]) -> None:
        self.arena.tasks[threading.get_ident()] = task
        fn()

    def wrong(self) -> str:
        """What our checks say of what happened; empty: nothing."""
        self.arena.tasks.clear()
        harness, env = self.exhibit.broken, self.env
        for number, future in enumerate(env.futures):
            outcome = harness.outcome(future) if harness.outcomes else None
            done, running = bool(future.done()), bool(future.running())
            env.log.append((h.FINAL, number, harness.state(future), done, running, outcome))
        seen = h.Seen(self.program, tuple(env.log), "done")
        found = checks.judge(h.read(seen), self.subject)
        return f"{found[0].check}: {found[0].words}" if found else ""


def ours(only: list[str]) -> list[Result]:
    """Find each bug from the class alone."""
    from futurefsm.fsm.testing.exploring import explore

    found = []
    for exhibit in EXHIBITS:
        if only and exhibit.number not in only:
            continue
        began = time.process_time()
        report = explore(exhibit.broken, schedules=20_000, checks=exhibit.checks, **exhibit.search)
        seconds = time.process_time() - began
        failure = report.failure
        found.append(
            {
                "number": exhibit.number,
                "title": exhibit.title,
                "found": failure is not None,
                "seconds": round(seconds, 2),
                "schedules": failure.counts.schedules if failure else report.counts.schedules,
                "check": failure.check if failure else "",
                "steps": len(failure.run.steps) if failure else 0,
                "program": failure.program.as_data() if failure else None,
            }
        )
        print(exhibit.number, found[-1]["seconds"], file=sys.stderr, flush=True)
    return found


def scenarios(path: str, only: list[str]) -> list[tuple[Exhibit, Program]]:
    """What the other tools run: the exhibits with the programs that were found."""
    by_number = {exhibit.number: exhibit for exhibit in EXHIBITS}
    return [
        (by_number[each["number"]], Program.from_data(each["program"]))
        for each in json.loads(Path(path).read_text())
        if each["program"] and (not only or each["number"] in only)
    ]


def with_frontrun(exhibit: Exhibit, program: Program, limit_s: float) -> Result:
    import frontrun  # type: ignore[import-not-found]

    said: list[str] = []

    def invariant(scenario: Scenario) -> bool:
        said.append(scenario.wrong())
        return not said[-1]

    made = Scenario(exhibit, program, reentrant=True)
    workers = [
        (lambda scenario, n=number: scenario.workers()[n]())
        for number in range(len(made.workers()))
    ]
    result = frontrun.explore(
        setup=lambda: Scenario(exhibit, program, reentrant=True),
        workers=workers,
        invariant=invariant,
        clock="explored",
        total_timeout=limit_s,
        reproduce_on_failure=0,
        detect_io=False,
    )
    holds = bool(getattr(result, "property_holds", True))
    why = (said[-1] if said else "") or str(getattr(result, "explanation", ""))
    return {
        "found": not holds,
        "schedules": getattr(result, "num_explored", 0),
        "why": "" if holds else why.strip()[:150],
    }


def with_interleave(exhibit: Exhibit, program: Program, limit_s: float) -> Result:
    import interleave_test as it  # type: ignore[import-not-found]

    deadline = time.monotonic() + limit_s
    ran = 0
    late = False

    class OutOfTime(BaseException):
        pass

    def model() -> None:
        nonlocal ran, late
        if late or real_monotonic() > deadline:
            late = True
            raise OutOfTime
        ran += 1
        scenario = Scenario(exhibit, program)
        threads = [it.spawn(fn) for fn in scenario.workers()]
        for thread in threads:
            thread.join()
        if words := scenario.wrong():
            raise Broken(words)

    real_monotonic = time.monotonic
    room = str(ROOT / "fsm" / "testing" / "gallery")
    try:
        result = it.explore(
            model,
            iterations=100_000,
            seed=1,
            strategy="pct",
            granularity="line",
            include=[room, room.replace("/fsm/", "/futurefsm/fsm/")],
            timeout=limit_s,
            raise_on_failure=False,
        )
    except OutOfTime:
        return {"found": False, "schedules": ran, "why": ""}
    failure = None if late else getattr(result, "failure", None)
    return {
        "found": failure is not None,
        "schedules": ran,
        "why": "" if failure is None else str(failure.kind),
    }


TOOLS = {"frontrun": with_frontrun, "interleave": with_interleave}


def theirs(tool: str, path: str, only: list[str], limit_s: float) -> list[Result]:
    found = []
    # As the race kit does: what a callback raises is logged, and the log has locks of its own.
    logging.disable(logging.CRITICAL)
    for exhibit, program in scenarios(path, only):
        began = time.process_time()
        try:
            result = TOOLS[tool](exhibit, program, limit_s)
            # The same with the bug taken out: what is reported there is no bug.
            right = replace(exhibit, broken=exhibit.right)
            control = TOOLS[tool](right, program, limit_s / 2) if result["found"] else {}
            result |= {"alarm": control.get("found", False), "alarm_why": control.get("why", "")}
        except Exception as error:
            result = {"found": False, "schedules": 0, "why": f"{type(error).__name__}: {error}"}
        seconds = round(time.process_time() - began, 2)
        found.append({"number": exhibit.number, **result, "seconds": seconds})
        print(found[-1], file=sys.stderr, flush=True)
    return found


INTRO = """\
# Races, compared

The gallery (`futurefsm.fsm.testing.gallery`) has known bugs of futures, each put back into a correct
one. This page has what three tools say of them, measured by `benchmarks/races.py` on one shared
machine; run it again for figures of your own.

| tool | version | Python | what it is |
| --- | --- | --- | --- |
| the race kit | this one | 3.11 | threads, messages, timers as choices, judged by the lifecycle's table |
| [frontrun](https://pypi.org/project/frontrun/) | 0.7.0 | 3.11 | threads, DPOR, here with `clock="explored"` |
| [interleave-test](https://pypi.org/project/interleave-test/) | 0.1.0 | 3.12 | threads, here PCT by lines |
| [simloom](https://pypi.org/project/simloom/) | 0.5.0 | 3.12 | asyncio only: see below |

The race kit gets the class and the name of the check (a broken class can break several): it draws
the program, the messages and the schedule, and its seconds include making the failure small. The
other two find schedules, not programs, and have no table to judge by. So they are given both: the
smallest program that the race kit found for that bug, as two or three threads, and the kit's checks
as the condition that must hold. What shows only in a scheduler of ours (a wait or a callback under a
lock that happens to harm nobody in this program) they are not expected to see. Each has {limit}
seconds for a bug, one seed, and runs the corrected class as well. The machine was busy: where one
of them could try few schedules and missed a bug, it had a second run of 60 seconds (`--limit 60
--only 24,26`), and the better of the two counts.
frontrun's stand-in for `Condition()` is not reentrant, as the real one is, so each future was given
`Condition(RLock())` by hand for it.

| bug | what the user sees | race kit | frontrun | interleave-test |
| --- | --- | --- | --- | --- |
"""  # noqa: E501

OUTRO = """
Cells: in which schedule it was found (the seconds are those of the processor), or how many were
tried in vain. "Not told apart": the tool reports the corrected class too, because in this program
somebody waits, rightly, for what never comes; the race kit knows from the table that he may.

Where they miss much: timed waits (3, 3b, 18, 18b), because interleave-test, as it documents, lets a
timer expire only when nothing else can run, and frontrun's explored clock reached none of the four
here (in an earlier run on a quieter machine one, 3; there it found 24, too); and locks (4, 13, 22,
23): that a callback, a send or a wait happens while a lock is held shows in no answer, somebody has
to look at the locks.

simloom simulates an event loop. A thread that is started in it is a real one, outside of its
schedule: a `concurrent.futures.Future` that another thread settles, awaited through
`asyncio.wrap_future`, is reported as `SimDeadlockError` before the thread has run. The bugs here need
threads, so there is no column for it. For programs that are asyncio alone it does more than the race
kit does: networks, disks, crashes.

## The commands

```text
{commands}
```
"""  # noqa: E501

COMMANDS = """\
python3.11 -m venv frontrun && frontrun/bin/pip install frontrun==0.7.0
python3.12 -m venv interleave && interleave/bin/pip install interleave-test==0.1.0
python benchmarks/races.py ours > ours.json
export PYTHONPATH=$PWD
frontrun/bin/frontrun frontrun/bin/python benchmarks/races.py frontrun ours.json > frontrun.json
interleave/bin/python benchmarks/races.py interleave ours.json > interleave.json
python benchmarks/races.py page ours.json frontrun.json interleave.json > docs/races-compared.md"""


def cell(result: Result | None) -> str:
    """What one tool says of one bug."""
    if result is None:
        return "not run"
    if result.get("why") and not result["found"]:
        return "its own error: " + result["why"].partition(":")[0]
    if not result["found"]:
        return f"missed in {result['schedules']:,}"
    if result.get("alarm"):
        return "not told apart"
    return f"{result['schedules']:,} ({result['seconds']:.1f} s)"


def page(files: list[str], limit_s: float) -> str:
    """The page, from the results of the three."""
    kit, *others = [json.loads(Path(path).read_text()) for path in files]
    columns = [{each["number"]: each for each in results} for results in others]
    lines = []
    for each in kit:
        cells = [cell(each), *(cell(column.get(each["number"])) for column in columns)]
        lines.append(f"| {each['number']} | {each['title']} | {' | '.join(cells)} |")
    found = sum(each["found"] for each in kit)
    sums = [f"**{found} of {len(kit)}**"]
    for column in columns:
        right = sum(each["found"] and not each["alarm"] for each in column.values())
        sums.append(f"**{right} of {len(column)}**")
    lines.append(f"| | **found, and told apart from the right one** | {' | '.join(sums)} |")
    head = INTRO.format(limit=f"{limit_s:g}")
    return head + "\n".join(lines) + "\n" + OUTRO.format(commands=COMMANDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["ours", "frontrun", "interleave", "page"])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--only", default="", help="numbers of exhibits, with commas")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds for each bug")
    options = parser.parse_args()
    only = [each for each in options.only.split(",") if each]
    if options.what == "ours":
        print(json.dumps(ours(only), indent=1))
    elif options.what == "page":
        print(page(options.files, options.limit), end="")
    else:
        print(json.dumps(theirs(options.what, options.files[0], only, options.limit), indent=1))


if __name__ == "__main__":
    main()
