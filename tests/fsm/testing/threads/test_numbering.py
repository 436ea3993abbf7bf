"""What would be ordered by address is ordered by number."""

import concurrent.futures
import random
import threading
from concurrent.futures import Future, _base
from typing import Any

from schedules import alone, every

from futurefsm.fsm.future import Future as Ours
from futurefsm.fsm.testing.threads import Arena, installed, run


def waiting(make: Any) -> Any:
    def setup(arena: Arena) -> None:
        made = [make() for _ in range(4)]

        def waits() -> Any:
            done, _ = concurrent.futures.wait(made, 1)
            return [made.index(each) for each in concurrent.futures.as_completed(made, 2)], len(
                done
            )

        arena.spawn("waits", waits)
        arena.spawn("sets", lambda: [each.set_result(1) for each in made] and None)

    return setup


def test_a_set_of_futures_has_the_same_order_in_each_run() -> None:
    for make in (Future, Ours):
        dice = random.Random(3)
        choices = [dice.randrange(2) for _ in range(40)]
        told, kept = set(), list[Any]()
        with installed():
            for _ in range(10):
                left = list(choices)
                # Addresses differ in each run.
                kept.append([Future[int]() for _ in range(random.randrange(99))])
                done = run(waiting(make), lambda options, current, c=left: c.pop() if c else 0)
                told.add(str((done.choices, done.steps, done.ended[0].value, done.ended[0].error)))
        assert len(told) == 1


def test_futures_are_numbered_in_the_order_in_which_they_are_asked() -> None:
    def hashes() -> list[int]:
        one, two = Future[int](), Ours[int]()
        return [hash(two), hash(one), hash(two), _base.id(one), _base.id(two)]  # type: ignore[attr-defined]

    assert alone(hashes) == [1, 2, 1, 2, 1]


def test_a_set_of_a_run_is_right_after_it_and_others_hash_as_ever() -> None:
    early = Future[int]()
    with installed():
        kept = alone(lambda: {Future() for _ in range(3)})
        outside = {Future(), early}
        assert all(each in kept for each in list(kept))
        assert early in outside
        assert _base.id(early) == id(early)  # type: ignore[attr-defined]
    assert all(each in kept for each in list(kept))
    assert early in outside
    late = Future[int]()
    assert hash(late) == object.__hash__(late)
    assert not hasattr(_base, "id")


def test_other_classes_are_numbered_when_they_are_named() -> None:
    class Mine:
        pass

    class Hashed:
        def __hash__(self) -> int:
            return 7

    with installed(hashed=[Mine, Hashed]):
        assert alone(lambda: [hash(Mine()), hash(Hashed())]) == [1, 7]


def test_threads_are_joined_in_the_same_order() -> None:
    def setup(arena: Arena) -> None:
        def main() -> list[str]:
            joined = []
            for thread in {threading.Thread(target=lambda: None, name=n) for n in "abcdef"}:
                thread.start()
                thread.join()
                joined.append(thread.name)
            return joined

        arena.spawn("main", main)

    first = next(every(setup)).ended[0].value
    assert first == list("abcdef")
