"""The campaign: its tables, its page, its targets; the full one is `make races`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from futurefsm.fsm.testing import campaign
from futurefsm.fsm.testing.campaign import Hit, Section
from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.failure import Report
from futurefsm.fsm.testing.gallery import bite
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.exhibits import EXHIBITS
from futurefsm.fsm.testing.gallery.mutants_telling import CallsUnderItsLock
from futurefsm.fsm.testing.harness import Harness, StandardFutures

BY_NUMBER = {exhibit.number: exhibit for exhibit in EXHIBITS}


def silent(line: str) -> None:
    """Says nothing."""


def test_a_bug_is_found_under_every_seed() -> None:
    said: list[str] = []
    section = campaign.gallery([BY_NUMBER["4"], BY_NUMBER["23"]], range(2), said.append)
    assert section.missed == ()
    assert section.text.count("2 of 2") == 2
    assert len(said) == 2


def test_what_is_not_found_is_a_target_missed() -> None:
    right = replace(BY_NUMBER["4"], broken=ClientFutures(calls=("done",)), source="https://x")
    section = campaign.gallery([right], [3], silent, schedules=50)
    assert section.missed == ("4 ClientFuture: not found with seed 3",)
    assert "[4](https://x)" in section.text


def test_every_target_is_looked_at() -> None:
    hit = Hit(1, 11.0, 31.0, "value", (4, 0, 6, 21))
    wrong = campaign.misses(BY_NUMBER["4"], hit)
    assert wrong == [
        "caught by value",
        "found after 11.0 s",
        "shrunk in 31.0 s",
        "4 calls, 21 steps, 6 switches",
    ]
    assert campaign.misses(BY_NUMBER["26"], Hit(1, 1, 1, "waiters once", (3, 0, 7, 36))) == []


def test_alarms_are_targets_missed() -> None:
    broken = ClientFutures(CallsUnderItsLock)
    assert len(campaign.alarms([broken], [broken], schedules=2000, say=silent).missed) == 2
    right = [StandardFutures()]
    section = campaign.alarms(right, right, schedules=100, limit=100, say=silent)
    assert section.missed == ()
    assert "cut off" in section.text
    assert "by lot" in section.text


def test_a_search_that_differs_from_itself_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def once(harness: Harness, **options: Any) -> Report:
        asked.append(True)
        return explore(harness, **{**options, "schedules": 1} if len(asked) > 1 else options)

    monkeypatch.setattr(campaign, "explore", once)
    with pytest.raises(RuntimeError, match="same seed 0 did not do the same twice"):
        campaign.hunt(BY_NUMBER["4"], 0)


def test_a_proof_to_the_end() -> None:
    class Silent(StandardFutures):
        """Asked for one thing only."""

        calls = ("done",)

    section = campaign.alarms([Silent()], [], limit=20_000, say=silent)
    assert section.missed == ()
    assert "cut off" not in section.text
    assert "| Silent | every program" in section.text
    section = campaign.alarms([], [ClientFutures(delayed=True)], schedules=20, say=silent)
    assert "| ClientFutures: ClientFuture (delayed) | by lot" in section.text


def test_rates_that_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "RATES", {"synchronisation": 1})
    monkeypatch.setattr(campaign, "JUDGING_US", 1 << 20)
    section = campaign.rates(schedules=50, histories=2, say=silent)
    assert section.missed == ()
    assert "| ConfirmedFutures | synchronisation |" in section.text
    assert "| ConfirmedFutures | 12 | 2 |" in section.text
    assert campaign.run(["rates"], None, quick=True) == ()


def test_rates_that_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "RATES", {"line": 1 << 40})
    monkeypatch.setattr(campaign, "JUDGING_US", 0)
    section = campaign.rates(schedules=20, histories=2, say=silent)
    assert ["line level" in each for each in section.missed] == [True, True, False, False]
    assert ["linearizable in" in each for each in section.missed] == [False, False, True, True]


def test_a_page_keeps_what_was_not_run(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    campaign.write(page, "rates", Section("fast", ("too slow",)))
    campaign.write(page, "gallery", Section("found"))
    campaign.write(page, "rates", Section("faster"))
    text = page.read_text()
    assert text.index("found") < text.index("faster")
    assert "too slow" not in text
    assert text.count("\n# ") + text.startswith("# ") == 1


def test_a_table_escapes_bars() -> None:
    assert campaign.table(["a"], [["b|c"]]) == "| a |\n| --- |\n| b\\|c |"


@pytest.mark.slow
def test_a_quick_campaign(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    campaign.run(["rates", "bite"], page, quick=True)
    campaign.run([], None, quick=True)
    text = page.read_text()
    assert "## Rates" in text
    assert "mutants of" in text


def test_who_survived_is_named_with_a_reason() -> None:
    known = next(iter(bite.SURVIVORS))
    weak = bite.Bite(killed={"a": "value"}, survivors=[known, "b"], refused=2)
    strong = bite.Bite(killed={"a": "value"}, equivalent=3)
    said = campaign.bitten({"one": weak, "other": strong})
    assert said.missed == ("bite on one: 33.3%",)
    assert f"- one: `{known}`: {bite.SURVIVORS[known]}" in said.text
    assert "- one: `b`: not seen" in said.text
    assert "| other | 1 | 1 | 100.0% |  | 3 |" in said.text
    assert "survived" not in campaign.bitten({"other": strong}).text


def test_what_was_killed_line_by_line_only_is_counted_and_named() -> None:
    strong = bite.Bite(killed={"a": "value", "b": "value"}, closely=["b"])
    text = campaign.bitten({"one": strong}).text
    assert "| one | 2 | 2 | 100.0% |  |  | 1 |" in text
    assert text.endswith("What was killed line by line only:\n\n- one: `b`: value")


def test_alarms_line_by_line() -> None:
    also = [(StandardFutures(), ("concurrent.futures._base",)), *campaign._closely()[:1]]
    section = campaign.alarms([], [], also=also, schedules=50, say=silent)
    assert section.missed == ()
    assert section.text.count("by lot, line by line") == 2
