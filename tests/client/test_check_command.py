"""`futurefsm check`, as its user meets it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from futurefsm.client import cli

COMMAND = (sys.executable, "-m", "futurefsm", "check")

MINE = """
from futurefsm.fsm import CONFIRMED, goes, violates, Lifecycle, State, Event
from futurefsm.fsm import events as ev, states as st, effects as fx
from futurefsm.fsm.checker import unchecked, system

GOOD = CONFIRMED.derive("good")
BAD = unchecked(CONFIRMED, "bad", goes(
    st.CANCEL_REQUESTED, ev.RESULT_SUCCESS, st.CANCELLED, fx.NOTIFY, fx.ANNOUNCE,
    outcome=CONFIRMED.row("cancel_requested", "result_success").outcome,
))
WORLD = system("alone", CONFIRMED)
ON, OFF, PRESS = State("on"), State("off"), Event("press")
LAMP = Lifecycle("lamp", OFF, [goes(OFF, PRESS, ON), goes(ON, PRESS, OFF)], about="lamp")

class Holder:
    inner = CONFIRMED
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the user's, in the current folder. Returns its name."""
    name = f"tables_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def run(*arguments: str) -> int:
    try:
        return cli.main(["check", *arguments])
    except SystemExit as stop:
        return int(stop.code or 0)


def test_a_lifecycle_that_ships(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("strict", "--scene", "meant", "--scene", "alone") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["system", "states", "steps"]
    assert lines[1].split()[0] == "strict_meant"
    assert lines[1].endswith("holds")
    assert lines[2].split()[0] == "strict_alone"
    assert lines[3].startswith("2 systems, 1,8")
    assert "holds in 2 of 2: One verdict, Once" in lines[4]


def test_a_module_of_ones_own(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"{module}:GOOD", "--scene", "meant") == 0
    assert "good_meant" in capsys.readouterr().out
    assert run(f"{module}:Holder.inner", "--scene", "alone") == 0
    assert run(f"{module}:WORLD") == 0
    assert "confirmed_alone" in capsys.readouterr().out


def test_what_is_broken_is_shown(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"{module}:BAD", "--scene", "meant", "--mermaid") == 1
    out = capsys.readouterr().out
    assert "broken: No leak" in out
    assert "holds in 0 of 1: No leak" in out
    assert "No leak does not hold in bad_meant: the store holds no result" in out
    assert "TaskResult (success) arrives" in out
    assert "```mermaid\nsequenceDiagram\n" in out
    assert all(len(line) <= 100 for line in out.splitlines())


def test_rows_are_told_where_all_scenes_are_looked_at(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("scheduler", "--states", "300") == 1
    out = capsys.readouterr().out
    assert "not proven: more than 300 states" in out
    assert "scheduler: " in out
    # A row that was not met yet may be met behind the bound.
    assert "never taken" not in out


def test_the_model_for_spin(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("strict", "--scene", "any_order", "--promela") == 0
    out = capsys.readouterr().out
    assert out.startswith("/* strict_any_order:")
    assert "active proctype" in out
    assert run("--promela") == 0
    assert capsys.readouterr().out.startswith("/* confirmed_meant:")


WRONG = [
    (["wat"], "there is no lifecycle 'wat'; there are confirmed, strict, value, scheduler, or"),
    (["no.such.module:X"], "cannot import no.such.module: ModuleNotFoundError"),
    (["MODULE:NOPE"], "has no NOPE"),
    (["MODULE:fx"], "is a module, not a Lifecycle or a System"),
    (["MODULE:LAMP"], "lifecycle 'lamp' is about a lamp"),
    (["MODULE:WORLD", "--scene", "meant"], "is a System, which has no scenes"),
    (["value", "--scene", "alone"], "none of its systems has the scene alone"),
    (["--scene", "paradise"], "paradise"),
    (["--scene", "meant", "--promela"], "one --scene and one TARGET"),
    (["--states", "0"], "a number above 0, not '0'"),
    (["--states", "many"], "a number above 0, not 'many'"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=lambda each: str(each)[:40])
def test_what_is_wrong_is_one_line_and_code_2(
    arguments: list[str], said: str, module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [each.replace("MODULE", module) for each in arguments]
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err
    assert err.startswith("futurefsm")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "import nothere",
            "cannot import {}: ModuleNotFoundError: No module named 'nothere' ({}.py:2)",
        ),
        ("class X:\n  y = z", "cannot import {}: NameError: name 'z' is not defined ({}.py:3)"),
        ("raise SystemExit", "cannot import {}: SystemExit ({}.py:2)"),
        ("def f(:", "cannot import {}: SyntaxError: invalid syntax ({}.py, line 2)"),
        ("CONFIRMED.derive('a b')", "{} ({}.py:2): lifecycle 'a b' does not hold together"),
    ],
)
def test_a_module_that_cannot_be_imported_says_where_and_may_be_mended(
    text: str, said: str, module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    head = "from futurefsm.fsm import CONFIRMED\n"
    name = f"{module}_{len(text)}"
    file = Path(f"{name}.py")
    file.write_text(head + text)
    assert run(f"{name}:MINE") == 2
    assert said.format(name, name) in capsys.readouterr().err
    file.write_text(f"{head}MINE = CONFIRMED.derive('mine')  # in the place of what was wrong\n")
    assert run(f"{name}:MINE", "--scene", "alone") == 0


def test_a_module_with_a_table_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no_table.py").write_text(
        "from futurefsm.fsm import CONFIRMED, goes, states, events\n"
        "X = CONFIRMED.derive('x', goes(states.CANCELLED, events.SUBMIT, states.RUNNING))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert run("no_table:X") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "leads out of cancelled" in err


def test_the_process_finds_a_module_in_the_current_folder(module: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, f"{module}:GOOD", "--scene", "alone"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "good_alone" in done.stdout


def test_help_names_the_scenes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    out = capsys.readouterr().out
    assert "scaler_breaks  Scaler's; messages are lost" in out


# Those of CONFIRMED but for the two largest: `futurefsm check` has them all.
SCENES = ("meant", "store", "breaks", "scaler", "alone", "rogue")


def test_the_default_lifecycle_holds_and_the_guide_says_so() -> None:
    """In a process of its own, without what measures these tests: a hundred thousand states."""
    scenes = [word for scene in SCENES for word in ("--scene", scene)]
    done = subprocess.run(
        [*COMMAND, "confirmed", *scenes],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env={key: value for key, value in os.environ.items() if "COVERAGE" not in key},
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if line.startswith("confirmed_")]
    assert len(lines) == len(SCENES)
    page = (Path(__file__).parents[2] / "docs" / "guides" / "proofs.md").read_text()
    assert [line for line in lines if line not in page] == []
