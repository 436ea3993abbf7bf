"""Failures become small."""

from itertools import chain, repeat
from random import Random
from typing import Any

import pytest

from futurefsm.fsm.testing.drawing import every_call
from futurefsm.fsm.testing.env import Env
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.search import smallest as module
from futurefsm.fsm.testing.search.hybrid import hybrid
from futurefsm.fsm.testing.search.icb import following
from futurefsm.fsm.testing.search.smallest import Found, exchanges, fewest, simpler, smallest
from futurefsm.fsm.testing.stage import Stage

LARGE = Program(
    (
        (Call("done"), Call("add_done_callback", how="asks")),
        (Call("result", 1.0), Call("cancel", future=1)),
        (Call("wait"),),
    ),
    (
        Move("submit"),
        Move.await_("TaskCancel"),
        Move("result_success"),
        Move("submit", 1),
        Move("result_failed", 1),
    ),
    ("fetch fails",),
    2,
)


class Forgets(StandardFutures):
    """What was cancelled says that it was not, to who asks behind the pump's back."""

    def call(self, env: Env, future: Any, call: Call) -> Any:
        said = super().call(env, future, call)
        return False if call.name == "cancelled" and len(env.log) % 2 else said


def test_simpler_programs_have_less_in_them() -> None:
    found = list(simpler(LARGE))
    assert len(set(found)) == len(found)
    one = next(program for program in found if program.futures == 1)
    assert one.path == LARGE.path[:3]
    assert all(call.future == 0 for calls in one.threads for call in calls)
    assert any(len(program.threads) == 2 for program in found)
    assert any(not program.faults for program in found)
    assert any(Call("result", future=0) in program.threads[1] for program in found)
    assert any(program.threads[0][-1] == Call("add_done_callback") for program in found)
    without_wait = (*LARGE.path[:1], *LARGE.path[3:])
    assert any(program.path == without_wait for program in found)


def test_what_was_early_stays() -> None:
    program = Program(((Call("done"),),), (Move("submit"), Move("result_success")), (), 1, 1)
    assert [each.path for each in simpler(program)] == [(Move("submit"),)]


def test_a_failure_shrinks_to_its_core() -> None:
    stage, chance = Stage(Forgets()), Random(1)
    program = Program(
        ((Call("done"), Call("cancel")), (Call("cancelled"), Call("cancelled"), Call("running"))),
        (Move("submit"), Move("result_success")),
    )
    with stage.open():
        bad = next(iter(hybrid(stage, program, chance, "random", 2, 500)))
        found = smallest(stage, bad.found, bad.troubles[0].check)
        shown = stage.run(found.program, following(found.schedule))
    assert bad.troubles[0].check in {trouble.check for trouble in shown.troubles}
    assert found.program.calls <= 3
    assert found.size[0] <= 1


class Swaps(StandardFutures):
    """Its answer is wrong where another thread ran in between."""

    def call(self, env: Env, future: Any, call: Call) -> Any:
        env.box["now"] = call.name
        env.arena.point("look")
        return "odd" if env.box["now"] != call.name else False


def test_a_schedule_gets_the_fewest_preemptions() -> None:
    program = Program(((Call("cancel"),), (Call("done"),)))
    stage = Stage(Swaps())
    with stage.open():
        schedule = (0, 1, 1, 1, 1, 1)
        shown = stage.run(program, following(schedule))
        found = fewest(stage, Found.of(program, shown.run), shown.troubles[0].check)
    assert shown.run.preemptions > found.size[0] == 1


def test_where_no_time_is_left_it_stays_as_it_is() -> None:
    program = Program(((Call("cancel"),), (Call("done"),)))
    stage = Stage(Swaps())
    with stage.open():
        shown = stage.run(program, following((0, 1, 1, 1)))
        given = Found.of(program, shown.run)
        assert smallest(stage, given, shown.troubles[0].check, seconds=0) == given


def test_time_can_run_out_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program(((Call("cancel"), Call("cancel")), (Call("done"), Call("done"))))
    stage = Stage(Swaps())
    with stage.open():
        shown = stage.run(program, following((0, 1, 1, 1, 1, 1)))
        given = Found.of(program, shown.run)
        check = shown.troubles[0].check
        clock = chain([0.0, 0.0], repeat(2.0))
        monkeypatch.setattr(module, "perf_counter", lambda: next(clock))
        assert smallest(stage, given, check, seconds=1.0) == given
        assert fewest(stage, given, check, tries=1).size <= given.size


