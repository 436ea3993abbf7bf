"""Every state is found, on the shortest way; liveness is judged with fairness."""

from dataclasses import replace

from checker_kit import LIGHTS, lamp

from futurefsm.fsm.checker import Invariant, LeadsTo, NoDeadlock, System, state, value
from futurefsm.fsm.checker.model import (
    ALWAYS,
    NEVER,
    Action,
    AlwaysPossible,
    Assign,
    Property,
    Variable,
)
from futurefsm.fsm.checker.search import Broken, Graph, look

ON, OFF = state("light", "on"), state("light", "off")


def asked(what: System, question: Property) -> tuple[Broken | None, Graph]:
    graph = Graph(what)
    return look(graph, question), graph


def names(graph: Graph, steps: list[tuple[int, int]]) -> list[str]:
    labels = graph.stepper.labels
    return [labels[label].message or labels[label].name for label, _ in steps]


def test_all_states_are_found() -> None:
    graph = Graph(lamp())
    assert (len(graph.states), graph.transitions, graph.complete) == (6, 6, True)
    assert ("light", "off", "press") in graph.first
    assert ("light", "on", "press") not in graph.first


def test_an_invariant_that_holds_and_one_that_does_not() -> None:
    quiet = Invariant("Quiet", value("beeped", 0), "no beep")
    broken, graph = asked(lamp(), quiet)
    assert broken is not None
    assert names(graph, broken.way) == ["push", "press"]
    assert (broken.loop, broken.stuck) == ([], False)
    assert look(graph, Invariant("No blame", value("blame", 0), "in order")) is None
    # On the first state the way is empty.
    never = look(graph, Invariant("Lit", ON, "always"))
    assert never is not None
    assert never.way == []


def test_a_dead_lock() -> None:
    """Behind the pull nothing can happen, and the lamp is off."""
    broken, graph = asked(lamp(), NoDeadlock("Ends lit", ON, "light in the end"))
    assert broken is not None
    assert names(graph, broken.way) == ["push", "pull", "press", "reset"]
    assert broken.stuck
    assert look(graph, NoDeadlock("Ends", value("sent", 1, 2), "after the push")) is None


def test_what_is_always_possible() -> None:
    broken, graph = asked(lamp(), AlwaysPossible("Can", ON, "by itself"))
    assert broken is not None
    # Once both messages are under way it lights up and goes out; at the end there is no way back.
    assert names(graph, broken.way) == ["push", "pull", "press", "reset"]
    assert broken.stuck
    assert look(graph, AlwaysPossible("Push", value("sent", 1, 2), "by itself")) is None


def test_what_is_fair_comes() -> None:
    assert asked(lamp(), LIGHTS)[0] is None


def test_what_is_not_fair_need_not_come() -> None:
    broken, _ = asked(lamp(fair=False), LIGHTS)
    assert broken is not None
    assert (broken.way, broken.loop, broken.stuck) == ([], [], True)


def test_a_message_that_is_lost_does_not_come() -> None:
    broken, graph = asked(lamp(loses=True), LIGHTS)
    assert broken is not None
    assert names(graph, broken.way) == ["push", "press"]
    assert broken.stuck


def test_only_from_where_it_starts() -> None:
    later = LeadsTo("Dark again", value("sent", 2), OFF, "what was lit goes out")
    assert asked(lamp(), later)[0] is None
    goes_out = LeadsTo("Goes out", ON, OFF, "by itself")
    broken, graph = asked(lamp(), goes_out)
    assert broken is not None
    assert names(graph, broken.way) == ["push", "press"]


def ring(fair_exit: bool, *, exit_in_turn: bool = False) -> System:
    """Two states in turn; out of one of them, or out of both, there is a way out."""
    turn = Variable("turn", 2)
    to_one = Action("tick", "hand", "", value("turn", 0), (Assign("turn", 1),), fair=True)
    to_two = Action("tock", "hand", "", value("turn", 1), (Assign("turn", 0),), fair=True)
    where = value("turn", 0) if exit_in_turn else value("turn", 0, 1)
    out = Action("out", "hand", "", where, (Assign("turn", 2),), fair=fair_exit)
    return System("ring", "", ("hand",), (), (turn,), actions=(to_one, to_two, out))


OUT = LeadsTo("Out", ALWAYS, value("turn", 2), "some time")


def test_a_way_out_that_is_always_there_is_taken() -> None:
    assert asked(ring(fair_exit=True), OUT)[0] is None


def test_what_follows_the_start_counts() -> None:
    """The run begins where it starts, and goes round where it does not."""
    onward = LeadsTo("Onward", value("turn", 0), value("turn", 2), "some time")
    assert asked(ring(fair_exit=True), onward)[0] is None
    assert asked(ring(fair_exit=True, exit_in_turn=True), onward)[0] is not None


def test_a_way_out_that_comes_and_goes_need_not_be_taken() -> None:
    """Weak fairness: only what can happen all the time must happen."""
    broken, graph = asked(ring(fair_exit=True, exit_in_turn=True), OUT)
    assert broken is not None
    assert names(graph, broken.loop) == ["tick", "tock"]
    assert broken.way == []


def test_the_loop_takes_what_is_fair() -> None:
    """Round for ever, and each fair step that stays possible is taken in the loop."""
    spin = Action("spin", "hand", "", value("turn", 0, 1), (), fair=True)
    what = ring(fair_exit=False)
    broken, graph = asked(replace(what, actions=(*what.actions, spin)), OUT)
    assert broken is not None
    assert set(names(graph, broken.loop)) == {"tick", "tock", "spin"}
    assert broken.loop[-1][1] == 0


def test_the_nearest_of_several_loops() -> None:
    """From each number one may stay, go on, or fall; the run that never falls begins at once."""
    count = Variable("count", 3)
    on = [
        Action(f"on{n}", "hand", "", value("count", n), (Assign("count", n + 1),)) for n in range(3)
    ]
    what = System("steps", "", ("hand",), (), (count,), actions=tuple(on))
    broken, _ = asked(what, LeadsTo("Top", ALWAYS, value("count", 3), "up"))
    assert broken is not None
    assert broken.way == []


def test_a_bound_on_states() -> None:
    graph = Graph(lamp(reorders=True, duplicates=True), states_max=3)
    assert not graph.complete
    assert len(graph.states) > 3
    # What is asked of the part that is known does not fail.
    for question in (LIGHTS, NoDeadlock("N", ON, ""), AlwaysPossible("A", ON, "")):
        look(graph, question)


def test_the_search_can_end_early() -> None:
    graph = Graph(lamp(), until=value("sent", 1))
    assert not graph.complete
    assert graph.stepper.read(graph.states[-1])["sent"] == 1


def test_a_step_that_is_impossible_in_turn_is_visited_there() -> None:
    """The fairness of the way out is served by the state in which there is none."""
    what = ring(fair_exit=True, exit_in_turn=True)
    tick, tock, out = what.actions
    broken, graph = asked(replace(what, actions=(out, tick, tock)), OUT)
    assert broken is not None
    assert names(graph, broken.loop) == ["tick", "tock"]


def test_the_nearer_of_two_ends() -> None:
    fork = Variable("fork", 2)
    sides = [
        Action(f"to{n}", "hand", "", value("fork", 0), (Assign("fork", n),), fair=True)
        for n in (1, 2)
    ]
    what = System("fork", "", ("hand",), (), (fork,), actions=tuple(sides))
    broken, graph = asked(what, LeadsTo("Home", ALWAYS, NEVER, "never"))
    assert broken is not None
    assert names(graph, broken.way) == ["to1"]
