"""The command line: campaigns, replays, the gallery."""

import subprocess
import sys

import pytest

from futurefsm.client.testing import people
from futurefsm.client.testing.__main__ import main
from futurefsm.client.testing.gallery import GALLERY
from futurefsm.client.testing.ops import table
from futurefsm.client.testing.switches import NONE
from futurefsm.client.testing.tokens import token
from futurefsm.client.testing.world import World


def test_a_campaign_says_seed_counts_and_rate() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "futurefsm.client.testing", "campaign", "--seconds", "0.3"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("seed ")
    assert "deliveries, " in done.stdout
    assert "nothing broke" in done.stdout


def test_the_seed_repeats_a_campaign(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--seconds", "0.1", "--seed", "7", "--faults", "rogue", "--lifecycle", "strict"]
    assert main(["campaign", *options, "--encode"]) == 0
    assert capsys.readouterr().out.startswith("seed 7, ")


def test_a_replay_shows_the_story(capsys: pytest.CaptureFixture[str]) -> None:
    good = token(World(tape=bytes([170])))
    assert main(["replay", good]) == 0
    assert "nothing broke" in capsys.readouterr().out
    assert main(["replay", good, "--mermaid"]) == 0
    assert capsys.readouterr().out.startswith("sequenceDiagram")
    submit = bytes([table(NONE).index(people.submit)])
    bad = token(World(tape=submit, parts=GALLERY["eager_tracker"]))
    assert main(["replay", bad]) == 1
    assert "Deleted once" in capsys.readouterr().out


def test_nonsense_gets_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "nonsense"]) == 2
    assert "no token" in capsys.readouterr().err
