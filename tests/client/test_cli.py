"""The command line, as its user meets it: exit codes, one line for what is wrong, Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from futurefsm.client import cli
from futurefsm.fsm.lifecycles import LIFECYCLES
from tests.client.processes import all_end

COMMAND = (sys.executable, "-m", "futurefsm")


def called(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )


def test_version() -> None:
    done = called("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "futurefsm")


def test_without_a_command_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "demo" in capsys.readouterr().out


def test_help_explains(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["demo", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in ("--path", "--find", "--workers", "--diagram", "standard library", "cancelled"):
        assert word in text


WRONG = [
    (["demo", "--wat"], "--wat"),
    (["wat"], "wat"),
    (["demo", "--workers", "0"], "1 to 256"),
    (["demo", "--workers", "many"], "many"),
    (["demo", "--path", "/no/such/folder"], "there is no such folder"),
    (["demo", "--path", __file__], "is a file"),
    (["demo", "--path", "EMPTY"], "has no Python files"),
    (["demo", "--find", "("], "not a regular expression"),
    (["diagram", "wat"], "confirmed, strict, value, scheduler"),
    (["diagram", "--format", "jpeg"], "jpeg"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=lambda each: str(each))
def test_what_is_wrong_is_one_line_on_stderr_and_code_2(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tmp_path) if each == "EMPTY" else each for each in arguments]
    try:
        code = cli.main(arguments)
    except SystemExit as stop:
        code = stop.code  # type: ignore[assignment]
    out, err = capsys.readouterr()
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert out == ""


def test_that_also_holds_for_the_process() -> None:
    done = called("demo", "--path", "/no/such/folder")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "futurefsm: --path /no/such/folder: there is no such folder\n"


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
def test_lifecycles_are_printed(lifecycle, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    for form, begin in (("mermaid", ""), ("dot", "digraph"), ("table", "| event")):
        assert cli.main(["diagram", lifecycle.name, "--format", form]) == 0
        text = capsys.readouterr().out
        assert begin in text
        assert all(state in text for state in lifecycle.states)


def test_the_default_diagram_is_confirmed_in_mermaid(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["diagram"])
    text = capsys.readouterr().out
    assert "stateDiagram-v2" in text
    assert "cancel_requested" in text


def test_a_reader_that_goes_away_is_no_error() -> None:
    line = " ".join([*COMMAND, "diagram", "--format", "table", "|", "head", "-n", "1"])
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="signals of a process group")
def test_ctrl_c_ends_soon_with_one_line_and_leaves_no_process(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [*COMMAND, "demo", "--diagram", ""],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert demo.stdout is not None
    try:
        for line in demo.stdout:
            if line.startswith("1 "):
                break
        children = psutil.Process(demo.pid).children(recursive=True)
        assert children
        # As a terminal does it: the whole foreground group gets it.
        os.killpg(demo.pid, signal.SIGINT)
        _, err = demo.communicate(timeout=60)
    finally:
        demo.kill()
        demo.wait()
    assert demo.returncode == 130
    assert err.strip() == "futurefsm: interrupted; all tasks cancelled, no process left"
    assert all_end(children)
    assert list(tmp_path.iterdir()) == []
