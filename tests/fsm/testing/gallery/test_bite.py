"""The kit's bite, on a sample; all of it is tried by `make races`."""

import inspect
import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from futurefsm.fsm import core
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.gallery import bite, reference
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.mutants_telling import CallsUnderItsLock
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.threads import installed

BROKEN = ClientFutures(CallsUnderItsLock)


@pytest.mark.parametrize(
    ("targets", "part"),
    [
        (bite.reference_targets, "drop call in _tell:"),
        (bite.reference_targets, "drop call in deliver: self._hand_over"),
        (bite.future_targets, "core.py drop call in _follow: self._tell"),
        (bite.future_targets, "core.py drop call in _take_told"),
        (bite.future_targets, "core.py drop call in fire: self.perform"),
        (bite.future_targets, "core.py drop assignment in fire: self._story"),
        (bite.future_targets, "core.py case left out in _tell: if self._raised"),
        (bite.future_targets, "future.py drop call in cancelled: self._wait_settled"),
        (bite.future_targets, "future.py drop call in set_result"),
        (bite.reference_targets, "guard left out in cancelled: if self._may_wait"),
        (bite.future_targets, "core.py double call in _tell: waiter.add_cancelled"),
        (bite.future_targets, "test before lock in add_done_callback"),
    ],
)
def test_mutants_are_killed(targets: bite.Targets, part: str) -> None:
    chosen = [each for each in targets() if part in each.name]
    assert chosen
    done = bite.bite(chosen)
    assert (done.survivors, done.equivalent) == ([], 0)


@pytest.mark.parametrize("lifecycle", [CONFIRMED, STRICT], ids=str)
def test_mutants_of_a_table_are_refused_or_killed(lifecycle: bite.Lifecycle) -> None:
    done = bite.bite([*bite.table_targets(lifecycle)][1::6], schedules=800)
    assert done.refused
    assert done.killed
    assert done.survivors == []


def test_what_is_right_survives() -> None:
    right = bite.Target("right", lambda: [ClientFutures()])
    done = bite.bite([right], schedules=200)
    assert (done.survivors, done.share) == (["right"], 0.0)
    assert bite.Bite().share == 1.0


def test_what_is_the_same_in_other_words_is_not_tried() -> None:
    name = next(iter(bite.EQUIVALENT))
    broken = bite.Target(name, lambda: [ClientFutures(CallsUnderItsLock)])
    assert bite.bite([broken]).equivalent == 1


def test_every_equivalent_is_a_mutant() -> None:
    targets = [*bite.reference_targets(), *bite.future_targets()]
    names = [target.name for target in targets]
    assert set(bite.EQUIVALENT) <= set(names)
    assert len(set(names)) == len(names)


def test_every_survivor_has_a_reason() -> None:
    known = next(iter(bite.SURVIVORS))
    assert bite.reason(known) == bite.SURVIVORS[known]
    assert bite.reason("another") == "not seen"
    names = {target.name for target in [*bite.reference_targets(), *bite.future_targets()]}
    assert {each for each in bite.SURVIVORS if each.partition(".py ")[1]} <= names


def test_another_tool_is_asked_where_the_kit_sees_nothing() -> None:
    right = bite.Target("right", lambda: [ClientFutures()], lambda: "checker: something")
    assert bite.try_one(right, schedules=50) == "checker: something"


def test_what_nothing_shows_is_looked_at_line_by_line() -> None:
    name = "future.py guard left out in _ended: if self._node is node:"
    target = next(each for each in bite.future_targets() if each.name == name)
    assert target.closer is not None
    path = (Move("submit"), Move("result_failed"))
    program = Program(((Call("exception"),), (Call("cancel"),)), path, early=2)

    def found(ways: Callable[[], Iterable[Harness]]) -> bool:
        with installed():
            harness = next(iter(ways()))
            report = explore(harness, schedules=400, programs=[program], shrink=False, search="icb")
        return report.failure is not None

    # In one line the state is read, and then the exception: a cancel comes between.
    assert (found(target.harnesses), found(target.closer)) == (False, True)
    right = bite.Target("right", lambda: [ClientFutures()], closer=lambda: [BROKEN])
    assert bite.try_one(right, schedules=300) == "nothing under a lock"
    done = bite.bite([right, bite.Target("plain", lambda: [BROKEN])], schedules=300)
    assert (len(done.killed), done.closely) == (2, ["right"])


# A cancel while the waiters of a finished future are told.
_PATH = (Move("submit"), Move("result_failed"))
OVERTAKEN = [
    Program(((Call("cancel"),), (Call(call),)), _PATH, early=1) for call in ("wait", "as_completed")
]


@pytest.mark.parametrize(
    "ways",
    [
        lambda: bite._ours({core.__name__: inspect.getsource(core)}, lines=True),
        lambda: bite._clients(inspect.getsource(reference), None, lines=True),
    ],
    ids=["ours", "gallery"],
)
@pytest.mark.parametrize("program", OVERTAKEN, ids=["wait", "as_completed"])
def test_what_is_right_is_not_bitten_line_by_line(
    ways: Callable[[], Iterable[Harness]], program: Program
) -> None:
    """Whoever listens, or looks, may be overtaken by a cancel in the middle of it."""
    with installed():
        harness = next(iter(ways()))
        report = explore(
            harness, schedules=120, programs=[program], search="icb", preemptions=1, shrink=False
        )
    assert report.failure is None


def test_what_cannot_be_used_or_hangs_is_killed() -> None:
    def raises() -> Iterator[Harness]:
        raise ValueError("no class")

    def hangs() -> Iterator[Harness]:
        while True:
            pass

    assert bite.try_one(bite.Target("raises", raises)) == "ValueError"
    assert bite.try_one(bite.Target("hangs", hangs), seconds=0.05) == "hangs"


def test_every_way_has_the_seconds_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What survives many ways on a slow machine does not hang."""
    begun: list[float] = []
    monkeypatch.setattr(bite.signal, "setitimer", lambda timer, left: begun.append(left))
    right = bite.Target("right", lambda: [ClientFutures()] * 2, closer=lambda: [ClientFutures()])
    assert bite.try_one(right, schedules=5, seconds=7) is None
    assert begun == [7, 7, 7, 7, 0]


def test_it_also_works_on_another_thread() -> None:
    found: list[str | None] = []
    target = bite.Target("broken", lambda: [ClientFutures(CallsUnderItsLock)])
    thread = threading.Thread(target=lambda: found.append(bite.try_one(target)))
    thread.start()
    thread.join()
    assert found == ["nothing under a lock"]


def test_the_checker_looks_at_tables_too() -> None:
    target = next(each for each in bite.table_targets(STRICT) if each is not None)
    assert target.also is not None
    noticed = target.also()
    assert noticed is not None
    assert noticed.startswith("checker: ")


def test_our_future_is_bitten_in_every_way() -> None:
    target = next(iter(bite.future_targets()))
    names = [harness.name for harness in target.harnesses()]
    assert len(names) == 8
    assert sum("looped" in name for name in names) == 2
