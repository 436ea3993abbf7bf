"""The pytest plugin: the fixture `races`, its mark, replay tokens, reports, a line at the end.

    @pytest.mark.races(schedules=5000)
    def test_races(races):
        races(MyFutures())

It is loaded by every run of pytest where futurefsm is installed, so it imports nothing but pytest
until a test asks for it.
"""

import re
import shlex
import sys
import textwrap
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from futurefsm.fsm.testing.failure import Counts, Failure, Proof, Report
    from futurefsm.fsm.testing.harness import Harness

MARK = "races"
# Key of the counts of a test among its `user_properties`: they travel with its report, also from
# another process (pytest-xdist).
PROPERTY = "futurefsm-races"
_OPTIONS = (
    "schedules",
    "preemptions",
    "seed",
    "search",
    "checks",
    "shrink",
    "backend",
    "programs",
    "lines",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("futurefsm races", "races in futures (futurefsm.fsm.testing)")
    group.addoption(
        "--race-replay",
        metavar="TOKEN",
        help="run only the schedule of this token, as the report of a failure shows it",
    )
    group.addoption(
        "--race-backend",
        metavar="NAME",
        choices=("greenlets", "pooled"),
        help="run on greenlets, or on pooled threads, whatever the test says; both do the same",
    )
    group.addoption(
        "--race-report",
        metavar="DIR",
        type=Path,
        help="write each failure as DIR/TEST.html, .txt and .mmd",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARK}(schedules=2000, preemptions=2, ...): options of the fixture `races`, as of "
        "futurefsm.fsm.testing.explore",
    )
    config.pluginmanager.register(_Summary(), "futurefsm-races-summary")


class Races:
    """What the fixture `races` gives: the race kit, with the options of the mark.

    Attributes:
        options: of the mark, for `explore`.
        token: of ``--race-replay``, or None.
    """

    def __init__(self, item: pytest.Item, token: str | None) -> None:
        self.options = _options(item)
        self.token = token
        self._item = item

    def __call__(self, harness: "Harness", **options: Any) -> "Report":
        """Look for races (`explore`), with the options of the mark and those given here.

        With ``--race-replay`` only that schedule is run.

        Raises:
            Failure: one was found.
            TokenError: the token cannot be used.
        """
        from futurefsm.fsm.testing.exploring import explore
        from futurefsm.fsm.testing.failure import Report

        if self.token is not None:
            counts = _replayed(harness, self.token, self.options | options)
            _tell(self._item, harness.lifecycle.name, counts)
            return Report(counts)
        report = explore(harness, **(self.options | options)).check()
        # What a failure says for itself, with the report of the test.
        _tell(self._item, harness.lifecycle.name, report.counts)
        return report

    def prove(self, harness: "Harness", **options: Any) -> "Proof":
        """Run every schedule of every program within bounds (`prove`).

        The mark's `preemptions` is its bound too. With ``--race-replay`` only that schedule is run.

        Raises:
            Failure: one breaks a check.
            TokenError: the token cannot be used.
        """
        from futurefsm.fsm.testing.exploring import prove
        from futurefsm.fsm.testing.failure import Proof

        known = ("preemptions", "checks", "backend", "lines")
        bound = {name: self.options[name] for name in known if name in self.options}
        if self.token is not None:
            counts = _replayed(harness, self.token, self.options | options)
            _tell(self._item, harness.lifecycle.name, counts)
            return Proof(counts, 0, 0, 0, 0, complete=False)
        proof = prove(harness, **(bound | options))
        _tell(self._item, harness.lifecycle.name, proof.counts)
        return proof


def _replayed(harness: "Harness", token: str, options: Mapping[str, Any]) -> "Counts":
    from futurefsm.fsm.testing.exploring import replay
    from futurefsm.fsm.testing.failure import Counts

    known = {name: options[name] for name in ("backend", "lines") if name in options}
    run = replay(harness, token, **known)
    return Counts(schedules=1, programs=1, steps=len(run.steps), seen=1)


@pytest.fixture
def races(request: pytest.FixtureRequest) -> Races:
    """Look for races in a future: ``races(MyHarness())``, ``races.prove(MyHarness())``."""
    return Races(request.node, request.config.getoption("race_replay"))


def _options(item: pytest.Item) -> dict[str, Any]:
    """The options of the marks; the mark that is nearest to the test wins."""
    options: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers(MARK))):
        if mark.args:
            raise pytest.UsageError(f"{item.nodeid}: options of the mark {MARK} have names")
        options.update(mark.kwargs)
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise pytest.UsageError(
            f"{item.nodeid}: the mark {MARK} has no option {unknown[0]!r}; there are "
            f"{', '.join(_OPTIONS)}"
        )
    return options | _backend(item)


def _backend(item: pytest.Item) -> dict[str, str]:
    """What the command line says of the engine."""
    name = item.config.getoption("race_backend")
    return {} if name is None else {"backend": name}


