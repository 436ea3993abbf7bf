"""The pytest plugin, as somebody meets it who has installed the package and writes a test."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import race_scenes

from futurefsm.fsm import testing as kit
from futurefsm.fsm.testing import plugin, tokens
from futurefsm.fsm.testing.threads import benign, run

pytest_plugins = ["pytester"]

# pytester forgets the modules that a run inside this one has loaded: the kit, which swaps objects
# of loaded modules, must not be loaded twice.
for _name in kit.__all__:
    getattr(kit, _name)
run(lambda arena: None, benign)

# A class with a race, and one without; the first line of the mark is filled in.
TESTS = """
import pytest
from concurrent.futures import Future
from futurefsm.fsm.testing import Call, Harness, Move, Program
from futurefsm.fsm.testing import races as drawn


class Hasty(Future):
    def cancel(self):
        if self.running() or self.done():
            return self.cancelled()
        {extra}
        with self._condition:
            self._state = "CANCELLED"
            self._condition.notify_all()
        self._invoke_callbacks()
        return True


class Hasties(Harness):
    def make(self, env):
        return Hasty()


class Right(Harness):
    def make(self, env):
        return Future()


@pytest.mark.races(schedules=300)
def test_hasty(races):
    races(Hasties())


@pytest.mark.races(schedules=40)
def test_right(races):
    assert races(Right()).counts.schedules == 40


def test_proof(races):
    program = races.prove(Right(), threads=1, limit=30)
    assert program.counts


test_drawn = drawn(Hasties(), schedules=300)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    # A session inside a session may warn that plugins were imported before it: by the outer one.
    pytester.makeini("[pytest]\naddopts = --disable-warnings")
    pytester.makepyfile(test_jobs=TESTS.format(extra=""))
    return pytester


def token_of(result: pytest.RunResult) -> str:
    # What is too long for a line is broken as a shell wants it.
    found = re.search(r"--race-replay=(\S+)", str(result.stdout).replace("\\\n", ""))
    assert found
    return found.group(1)


def test_a_failure_is_its_picture(suite: pytest.Pytester) -> None:
    result = suite.runpytest("-k", "hasty")
    result.assert_outcomes(failed=1, deselected=3)
    text = str(result.stdout)
    picture = text.partition("test_hasty ___")[2].partition("\n")[2]
    picture = picture.partition("\nraces: ")[0]
    assert "RACE  " in picture
    assert re.search(r" user 1 +pump +future 1\n", picture)
    assert "test_jobs.py:" in picture
    assert "Traceback" not in text
    assert "exploring.py" not in text
    lines = picture.strip().splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    result.stdout.fnmatch_lines(["Replay:  pytest test_jobs.py::test_hasty*"])
    result.stdout.fnmatch_lines(["FAILED test_jobs.py::test_hasty - *: the future went from *"])


@pytest.mark.parametrize("style", ["short", "native", "no"])
def test_with_each_style_of_tracebacks(suite: pytest.Pytester, style: str) -> None:
    result = suite.runpytest("-k", "hasty", f"--tb={style}")
    result.assert_outcomes(failed=1, deselected=3)
    text = str(result.stdout)
    assert ("\nStory:   future 1: pending" in text) == (style != "no")


@pytest.mark.parametrize("test", ["test_hasty", "test_drawn"])
def test_the_printed_command_runs_just_that_schedule(suite: pytest.Pytester, test: str) -> None:
    first = suite.runpytest("-k", test)
    token = token_of(first)
    again = suite.runpytest(f"test_jobs.py::{test}", f"--race-replay={token}")
    again.assert_outcomes(failed=1)

    def story(result: pytest.RunResult) -> str:
        return str(result.stdout).partition("Story:")[2].partition("races:")[0].partition("Or")[0]

    assert story(again) == story(first)
    again.stdout.fnmatch_lines(["races: 1 schedule, *"])
    assert "found after" not in str(again.stdout)


def test_a_token_survives_an_edit_that_leaves_the_locks_alone(suite: pytest.Pytester) -> None:
    token = token_of(suite.runpytest("-k", "hasty"))
    edited = TESTS.format(extra="print('about to cancel')  # a new line")
    suite.makepyfile(test_jobs=edited.replace("Hasties", "Others"))
    result = suite.runpytest("test_jobs.py::test_hasty", f"--race-replay={token}")
    result.assert_outcomes(failed=1)
    assert "does not" not in str(result.stdout)


def test_a_token_that_does_not_fit_any_more(suite: pytest.Pytester) -> None:
    token = token_of(suite.runpytest("-k", "hasty"))
    edit = "self._condition.acquire(); self._condition.release(); return super().cancel()"
    suite.makepyfile(test_jobs=TESTS.format(extra=edit))
    result = suite.runpytest("test_jobs.py::test_hasty", f"--race-replay={token}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*TokenError: this replay token does not fit any more: step *"])


def test_a_wrong_token_is_a_clear_error(suite: pytest.Pytester) -> None:
    result = suite.runpytest("-k", "right", "--race-replay=nonsense")
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(["*TokenError: not a replay token: 'nonsense'*"])


def test_a_replay_that_passes(suite: pytest.Pytester) -> None:
    """Of `explore` and of `prove`."""
    token = token_of(suite.runpytest("-k", "hasty"))
    read = tokens.decode(token)
    assert read.steps
    suite.makepyfile(
        test_more="""
        from futurefsm.fsm.testing import StandardFutures
        from futurefsm.fsm.testing import races as drawn

        def test_explore(races):
            assert races(StandardFutures()).failure is None

        def test_prove(races):
            assert not races.prove(StandardFutures()).complete

        test_drawn = drawn(StandardFutures())
        """
    )
    quiet = tokens.encode(read.program._replace(threads=(), path=()), [], [])
    result = suite.runpytest("test_more.py", f"--race-replay={quiet}", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)


