"""Client.map's logic, with an executor that does nothing by itself."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from futurefsm.client.mapping import map_calls
from futurefsm.fsm import future as fsm_future


class Manual:
    """Submits into a list; the test settles."""

    def __init__(self) -> None:
        self.calls: list[tuple[Future[Any], tuple[Any, ...]]] = []

    def submit(self, fn: Any) -> Callable[[tuple[Any, ...]], Future[Any]]:
        def submit(args: tuple[Any, ...]) -> Future[Any]:
            future: Future[Any] = Future()
            self.calls.append((future, (fn, *args)))
            return future

        return submit

    def run(self) -> None:
        for future, (fn, *args) in self.calls:
            if not future.done():
                future.set_result(fn(*args))


def options(**more: Any) -> Any:
    return {"timeout": None, "chunksize": 1, "buffersize": None, **more}


def test_submitted_at_once_and_yielded_in_order() -> None:
    manual = Manual()
    results = map_calls(manual.submit, pow, [(2, 3), (3, 2), (4, 1)], **options())
    assert [call[1:] for _, call in manual.calls] == [(2, 3), (3, 2), (4, 1)]
    manual.run()
    assert list(results) == [8, 9, 4]


def test_chunks_travel_together() -> None:
    manual = Manual()
    results = map_calls(manual.submit, abs, zip(range(-5, 0)), **options(chunksize=2))
    assert len(manual.calls) == 3
    manual.run()
    assert list(results) == [5, 4, 3, 2, 1]


def test_a_chunk_of_map_travels_as_columns() -> None:
    manual = Manual()
    results = map_calls(manual.submit, abs, [range(-5, 0)], **options(chunksize=2, columns=True))
    assert [args for _, (_, args) in manual.calls] == [((-5, -4),), ((-3, -2),), ((-1,),)]
    manual.run()
    assert list(results) == [5, 4, 3, 2, 1]


def test_columns_are_as_long_as_the_shortest() -> None:
    manual = Manual()
    given = [iter([2, 3, 5]), iter([3, 2, 1, 7, 7])]
    results = map_calls(manual.submit, pow, given, **options(chunksize=2, columns=True))
    assert [args for _, (_, args) in manual.calls] == [((2, 3), (3, 2)), ((5,), (1,))]
    manual.run()
    assert list(results) == [8, 9, 5]
    # zip() has taken one more of the first only.
    assert list(given[1]) == [7, 7]


@pytest.mark.parametrize("chunksize", [1, 2])
def test_a_map_of_nothing(chunksize: int) -> None:
    for calls in ([], [[]], [[], [1]]):
        given = options(chunksize=chunksize, columns=True)
        assert list(map_calls(Manual().submit, abs, calls, **given)) == []


@pytest.mark.parametrize("chunksize", [1, 2])
def test_what_cannot_be_iterated_is_told_at_once(chunksize: int) -> None:
    for calls in ([1], [[1], 2]):
        given: Any = calls
        with pytest.raises(TypeError, match="not iterable"):
            map_calls(Manual().submit, abs, given, **options(chunksize=chunksize, columns=True))


@pytest.mark.parametrize("columns", [False, True])
def test_an_error_of_an_iterable_ends_the_map_and_cancels_the_rest(columns: bool) -> None:
    def failing() -> Iterator[Any]:
        for number in range(8):
            yield number if columns else (number,)
        raise LookupError("no more")

    manual = Manual()
    given: Any = [failing()] if columns else failing()
    more = options(chunksize=2, buffersize=3, columns=columns)
    results = map_calls(manual.submit, abs, given, **more)
    manual.run()
    assert next(results) == 0
    assert next(results) == 1
    with pytest.raises(LookupError, match="no more"):
        list(results)


def test_a_buffer_bounds_how_far_ahead_it_goes() -> None:
    manual = Manual()
    results = map_calls(manual.submit, abs, zip(iter(range(10))), **options(buffersize=2))
    assert len(manual.calls) == 2
    manual.run()
    assert next(results) == 0
    assert len(manual.calls) == 3


def test_the_rest_is_cancelled_without_waiting() -> None:
    manual = Manual()
    asked: list[Any] = []

    class Asked(fsm_future.Future[Any]):
        def cancel(self, timeout: float | None = -1) -> bool:
            asked.append(timeout)
            return True

    def submit(args: tuple[Any, ...]) -> Future[Any]:
        future: Future[Any] = Asked()
        manual.calls.append((future, args))
        return future

    results = map_calls(lambda fn: submit, abs, zip(range(3)), **options())
    manual.calls[0][0].set_running_or_notify_cancel()
    manual.calls[0][0].set_result(0)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert asked == [0, 0]


def test_a_time_out_counts_from_the_call() -> None:
    manual = Manual()
    results = map_calls(manual.submit, abs, [(1,)], **options(timeout=0.01))
    with pytest.raises(TimeoutError):
        next(results)


@pytest.mark.parametrize("bad", [{"chunksize": 0}, {"buffersize": 0}])
def test_nonsense(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        map_calls(Manual().submit, abs, [(1,)], **options(**bad))


@pytest.mark.parametrize("name", ["chunksize", "buffersize"])
@pytest.mark.parametrize("bad", [1.5, "2"])
def test_no_whole_number(name: str, bad: Any) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a whole number, not {bad!r}"):
        map_calls(Manual().submit, abs, [(1,)], **options(**{name: bad}))
