"""Programs drawn by lot, and all of them."""

from random import Random

import pytest

from futurefsm.fsm.testing.drawing import Drawer, every, every_call
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.harness import Harness, StandardFutures
from futurefsm.fsm.testing.paths import paths
from futurefsm.fsm.testing.programs import Call, Move
from futurefsm.fsm.testing.shipped import ConfirmedFutures


def test_calls_in_all_their_forms() -> None:
    said = [str(call) for call in every_call(StandardFutures(), futures=2)]
    assert "result(timeout=1)" in said
    assert "add_done_callback(raises)" in said
    assert "wait(first)" in said
    assert "wait(first)" not in [str(call) for call in every_call(StandardFutures())]


def test_who_cannot_cancel_has_no_callback_that_does() -> None:
    class Plain(StandardFutures):
        calls = ("done", "add_done_callback")

    assert "add_done_callback(cancels)" not in [str(call) for call in every_call(Plain())]
    assert Drawer(Plain(), futures=1).draw(lambda n: 0).threads == ((Call("done"),),)


def test_the_smallest_lots_give_the_smallest_program() -> None:
    program = Drawer(ConfirmedFutures()).draw(lambda n: 0)
    assert program.threads == ((Call("cancel"),),)
    assert program.path == (Move("submit"),)
    assert (program.futures, program.early, program.faults) == (1, 1, ())


@pytest.mark.parametrize("harness", [StandardFutures(), ConfirmedFutures(), ClientFutures()])
def test_what_is_drawn_is_within_its_bounds(harness: Harness) -> None:
    chance = Random(3)
    drawer = Drawer(harness, threads=2, calls=1, futures=1)
    known = set(paths(harness))
    for _ in range(200):
        program = drawer.draw(chance.randrange)
        assert 1 <= len(program.threads) <= 2
        assert all(len(calls) == 1 for calls in program.threads)
        assert program.path in known


def test_with_more_futures_each_has_its_path() -> None:
    chance = Random(5)
    drawer = Drawer(ConfirmedFutures(), wrong=False)
    legal = set(paths(ConfirmedFutures(), wrong=False))
    programs = [drawer.draw(chance.randrange) for _ in range(200)]
    two = [program for program in programs if program.futures == 2]
    assert 20 < len(two) < 100
    for program in two:
        for number in range(2):
            mine = [move._replace(future=0) for move in program.path if move.future == number]
            assert tuple(mine) in legal
        starts = [move.event == "submit" for move in program.path]
        assert program.early == sum(starts)
        assert all(starts[: program.early])


def test_faults_are_drawn_where_there_are_some() -> None:
    chance = Random(7)
    drawer = Drawer(ClientFutures())
    faults = {drawer.draw(chance.randrange).faults for _ in range(100)}
    assert faults == {(), ("fetch fails",)}


def test_all_programs_of_a_bound_are_there_once() -> None:
    path = (Move("submit"),)
    known = [Call("cancel"), Call("done")]
    found = list(every(StandardFutures(), threads=2, calls_each=1, chosen=[path], known=known))
    assert [program.threads for program in found] == [
        ((Call("cancel"),),),
        ((Call("done"),),),
        ((Call("cancel"),), (Call("cancel"),)),
        ((Call("cancel"),), (Call("done"),)),
        ((Call("done"),), (Call("done"),)),
    ]
    with_faults = list(every(ClientFutures(), threads=1, calls_each=1, chosen=[path], known=known))
    assert [program.faults for program in with_faults] == [(), ("fetch fails",)] * 2


def test_a_harness_says_what_its_callbacks_do_and_what_asks_only() -> None:
    class Mine(ConfirmedFutures):
        callbacks = ("exits", "cancels next")
        asking = ("cancel",)

    def said(futures: int) -> list[str]:
        return [str(call) for call in every_call(Mine(), futures=futures)]

    assert "cancel(timeout=0)" in said(1)
    assert "add_done_callback(exits)" in said(1)
    assert "add_done_callback(asks)" not in said(1)
    # There must be a next one.
    assert "add_done_callback(cancels next)" not in said(1)
    assert "add_done_callback(cancels next)" in said(2)
