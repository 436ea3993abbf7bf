"""Several futures beside their models, and what is asked of several at once."""

import concurrent.futures
from collections.abc import Callable, Iterator

import pytest
from broken_futures import Plain, Sleeps, Unannounced

from futurefsm.fsm.testing.aside import Aside
from futurefsm.fsm.testing.bench import Bench
from futurefsm.fsm.testing.differs import Differs
from futurefsm.fsm.testing.subject import Subject


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(Subject(concurrent.futures.Future), 30.0)
    yield made
    made.close()


def test_a_future_is_brought_to_a_state(bench: Bench) -> None:
    assert bench.make().model.state == "pending"
    future = bench.make("finished")
    assert future.future.done()
    assert repr(future) == "<future 2: finished>"
    assert [line.split(maxsplit=1)[1] for line in bench.story] == [
        "future 1 = make()",
        "future 2 = make()",
        "future 2: set_result(value 1) → None   (pending, result_success) → finished",
    ]


def test_together(bench: Bench) -> None:
    done, left = bench.make("finished"), bench.make("running")
    for when in ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"):
        bench.wait([done, left], when)
        bench.wait([left, left], when)
    bench.wait([done, done])
    bench.as_completed([done, left])
    bench.as_completed([done])
    assert bench.story[-1].endswith("timeout=0) → done: 1; not done: nothing")


def test_fresh_forgets_all(bench: Bench) -> None:
    bench.make()
    bench.fresh()
    assert (bench.futures, bench.story) == ([], [])
    assert bench.make().name == "future 1"


def test_a_wait_that_differs() -> None:
    """The view is right when it is looked at, and wrong when `wait()` does."""

    class Shy(Plain):
        looks = 0

        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__("hidden" if name == "_state" else name, value)

        @property
        def _state(self) -> str:  # type: ignore[override]
            state = str(self.__dict__["hidden"])
            waited = self.__dict__.get("waited", False)
            return "CANCELLED" if waited and state == "CANCELLED_AND_NOTIFIED" else state

    bench = Bench(Subject(Shy), 30.0)
    future = bench.make("cancelled")
    future.method("set_running_or_notify_cancel")
    future.future.__dict__["waited"] = True
    # All are there, so wait() may not be given a time-out; of course it hangs.
    bench.subject.hung = True
    with pytest.raises(Differs) as found:
        bench.wait([future])
    assert found.value.expected == "an answer at once"
    with pytest.raises(Differs) as other:
        bench.as_completed([future])
    assert other.value.got == "done: nothing; not done: 1"
    bench.close()


def test_what_hung_once_is_waited_for_a_shorter_time() -> None:
    bench = Bench(Subject(Sleeps), 1.5)
    assert bench.patience() == 1.5
    future = bench.make()
    with pytest.raises(Differs, match=r"none: it waits at broken_futures\.py"):
        future.result()
    assert bench.patience() == 1.0
    bench.close()


def test_another_future_that_moves_is_noticed() -> None:
    bench = Bench(Subject(Unannounced), 30.0)
    first, second = bench.make("finished"), bench.make()
    first.future._state = "RUNNING"
    with pytest.raises(Differs) as found:
        second.cancelled()
    assert "then a look at future 1" in found.value.call
    bench.close()


def test_an_error_of_make_is_the_users() -> None:
    bench = Bench(Subject(lambda: 1 / 0), 30.0)
    with pytest.raises(ZeroDivisionError):
        bench.make()
    bench.close()


class Slow(Plain):
    """Once it was asked for its value, nobody gets an answer any more."""

    def result(self, timeout: float | None = None) -> object:
        self._condition.acquire()
        return super().result(timeout)

    def running(self) -> bool:
        return beside(super().running)


def beside(act: Callable[[], bool]) -> bool:
    """Asked by another thread, as the lock is one that its owner may take again."""
    aside = Aside()
    answer = aside.call(act, 60.0)
    aside.close()
    return bool(answer.value)


def test_a_look_that_hangs_is_told_from_the_call() -> None:
    bench = Bench(Subject(Slow), 0.5)
    future = bench.make("finished")
    with pytest.raises(Differs) as found:
        future.result()
    assert found.value.call == "future 1: result(timeout=0), then a look at it"
    assert found.value.expected == "an answer at once"
    bench.close()
