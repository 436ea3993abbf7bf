"""``python -m futurefsm.fsm.testing``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from futurefsm.client.testing.live import LIVE
from futurefsm.fsm.testing import campaign
from futurefsm.fsm.testing.__main__ import main


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(campaign.HISTORY + campaign.PUBLIC)


def test_one_bug_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "4"]) == 0
    assert "RACE  nothing under a lock" in capsys.readouterr().out


def test_a_bug_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "99"]) == 2
    assert "no such bug" in capsys.readouterr().err


def test_a_bug_that_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "hunt", lambda exhibit, seed: None)
    assert main(["show", "4"]) == 1


def test_a_reader_who_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "futurefsm.fsm.testing", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reading:
        assert reading.stdout is not None
        assert reading.stderr is not None
        reading.stdout.close()
        assert reading.stderr.read() == b""
        assert reading.wait(60) == 1


def test_what_nobody_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        assert main(["list"]) == 1
        # What was left in the buffer, too: the end of the interpreter would have complained.
        gone.flush()


def test_sections_that_do_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["campaign", "nothing"]) == 2
    assert "there are gallery" in capsys.readouterr().err


def test_a_campaign(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missed: list[tuple[str, ...]] = [(), ("one",)]
    asked: list[list[str]] = []

    def run(names: list[str], *page: object, **options: object) -> tuple[str, ...]:
        asked.append(names)
        return missed.pop(0)

    monkeypatch.setattr(campaign, "run", run)
    assert main(["campaign", "rates", "--write", str(tmp_path / "page.md")]) == 0
    assert main(["campaign"]) == 1
    # Proofs to the end are only for who asks for them.
    assert asked == [["rates"], ["gallery", "reports", "alarms", "rates", "bite"]]
    assert "missed: one" in capsys.readouterr().out


def test_what_else_is_right_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[object] = []
    monkeypatch.setattr(campaign, "run", lambda *args, **named: heard.append(named["also"]) or ())
    assert main(["campaign", "alarms"]) == 0
    assert main(["campaign", "alarms", "--also", "futurefsm.client.testing.live:LIVE"]) == 0
    assert heard == [(), LIVE]
