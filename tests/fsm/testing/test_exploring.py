"""explore, prove and replay, on futures that are right and on futures that are not."""

import threading
from concurrent.futures import Future
from multiprocessing.sharedctypes import RawValue
from typing import Any

import pytest

from futurefsm.fsm.testing import exploring, tokens
from futurefsm.fsm.testing.env import Env
from futurefsm.fsm.testing.exploring import explore, prove, replay
from futurefsm.fsm.testing.failure import Failure, NotDeterministic
from futurefsm.fsm.testing.harness import Harness, StandardFutures
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.stage import Stage

PATH = (Move("submit"), Move("result_success"))
PROGRAM = Program(((Call("cancel"),), (Call("result"),)), PATH)


class ChecksThenActs:
    """A future whose cancel() looks, and then acts: another thread may come in between."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.state = "running"
        self.value: Any = None

    def cancel(self) -> bool:
        with self._lock:
            open_ = self.state == "running"
        if not open_:
            return self.state == "cancelled"
        with self._lock:
            self.state = "cancelled"
        return True

    def cancelled(self) -> bool:
        return self.state == "cancelled"

    def done(self) -> bool:
        return self.state != "running"

    def running(self) -> bool:
        return False  # nobody says when it starts

    def set_result(self, value: Any) -> None:
        with self._lock:
            if self.state == "running":
                self.state, self.value = "finished", value


class Careful(ChecksThenActs):
    def cancel(self) -> bool:
        with self._lock:
            if self.state == "running":
                self.state = "cancelled"
            return self.state == "cancelled"


class Simple(Harness):
    """It is fed by a wire, which brings nothing but the result."""

    calls = ("cancel", "cancelled", "done")
    source = "wire"
    deliverable = ("result_success",)

    def __init__(self, future: type[ChecksThenActs] = ChecksThenActs) -> None:
        self.future = future

    def make(self, env: Env) -> Any:
        return self.future()

    def state(self, future: Any) -> str:
        return "pending" if future.state == "running" else str(future.state)

    def call(self, env: Env, future: Any, call: Call) -> Any:
        return super().call(env, future, call)


class Running(Simple):
    """The same without a word about its state: only answers count."""

    calls = ("cancel", "cancelled")

    def state(self, future: Any) -> None:  # type: ignore[override]
        return None


@pytest.fixture(scope="module")
def failure() -> Failure:
    found = explore(Simple(), schedules=3000, seed=1).failure
    assert found is not None
    return found


def test_a_race_is_found_and_made_small(failure: Failure) -> None:
    calls, preemptions, switches, steps = failure.size
    assert failure.check in ("absorbing", "linearizable", "agreement")
    assert calls == 1
    assert preemptions == 1
    assert switches <= 2
    assert steps <= 6
    assert failure.seed == 1
    assert failure.counts.schedules > 0


@pytest.mark.parametrize("search", ["icb", "random", "pct", "pos"])
def test_every_search_finds_it(search: str) -> None:
    report = explore(Simple(), schedules=3000, seed=2, search=search, shrink=False)
    with pytest.raises(Failure):
        report.check()


def test_the_same_seed_finds_the_same() -> None:
    found = [explore(Simple(), schedules=3000, seed=3).failure for _ in range(2)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].token == found[1].token
    assert found[0].counts.schedules == found[1].counts.schedules


def test_the_pooled_backend_finds_the_same(failure: Failure) -> None:
    pooled = explore(Simple(), schedules=3000, seed=1, backend="pooled").failure
    assert pooled is not None
    assert pooled.token == failure.token


def test_what_is_right_is_silent() -> None:
    report = explore(Simple(Careful), schedules=400, seed=1, futures=1, threads=2).check()
    assert report.counts.schedules == 400


def test_checks_can_be_chosen() -> None:
    assert explore(Simple(), schedules=300, checks=["pump raises"]).failure is None
    with pytest.raises(ValueError, match="no such check"):
        explore(Simple(), checks=["luck"])


def test_lines_can_be_points() -> None:
    report = explore(
        StandardFutures(), programs=[PROGRAM], schedules=60, lines=["concurrent.futures._base"]
    )
    assert report.failure is None
    assert report.counts.steps / report.counts.schedules > 15


def test_a_proof_goes_through_every_program_of_its_bounds() -> None:
    known = [Call("cancel"), Call("done")]
    proof = prove(StandardFutures(), paths=[PATH], known=known)
    assert proof.complete
    assert proof.counts.programs == 5
    assert proof.counts.by_preemptions.keys() == {0, 1, 2}
    assert "all programs of at most 2 threads" in str(proof)


def test_a_proof_can_be_cut_short() -> None:
    proof = prove(StandardFutures(), paths=[PATH], limit=10)
    assert not proof.complete
    assert proof.counts.schedules >= 10


@pytest.mark.parametrize("jobs", [2, 3])
def test_a_proof_that_processes_share_is_the_same(jobs: int) -> None:
    known = [Call("cancel"), Call("done")]
    alone, several = (
        prove(StandardFutures(), paths=[PATH], known=known, jobs=each) for each in (1, jobs)
    )
    several.counts.seconds = alone.counts.seconds
    assert several == alone
    cut = prove(StandardFutures(), paths=[PATH], known=known, jobs=jobs, limit=jobs)
    assert not cut.complete
    assert cut.counts.programs == jobs


def test_processes_find_the_first_program_that_fails() -> None:
    alone, several = (_failing(jobs) for jobs in (1, 2))
    assert several.token == alone.token


def test_what_comes_behind_a_program_that_failed_elsewhere_is_not_run() -> None:
    stage, first = Stage(StandardFutures()), RawValue("q", 3)
    program = Program(((Call("cancel"),), (Call("done"),)), PATH)
    with stage.open():
        part = exploring._part(stage, [(2, program), (4, program)], 0, None, first)
    assert part.complete
    assert part.bad is None
    assert stage.counts.programs == 1


def _failing(jobs: int) -> Failure:
    with pytest.raises(Failure) as raised:
        prove(Simple(), jobs=jobs)
    return raised.value


def test_what_cannot_be_proven_fails(failure: Failure) -> None:
    with pytest.raises(Failure) as raised:
        prove(Simple())
    assert raised.value.size[:2] == (1, 1)


def test_a_token_is_replayed(failure: Failure) -> None:
    for _ in range(20):
        with pytest.raises(Failure) as raised:
            replay(Simple(), failure.token)
        assert raised.value.words == failure.words
        assert raised.value.token == failure.token


def test_where_the_race_is_gone_a_replay_says_so(failure: Failure) -> None:
    program = Program(((Call("cancel"),),), (Move("result_success"),))
    fixed = explore(Simple(Careful), programs=[program], schedules=20)
    assert fixed.failure is None
    with pytest.raises(tokens.TokenError, match="does not fit any more"):
        replay(Simple(Careful), failure.token)


def test_a_replay_without_a_failure_gives_the_run(failure: Failure) -> None:
    harness = Running()
    with pytest.raises(Failure):
        replay(Simple(), failure.token)
    fixed = tokens.encode(failure.program, (), failure.run.steps[:0])
    with pytest.raises(tokens.TokenError):
        replay(Simple(Careful), fixed)
    whole = Program(((Call("cancel"),),))
    told = explore(harness, programs=[whole], schedules=1)
    assert told.failure is None
    from futurefsm.fsm.testing.search.icb import following
    from futurefsm.fsm.testing.stage import Stage

    stage = Stage(harness)
    with stage.open():
        run = stage.run(whole, following(()), detailed=True).run
    assert replay(harness, tokens.encode(whole, (), run.steps)).end == "done"


def test_a_token_of_another_test_is_refused(failure: Failure) -> None:
    class Fewer(Simple):
        calls = ("done",)

    with pytest.raises(tokens.TokenError, match="which Fewer does not have"):
        replay(Fewer(), failure.token)


def test_a_token_that_fits_no_more_but_still_fails(failure: Failure) -> None:
    class Longer(ChecksThenActs):
        def cancel(self) -> bool:
            said = super().cancel()
            with self._lock:
                return said

    with pytest.raises(Failure) as raised:
        replay(Simple(Longer), failure.token)
    assert "does not quite fit any more" in "".join(raised.value.__notes__)


def test_what_fails_only_once_is_not_reported() -> None:
    class Moody(StandardFutures):
        runs = 0

        def call(self, env: Env, future: Any, call: Call) -> Any:
            Moody.runs += 1
            return "odd" if Moody.runs == 5 else super().call(env, future, call)

    with pytest.raises(NotDeterministic):
        explore(Moody(), programs=[PROGRAM], schedules=50)


def test_what_fails_only_unseen_is_not_reported() -> None:
    class Shy(StandardFutures):
        def call(self, env: Env, future: Any, call: Call) -> Any:
            return super().call(env, future, call) if env.detailed else "odd"

    with pytest.raises(NotDeterministic, match="where its lines are looked at"):
        explore(Shy(), programs=[PROGRAM], schedules=50, shrink=False)


class Patient(StandardFutures):
    """`done()` is wrong when two results have come, `cancel()` when one has."""

    calls = ("done", "cancel")
    deliverable = ("result_success",)

    def deliver(self, env: Env, future: Any, event: str, value: Any) -> None:
        env.box["came"] = env.box.get("came", 0) + 1

    def call(self, env: Env, future: Any, call: Call) -> Any:
        return "odd" if env.box.get("came", 0) >= {"done": 2, "cancel": 1}[call.name] else False


def test_programs_of_ones_own_get_no_other_calls() -> None:
    results = (Move("result_success"), Move("result_success"))
    chosen = [Program(((Call("done"),),), results)]
    own = explore(Patient(), programs=chosen, checks="answers").failure
    assert own is not None
    assert own.program == chosen[0]
    drawn = explore(Patient(), checks="answers").failure
    assert drawn is not None
    assert drawn.program == Program(((Call("cancel"),),), results[:1])
    with pytest.raises(Failure) as raised:
        prove(Patient(), threads=1, paths=[results], known=[Call("done")], checks="answers")
    assert raised.value.program == chosen[0]
    with pytest.raises(Failure) as raised:
        prove(Patient(), threads=1, paths=[results], checks="answers")
    assert raised.value.program.path == results[:1]


def test_who_replays_is_told_which_lines_and_may_choose_the_engine() -> None:
    class Hasty(Future[Any]):
        def cancel(self) -> bool:
            if self.done():
                return False
            self._state = "CANCELLED"
            return True

    class Hasties(Harness):
        def make(self, env: Any) -> Any:
            return Hasty()

        @property
        def name(self) -> str:
            return "Hasties"

    failure = explore(Hasties(), lines=[__name__]).failure
    assert failure is not None
    assert f'replay(Hasties(), "{failure.token}", lines=[' in str(failure).replace(" \\\n", " ")
    for backend in ("greenlets", "pooled"):
        with pytest.raises(Failure) as again:
            replay(Hasties(), failure.token, backend=backend, lines=[__name__])
        assert not hasattr(again.value, "__notes__")
