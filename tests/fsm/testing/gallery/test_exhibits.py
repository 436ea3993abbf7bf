"""The gallery: each bug is found by its check, made small, and drawn as it always was."""

import os
import re
from pathlib import Path

import pytest

from futurefsm.fsm.testing import campaign, checks
from futurefsm.fsm.testing.exploring import explore, replay
from futurefsm.fsm.testing.failure import Failure
from futurefsm.fsm.testing.gallery.exhibits import EXHIBITS, Exhibit

GOLDEN = Path(__file__).with_name("golden")
ALL = (*campaign.HISTORY, *campaign.PUBLIC)


def name(exhibit: Exhibit) -> str:
    return exhibit.number


@pytest.mark.parametrize("exhibit", ALL, ids=name)
def test_each_bug_is_found_and_made_small(exhibit: Exhibit) -> None:
    done = campaign.hunt(exhibit, seed=exhibit.seed)
    assert done is not None
    failure, hit = done
    assert hit.check in exhibit.checks
    calls, _, switches, steps = hit.size
    most = campaign.SIZES[exhibit.futures]
    assert (calls <= most[0], steps <= most[1], switches <= most[2]) == (True, True, True)
    drawn = str(failure).splitlines()
    assert len(drawn) <= 40
    assert max(map(len, drawn)) <= 100
    if os.environ.get("FUTUREFSM_GOLDEN"):
        picture = _replayed(exhibit, failure.token)
        golden(exhibit).write_text(f"{failure.token}\n\n{picture}\n")


@pytest.mark.parametrize("exhibit", ALL, ids=name)
def test_each_picture_is_as_it_was(exhibit: Exhibit) -> None:
    """The counterexample that was found once is replayed; so a better search spoils no picture."""
    token, _, picture = golden(exhibit).read_text().partition("\n\n")
    assert _replayed(exhibit, token) == picture.rstrip("\n"), (
        "the picture is another one: if it is as good, write it with FUTUREFSM_GOLDEN=1"
    )


def golden(exhibit: Exhibit) -> Path:
    return GOLDEN / f"{exhibit.number}.txt"


def _replayed(exhibit: Exhibit, token: str) -> str:
    """The picture of a token, without what changes with every edit of a file."""
    with pytest.raises(Failure) as raised:
        replay(exhibit.broken, token)
    drawn = str(raised.value).partition("\nReplay:")[0]
    return re.sub(r"(\.py:)\d+", r"\1_", drawn)


def test_the_numbers_are_complete() -> None:
    assert {int(re.sub(r"\D", "", each.number)) for each in campaign.HISTORY} == {*range(1, 27)}
    assert len({each.number for each in ALL}) == len(ALL)


def test_every_bug_names_checks_that_exist() -> None:
    for exhibit in ALL:
        assert set(exhibit.checks) <= set(checks.ORDER), exhibit.name
        assert exhibit.name.startswith(exhibit.number)


def test_every_mutant_says_what_is_wrong_with_it() -> None:
    for exhibit in EXHIBITS:
        classes = [exhibit.broken.future, exhibit.broken.manager]  # type: ignore[attr-defined]
        said = [str(each.__doc__) for each in classes]
        assert any(re.match(rf"{exhibit.number.rstrip('b')}[.,] ", text) for text in said)


@pytest.mark.parametrize("harness", campaign.corrected(), ids=lambda harness: harness.name)
def test_the_corrected_version_is_silent(harness: campaign.Harness) -> None:
    explore(harness, schedules=400, seed=7).check()
