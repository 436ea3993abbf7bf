"""What a client may do by itself: calls, timers, the end, and the link that breaks."""

from dataclasses import replace

from futurefsm.fsm import CONFIRMED, STRICT
from futurefsm.fsm.checker import check, system
from futurefsm.fsm.checker.client_rules import client_actions, fire, user_actions
from futurefsm.fsm.checker.client_side import Facts
from futurefsm.fsm.checker.search import Graph, look
from futurefsm.fsm.events import Event
from futurefsm.fsm.table import ignores

FACTS = Facts.of(CONFIRMED)


def test_any_number_of_calls_at_any_time() -> None:
    names = [each.name for each in user_actions(CONFIRMED, FACTS, fetches=True)]
    assert names == ["cancel", "cancel_timed_out", "want", "drop"]
    assert not any(each.fair for each in user_actions(CONFIRMED, FACTS, fetches=True))


def test_where_no_cancel_waits_no_timer_runs_out() -> None:
    names = [each.name for each in user_actions(STRICT, Facts.of(STRICT), fetches=False)]
    assert names == ["cancel"]


def test_an_event_of_somebody_elses_own_comes_at_any_time() -> None:
    poke = Event("poke", by_user=True)
    own = CONFIRMED.derive("own", *(ignores(state, poke) for state in CONFIRMED.states))
    actions = {each.name: each for each in user_actions(own, Facts.of(own), fetches=True)}
    assert actions["own_poke"].words == "poke (an event of its own: at any time)"
    report = check(system("meant", own))
    assert report.holds
    taken = {(state, event) for _, state, event in report.checked[0].rows}
    assert {(str(state), "poke") for state in own.states} <= taken


def test_an_event_that_a_lifecycle_has_not() -> None:
    assert fire(STRICT, "future", "fire") == ()


def test_the_link_breaks_only_where_it_is_said_to() -> None:
    def names(*, breaks: bool, doubts: bool) -> set[str]:
        return {
            each.name
            for each in client_actions(CONFIRMED, FACTS, breaks=breaks, doubts=doubts, ends=False)
        }

    always = {"submit", "disconnect", "connection_lost"}
    assert names(breaks=False, doubts=False) == always
    assert names(breaks=True, doubts=True) == always | {"reconnected", "doubt"}


def test_it_settles_by_itself_only_where_nothing_is_lost() -> None:
    """Without the end of the client a lossy link leaves a future waiting for ever: the end is what
    makes it settle there, and nothing else."""
    what = system("breaks", STRICT)
    endless = tuple(
        replace(each, fair=False) if each.name == "connection_lost" else each
        for each in what.actions
    )
    graph = Graph(replace(what, actions=endless))
    broken = {each.name for each in what.properties if look(graph, each) is not None}
    assert {"Settles", "Can settle", "No dead-lock"} <= broken
    assert "Settles at the end" not in broken


def test_a_store_that_stays_silent_is_given_up() -> None:
    """Without that, a value whose object is gone would be waited for without end."""
    what = system("meant", STRICT)
    patient = tuple(each for each in what.actions if each.name not in ("give_up", "storage_closed"))
    graph = Graph(replace(what, actions=patient))
    broken = {each.name for each in what.properties if look(graph, each) is not None}
    assert broken == {"Loads", "No dead-lock"}