def test_one_future_is_kept_with_its_own_calls_or_with_all() -> None:
    calls = ((Call("disconnect", future=1),), (Call("result"),))
    alone = [each for each in simpler(Program(calls, (), (), 2)) if each.futures == 1]
    everything = ((Call("disconnect"),), (Call("result"),))
    wanted = [(everything[1],), everything, (everything[0],), everything]
    assert [each.threads for each in alone] == wanted


def test_a_future_that_nobody_calls_is_not_kept_without_calls() -> None:
    program = Program(((Call("done", future=1),),), (Move("submit"),), (), 2)
    alone = [each for each in simpler(program) if each.futures == 1]
    assert [(each.path, each.threads) for each in alone] == [
        ((Move("submit"),), ((Call("done"),),)),
        ((), ((Call("done"),),)),
    ]


def test_each_call_is_exchanged_for_each_other() -> None:
    program = Program(((Call("done", future=1), Call("cancel")),), (Move("submit"),), (), 2)
    known = (Call("done"), Call("wait"))
    found = list(exchanges(program, known))
    # With one call less, with a shorter path, as they are.
    shorter = [each for each in found if each.calls == 1]
    assert [each.threads[0][0] for each in shorter] == [Call("done"), Call("wait"), Call("wait")]
    same = ["done, wait", "wait, cancel", "done, done", "done, wait"]
    for path in ((), program.path):
        names = [
            ", ".join(call.name for call in each.threads[0])
            for each in found
            if each.calls == 2 and each.path == path
        ]
        assert names == same[1:]
    assert all(call.future == 0 for each in found for call in each.threads[0] if call.on_all)


class Needs(StandardFutures):
    """`done()` is wrong where two results came, `cancel()` where one did."""

    calls = ("done", "running", "cancel")
    deliverable = ("result_success",)

    def deliver(self, env: Env, future: Any, event: str, value: Any) -> Any:
        env.box["came"] = env.box.get("came", 0) + 1

    def call(self, env: Env, future: Any, call: Call) -> Any:
        needed = {"done": 2, "cancel": 1}.get(call.name, 9)
        return "odd" if env.box.get("came", 0) >= needed else False


def test_another_call_may_show_the_same_in_less() -> None:
    program = Program(((Call("done"),),), (Move("result_success"), Move("result_success")))
    stage = Stage(Needs())
    with stage.open():
        shown = stage.run(program, following((1, 0, 0, 0)))
        assert shown.troubles[0].check == "answers"
        given = Found.of(program, shown.run)
        found = smallest(stage, given, "answers", known=every_call(stage.harness))
        without = smallest(stage, given, "answers")
    assert found.program == Program(((Call("cancel"),),), (Move("result_success"),))
    assert without.program == program


def test_the_time_may_end_before_the_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program(((Call("done"),),), (Move("result_success"), Move("result_success")))
    monkeypatch.setattr(module, "_fails", lambda *_: None)
    stage = Stage(Needs())
    with stage.open():
        given = Found.of(program, stage.run(program, following((1, 0, 0, 0))).run)
        for times in (2, 4):
            # The candidates, the schedules of `fewest`, and then the exchange ask for the time.
            clock = chain(repeat(0.0, times), repeat(2.0))
            monkeypatch.setattr(module, "perf_counter", lambda clock=clock: next(clock))
            found = smallest(stage, given, "answers", known=[Call("cancel")], seconds=1.0)
            assert found.program == program


def test_a_candidate_that_does_not_fail_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TRIES", (3,))
    program = Program(((Call("cancel"),), (Call("done"), Call("done"))))
    stage = Stage(Swaps())
    with stage.open():
        shown = stage.run(program, following((0, 1, 1)))
        found = smallest(stage, Found.of(program, shown.run), shown.troubles[0].check)
    assert found.program.calls == 2


class Rare(StandardFutures):
    """Its answer is wrong where another thread ran in between; of two, where the second began."""

    def call(self, env: Env, future: Any, call: Call) -> Any:
        env.box.setdefault("first", call.name)
        before = env.box.get("ran")
        env.arena.point("look")
        ran, env.box["ran"] = env.box.get("ran"), call.name
        threads = env.program.threads
        late = len(threads) > 2 or env.box["first"] == threads[-1][0].name
        return "odd" if ran != before and late else False


def test_where_the_old_schedule_does_not_fail_others_are_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = Program(((Call("cancel"),), (Call("done"),), (Call("running"),)))
    stage = Stage(Rare())
    with stage.open():
        shown = stage.run(program, following((0, 1, 1)))
        assert shown.troubles
        found = smallest(stage, Found.of(program, shown.run), "answers")
        assert found.program.calls == 2
        assert found.size[0] == 1
        monkeypatch.setattr(module, "_TRIES", (1,))
        given = Found.of(program, shown.run)
        assert smallest(stage, given, "answers").program.calls == 3