def test_the_line_at_the_end(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_drawn="""
        from futurefsm.fsm.testing import StandardFutures, races

        test_drawn = races(StandardFutures(), schedules=48)

        def test_other(record_property):
            record_property("futurefsm-other", 1)
        """
    )
    result = suite.runpytest(
        "-k", "right or proof or drawn or other", "--deselect=test_jobs.py::test_drawn"
    )
    result.assert_outcomes(passed=4, deselected=2)
    (line,) = [each for each in result.stdout.lines if each.startswith("races: ")]
    found = re.fullmatch(
        r"races: (\d+) schedules, \d+ distinct, \d+ of the 48 rows of strict", line
    )
    assert found
    assert int(found.group(1)) > 70


def test_without_races_nothing_is_said_and_nothing_is_loaded(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_x():
            kit = {name for name in sys.modules if name.startswith("futurefsm.fsm.")}
            assert kit <= {"futurefsm.fsm._lazy", "futurefsm.fsm.testing",
                           "futurefsm.fsm.testing.plugin"}
            heavy = {"hypothesis", "greenlet", "transitions", "asyncio", "zmq"}
            assert not heavy & set(sys.modules)
        """
    )
    environment = {key: value for key, value in os.environ.items() if "COVERAGE" not in key}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:hypothesispytest"],
        cwd=pytester.path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "races" not in done.stdout


def test_reports(suite: pytest.Pytester) -> None:
    result = suite.runpytest("-k", "hasty", "--race-report=out/races")
    written = sorted(path.name for path in (suite.path / "out" / "races").iterdir())
    name = "test_jobs.py_test_hasty"
    assert written == [f"{name}.html", f"{name}.mmd", f"{name}.txt"]
    result.stdout.fnmatch_lines([f"all steps: out/races/{name}.html"])
    folder = suite.path / "out" / "races"
    assert (folder / f"{name}.mmd").read_text().startswith("sequenceDiagram\n")
    assert (folder / f"{name}.txt").read_text().startswith("RACE  ")
    assert "test_jobs.py::test_hasty" in (folder / f"{name}.html").read_text()


def test_a_report_that_cannot_be_written_does_not_end_the_session(suite: pytest.Pytester) -> None:
    suite.makefile("", out="a file")
    result = suite.runpytest("-k", "hasty", "--race-report=out")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["--race-report=out cannot be written: *"])


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("races(2000)", "options of the mark races have names"),
        ("races(schedule=3)", "the mark races has no option 'schedule'; there are schedules,"),
    ],
)
def test_a_mark_that_is_wrong(pytester: pytest.Pytester, mark: str, says: str) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.{mark}\ndef test_x(races): pass")
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{says}*"])


def test_the_mark_that_is_nearest_wins_and_a_call_wins_over_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from futurefsm.fsm.testing import StandardFutures
        pytestmark = pytest.mark.races(schedules=7, seed=3)

        @pytest.mark.races(schedules=5)
        def test_near(races):
            assert races.options == {"schedules": 5, "seed": 3}
            assert races(StandardFutures()).counts.schedules == 5
            assert races(StandardFutures(), schedules=2).counts.schedules == 2
        """
    )
    pytester.runpytest("--strict-markers").assert_outcomes(passed=1)


def test_what_hypothesis_adds_is_kept_where_it_can_be_used() -> None:
    failure = race_scenes.deadlock()
    failure.add_note("Failing test case: test_races(\n    program=...,\n)")
    failure.add_note("You can reproduce this by adding @reproduce_failure('6.1', b'AX==') as a")
    failure.add_note("The token does not quite fit any more: " + "x " * 80)
    notes = plugin._notes(failure)
    assert notes[0] == "Or add:  @reproduce_failure('6.1', b'AX==')"
    assert notes[1].startswith("The token does not quite fit")
    assert max(map(len, notes)) <= 100
    assert not any("Failing" in note for note in notes)


def test_a_text_of_pytests_own_is_left_alone(tmp_path: Path) -> None:
    class Report:
        longrepr = "a text"

    report = Report()
    plugin._shorten(report, race_scenes.deadlock())  # type: ignore[arg-type]
    assert report.longrepr == "a text"


@pytest.mark.parametrize("backend", ["greenlets", "pooled"])
def test_a_token_of_lines_is_replayed_by_lines_on_any_engine(
    suite: pytest.Pytester, backend: str
) -> None:
    text = TESTS.format(extra="").replace("schedules=300", "schedules=300, lines=['test_lined']")
    suite.makepyfile(test_lined=text)
    for name in ("test_hasty", "test_drawn"):
        result = suite.runpytest(f"test_lined.py::{name}")
        result.assert_outcomes(failed=1)
        token = token_of(result)
        again = suite.runpytest(
            f"test_lined.py::{name}", f"--race-replay={token}", f"--race-backend={backend}"
        )
        again.assert_outcomes(failed=1)
        again.stdout.no_fnmatch_line("*does not*fit*")
        again.stdout.fnmatch_lines(["RACE  *"])


def test_a_backend_that_there_is_not_is_refused(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--race-backend=fibres")
    result.stderr.fnmatch_lines(["*--race-backend: invalid choice: 'fibres'*"])