def _tell(item: pytest.Item, name: str, counts: "Counts") -> None:
    """Send what was looked at along with the report of the test."""
    told = {
        "lifecycle": name,
        "schedules": counts.schedules,
        "seen": counts.seen,
        "rows": sorted(f"{state} {event}" for state, event in counts.rows),
        "all_rows": counts.all_rows,
    }
    item.user_properties.append((PROPERTY, told))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test that `races(harness)` made runs a token in place of what Hypothesis draws."""
    harness = getattr(pyfuncitem.obj, "race_harness", None)
    token = pyfuncitem.config.getoption("race_replay")
    if harness is None or token is None:
        return None
    options = pyfuncitem.obj.race_property.options | _backend(pyfuncitem)
    _tell(pyfuncitem, harness.lifecycle.name, _replayed(harness, token, options))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    failure = _failure_of(call)
    if failure is not None:
        failure.replay = _command(item, failure)
        alone = item.config.getoption("race_replay") is not None
        counts = type(failure.counts)(schedules=1, seen=1) if alone else failure.counts
        _tell(item, failure.harness.lifecycle.name, counts)
    drawn = getattr(getattr(item, "obj", None), "race_property", None)
    if call.when == "call" and drawn is not None and drawn.counts.schedules and failure is None:
        _tell(item, drawn.harness.lifecycle.name, drawn.counts)
    report = yield
    if failure is not None:
        _shorten(report, failure)
        folder = item.config.getoption("race_report")
        if folder is not None:
            try:
                said = _write(folder, item.nodeid, failure)
            except OSError as error:  # no reason to lose the whole session
                said = f"--race-report={folder} cannot be written: {error}"
            report.sections.append(("races", said))
    return report


def _failure_of(call: pytest.CallInfo[None]) -> "Failure | None":
    """The failure that ended a test, if the race kit was ever used."""
    kit = sys.modules.get("futurefsm.fsm.testing.failure")
    if kit is None or call.excinfo is None or not call.excinfo.errisinstance(kit.Failure):
        return None
    return cast("Failure", call.excinfo.value)


def _command(item: pytest.Item, failure: "Failure") -> str:
    return f"pytest {shlex.quote(item.nodeid)} --race-replay={failure.token}"


def _shorten(report: pytest.TestReport, failure: "Failure") -> None:
    """The picture in place of a traceback through the race kit."""
    from futurefsm.fsm.testing.picture import LINES_MAX, picture

    shown = report.longrepr
    crash = getattr(shown, "reprcrash", None)
    entries = getattr(getattr(shown, "reprtraceback", None), "reprentries", None)
    if crash is None or not entries:  # pytest made a text of its own
        return
    notes = _notes(failure)
    crash.message = f"{failure.check}: {failure.words}"
    entries[:] = entries[-1:]
    lines = [*picture(failure, lines=LINES_MAX - len(notes)).splitlines(), *notes]
    native = entries[0].style == "native"
    entries[0].lines = [line + "\n" for line in lines] if native else lines
    for name in ("reprfuncargs", "reprlocals", "reprfileloc"):
        if hasattr(entries[0], name):
            setattr(entries[0], name, None)


def _notes(failure: "Failure") -> list[str]:
    """What was added to the failure; of what Hypothesis adds, the part that can be used."""
    found = []
    for note in getattr(failure, "__notes__", ()):
        blob = re.search(r"@reproduce_failure\(.*\)", note)
        if blob:
            found += textwrap.wrap(f"Or add:  {blob.group()}", 100)
        elif not note.startswith(("Failing test case", "Falsifying example")):
            found += textwrap.wrap(note.strip(), 100)
    return found


def _write(folder: Path, test: str, failure: "Failure") -> str:
    """Write a failure in all forms; returns what to say about it."""
    from futurefsm.fsm.testing.mermaid import mermaid
    from futurefsm.fsm.testing.page import page

    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", test).strip("_")[-150:]
    path = folder / f"{name}.html"
    path.write_text(page(failure, title=test), encoding="utf-8")
    path.with_suffix(".txt").write_text(f"{failure}\n", encoding="utf-8")
    path.with_suffix(".mmd").write_text(mermaid(failure), encoding="utf-8")
    return f"all steps: {path}"


class _Summary:
    """Adds up what all tests looked at, and says it in a line for each lifecycle."""

    def __init__(self) -> None:
        self.told: dict[str, list[dict[str, Any]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            for name, value in report.user_properties:
                if name == PROPERTY and isinstance(value, dict):
                    self.told.setdefault(value["lifecycle"], []).append(value)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for name, told in sorted(self.told.items()):
            schedules = sum(each["schedules"] for each in told)
            seen = sum(each["seen"] for each in told)
            rows = {row for each in told for row in each["rows"]}
            of = max(each["all_rows"] for each in told)
            covered = f", {len(rows)} of the {of} rows of {name}" if of else ""
            terminalreporter.write_line(
                f"races: {_many(schedules, 'schedule')}, {seen:,} distinct{covered}", bold=True
            )


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
