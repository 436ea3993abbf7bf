"""A mistake in a harness is told as such, and is not "nothing found"."""

import re
from concurrent.futures import Future
from typing import Any

import pytest

from futurefsm.fsm.testing import OnLoop, explore, prove, races, replay
from futurefsm.fsm.testing.fit import blame
from futurefsm.fsm.testing.harness import Harness, StandardFutures
from futurefsm.fsm.testing.programs import Call, Move, Program


class Mine(Harness):
    def make(self, env: Any) -> Any:
        return Future()


def made(**attributes: Any) -> Harness:
    harness: Harness = type("Made", (Mine,), attributes)()
    return harness


@pytest.mark.parametrize(
    ("harness", "words"),
    [
        (Mine, "give an object, not its class: Mine"),
        (None, "None is no Harness"),
        (made(lifecycle="strict"), "lifecycle of Made is 'strict'"),
        (made(calls="cancel"), "calls of Made must be a tuple of names, not 'cancel'"),
        (made(faults=5), "faults of Made must be a tuple of names"),
        (made(make=lambda self, env: None), r"make\(\) returned None"),
    ],
)
def test_wrong_types(harness: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        explore(harness, schedules=1)
    with pytest.raises(TypeError, match=words):
        explore(OnLoop(harness), schedules=1)


ONE = Future[Any]()


@pytest.mark.parametrize(
    ("harness", "words"),
    [
        (made(calls=()), "calls of Made is empty"),
        (made(deliverable=("finish",)), "'finish', which Made is to deliver, is no event"),
        (made(make=lambda self, env: ONE), "the same future twice"),
        (
            made(state=lambda self, future: future._state),
            r"Made.state\(\) says 'PENDING', which is",
        ),
    ],
)
def test_wrong_values(harness: Harness, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        explore(harness, schedules=1, programs=[Program(((Call("done"),),), futures=2)])


def test_nothing_is_delivered_where_all_of_the_table_may_be() -> None:
    quiet = Program(((Call("done"),),))
    assert explore(made(deliverable=None), schedules=1, programs=[quiet]).failure is None


@pytest.mark.parametrize(
    ("program", "error", "words"),
    [
        ("cancel()", TypeError, "is no Program"),
        (Program((Call("done"),)), TypeError, "tuples of calls"),  # type: ignore[arg-type]
        (Program((("done",),)), TypeError, "tuples of calls"),  # type: ignore[arg-type]
        (Program((), ("submit",)), TypeError, "made of moves"),  # type: ignore[arg-type]
        (Program(((Call("fly"),),)), ValueError, "has no call 'fly'"),
        (Program((), (Move("fly"),)), ValueError, "'fly', which .* is no event"),
        (Program(((Call("done", future=1),),)), ValueError, "futures=1"),
        (Program((), (Move.await_("TaskCancel", 2),), futures=2), ValueError, "futures=2"),
    ],
)
def test_wrong_programs(program: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        explore(StandardFutures(), schedules=1, programs=[program])


def test_bounds_that_leave_nothing() -> None:
    for what in ("schedules", "threads", "calls", "futures"):
        with pytest.raises(ValueError, match=f"{what} must be at least 1, not 0"):
            explore(StandardFutures(), **{what: 0})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threads must be at least 1"):
        prove(StandardFutures(), threads=0)
    with pytest.raises(ValueError, match="paths must be at least 1"):
        prove(StandardFutures(), paths=[])
    with pytest.raises(ValueError, match="known must be at least 1"):
        prove(StandardFutures(), known=[])
    with pytest.raises(ValueError, match="programs is empty"):
        explore(StandardFutures(), programs=[])
    with pytest.raises(ValueError, match="schedules must be at least 1"):
        races(StandardFutures(), schedules=0)
    for search in (prove, explore, races):
        with pytest.raises(ValueError, match="preemptions must be at least 0, not -1"):
            search(StandardFutures(), preemptions=-1)


def test_a_single_name_may_stand_for_a_collection_of_one() -> None:
    report = explore(StandardFutures(), schedules=5, checks="value", lines="concurrent.futures")
    assert report.failure is None


class Wrong(Mine):
    """Asks its future for what it does not have."""

    def state(self, future: Any) -> str | None:
        return str(future.status)


class Strange(Mine):
    """Does not know its own errors."""

    def error_name(self, error: BaseException) -> str:
        raise KeyError(error)


class Lame(Mine):
    """Its pump does not know what to do."""

    def pump(self, env: Any) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("harness", "error", "words"),
    [
        (
            Wrong(),
            AttributeError,
            r"This came out of Wrong.state\(\) \(test_fit.py:\d+\), which says",
        ),
        (OnLoop(Wrong()), AttributeError, r"This came out of Wrong.state\(\)"),
        (Strange(), KeyError, r"This came out of Strange.error_name\(\)"),
        (Lame(), NotImplementedError, r"This came out of Lame.pump\(\)"),
    ],
)
def test_an_error_of_a_harness_names_its_method(
    harness: Harness, error: type[Exception], words: str
) -> None:
    program = Program(((Call("result"),),), (Move("submit"), Move("result_failed")))
    with pytest.raises(error) as raised:
        explore(harness, schedules=50, programs=[program])
    (note,) = raised.value.__notes__
    assert re.match(words, note)


def test_an_error_from_elsewhere_is_left_as_it_is() -> None:
    error = KeyError()
    blame(Mine(), error)
    assert not hasattr(error, "__notes__")


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda mine: races(None), "None is no Harness"),  # type: ignore[arg-type]
        (lambda mine: races(mine, schedules="x"), "schedules must be a whole number, not 'x'"),
        (lambda mine: explore(mine, schedules="x"), "schedules must be a whole number, not 'x'"),
        (lambda mine: explore(mine, preemptions=1.5), "preemptions must be a whole number"),
        (lambda mine: prove(mine, limit="x"), "limit must be a whole number, not 'x'"),
        (lambda mine: prove(mine, paths=3), "paths must be a list of paths, each a list of Move"),
        (lambda mine: explore(mine, programs=3), "programs must be a list of Program, not 3"),
        (lambda mine: explore(mine, checks=3), "checks must be a list of names, not 3"),
        (lambda mine: explore(mine, lines=3), "lines must be a list of modules, not 3"),
        (lambda mine: explore(mine, lines=[3]), "3 is neither a module nor the name of one"),
        (lambda mine: prove(mine, paths=[[3]]), r"made of moves, not \[3\]"),
        (lambda mine: prove(mine, paths=[3]), "made of moves, not 3"),
        (lambda mine: prove(mine, paths=Move("submit")), "made of moves, not 'submit'"),
        (lambda mine: prove(mine, paths=[Move("submit")]), "made of moves, not Move"),
        (lambda mine: prove(mine, known=[3]), r"tuples of calls, not \[3\]"),
        (lambda mine: replay(mine, None), "a replay token is a str that begins with 'r1_'"),
        (lambda mine: replay(mine, b"r1_"), "not b'r1_'"),
    ],
)
def test_wrong_arguments(act: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        act(Mine())
