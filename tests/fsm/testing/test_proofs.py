"""Proofs to their end, and the lines about them."""

from pathlib import Path

import pytest

from futurefsm.fsm.testing import campaign, proofs
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.mutants_telling import CallsUnderItsLock
from futurefsm.fsm.testing.harness import StandardFutures


class Silent(StandardFutures):
    """Asked for one thing only."""

    calls = ("done",)


class Broken(ClientFutures):
    """Asked for what it does wrong."""

    calls = ("add_done_callback",)


def silent(line: str) -> None:
    """Nobody reads this."""


def test_a_proof_says_of_which_code_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "commit", lambda: "abc1234")
    rows, missed = proofs.proved([Silent()], say=silent)
    assert missed == ()
    (told,) = rows
    assert told[:2] == ["Silent", "abc1234"]
    assert len(told) == len(proofs.HEADER)
    assert int(told[2].replace(",", "")) > int(told[4]) > 1
    text, missed = proofs.told(rows, missed, campaign.table)
    assert text.startswith(proofs.BOUND)
    assert "| Silent | abc1234 |" in text


def test_a_proof_that_is_cut_off_or_fails_is_a_target_missed() -> None:
    rows, missed = proofs.proved([StandardFutures()], limit=100, say=silent)
    assert len(rows) == 1
    assert missed == ("the proof of StandardFutures: cut off",)
    rows, missed = proofs.proved([Broken(CallsUnderItsLock)], say=silent)
    assert rows == []
    assert "nothing under a lock" in missed[0]


def test_without_a_repository_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert proofs.commit(tmp_path) == ""
    monkeypatch.setenv("PATH", "")
    assert proofs.commit() == ""
