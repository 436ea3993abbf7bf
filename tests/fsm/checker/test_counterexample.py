"""A counterexample is read by people: as text, and as a Mermaid sequence diagram."""

from dataclasses import replace
from functools import cache

from checker_kit import LIGHTS, lamp

from futurefsm.fsm import CONFIRMED
from futurefsm.fsm import effects as fx
from futurefsm.fsm.checker import Counterexample, Invariant, System, check, system, value
from futurefsm.fsm.checker.model import ALWAYS, NEVER, Action, Assign, LeadsTo, Send, Variable
from futurefsm.fsm.checker.variants import unchecked


def story(what: System) -> Counterexample:
    (found,) = check(what).stories
    return found


@cache
def second_cancel() -> Counterexample:
    row = replace(CONFIRMED.row("cancel_requested", "cancel"), effects=(fx.SEND_CANCEL,))
    report = check(system("meant", unchecked(CONFIRMED, "twice", row)))
    (found,) = (each for each in report.stories if each.property == "One TaskCancel")
    return found


TEXT = """\
One TaskCancel does not hold in twice_meant: a task is sent once; one TaskCancel for a future that
    was sent, on one connection
   1  client     the outgoing queue takes the task
                 future pending → running; sends Task
   2  you        cancel()
                 future running → cancel_requested; sends TaskCancel
   3  you        cancel()
                 future stays cancel_requested; sends TaskCancel
at the end: future=cancel_requested; task=unknown; worker=idle; sent=1; cancels=2; promised=true;
    outcome=unanswered; waiting=1; requests=Task TaskCancel TaskCancel"""

MERMAID = """\
sequenceDiagram
    participant you
    participant client
    participant scheduler
    client->>client: the outgoing queue takes the task
    Note over client: future pending → running
    client-)scheduler: Task
    you->>client: cancel()
    Note over client: future running → cancel_requested
    client-)scheduler: TaskCancel
    you->>client: cancel()
    Note over client: future stays cancel_requested
    client-)scheduler: TaskCancel
    Note over you,scheduler: One TaskCancel does not hold
"""


def test_the_shortest_story_of_a_second_cancel() -> None:
    found = second_cancel()
    assert str(found) == TEXT
    assert all(len(line) <= 100 for line in TEXT.splitlines())
    assert found.to_mermaid() == MERMAID


def test_the_end_of_the_story_has_names() -> None:
    assert second_cancel().end["requests"] == ("Task", "TaskCancel", "TaskCancel")


def test_a_lost_message() -> None:
    found = story(lamp(LIGHTS, loses=True))
    assert str(found).splitlines()[1:] == [
        "   1  hand  pushes",
        "            sends press",
        "   2  room  press is lost on its way to the room",
        "then nothing more has to happen: only calls and faults are left",
        "at the end: light=off; sent=1",
    ]
    assert "    room--xroom: press is lost on its way to the room" in found.to_mermaid()


def test_who_loses_it_where_there_is_a_network() -> None:
    what = replace(lamp(LIGHTS, loses=True), lanes=("hand", "network", "room"))
    assert "network--xnetwork" in story(what).to_mermaid()


def test_a_repeated_message_and_a_violation() -> None:
    """Reset arrives before press, and will come again."""
    blame = Invariant("No blame", value("blame", 0), "in order")
    what = lamp(blame, duplicates=True)
    found = story(what)
    assert [beat.words for beat in found.beats] == [
        "pushes",
        "pulls",
        "press arrives",
        "reset arrives (and it will come again)",
        "reset arrives",
    ]
    assert found.beats[-1].moves == (("room", "light off: reset is a violation"),)
    assert "    Note over room: reset arrives (and it will come again)" in found.to_mermaid()


def test_what_does_not_fit() -> None:
    what = lamp(Invariant("Never sent", value("sent", 0), ""), capacity=1)
    push = replace(what.actions[0], does=(Assign("sent", 1), Send("wire", "press")) * 2)
    found = story(replace(what, actions=(push,)))
    assert "sends press; press does not fit, and is lost" in str(found)
    assert "    hand-xhand: press does not fit" in found.to_mermaid()


def test_what_goes_on_for_ever() -> None:
    turn = Variable("turn")
    actions = (
        Action("tick", "hand", "ticks", value("turn", 0), (Assign("turn", 1),), fair=True),
        Action("tock", "hand", "tocks", value("turn", 1), (Assign("turn", 0),), fair=True),
    )
    ends = LeadsTo("Ends", ALWAYS, NEVER, "it ends")
    found = story(System("clock", "", ("hand",), (), (turn,), actions=actions, properties=(ends,)))
    assert str(found).splitlines() == [
        "Ends does not hold in clock: it ends",
        "then for ever:",
        "   1  hand  ticks",
        "   2  hand  tocks",
        "at the end:",
    ]
    assert found.to_mermaid() == (
        "sequenceDiagram\n"
        "    participant hand\n"
        "    loop for ever\n"
        "        hand->>hand: ticks\n"
        "        hand->>hand: tocks\n"
        "    end\n"
        "    Note over hand: Ends does not hold\n"
    )


def test_what_never_held_has_no_story() -> None:
    found = story(lamp(Invariant("Lit", NEVER, "always")))
    assert found.beats == ()
    assert found.to_mermaid() == "sequenceDiagram\n"
    assert str(found).splitlines()[-1] == "at the end: light=off"


def test_messages_are_named_as_people_name_them() -> None:
    row = replace(CONFIRMED.row("running", "result_success"), effects=(fx.OFFER_VALUE, fx.ANNOUNCE))
    report = check(system("meant", unchecked(CONFIRMED, "silent", row)))
    assert "TaskResult (success) arrives" in str(report)
