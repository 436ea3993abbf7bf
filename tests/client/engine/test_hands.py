"""What the workers have in hand: numbers, in order."""

from typing import Any

from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.hands import Hands
from futurefsm.client.engine.store import ObjectStore

F, A, S = b"f" * 32, b"a" * 32, b"s" * 32


class Pool:
    """Notes what it is told; offers what it is allowed to."""

    def __init__(self) -> None:
        self.ran: list[Any] = []
        self.offered: list[int] = []
        self.room = True
        self.back: frozenset[int] = frozenset()

    def run(self, *told: Any) -> None:
        self.ran.append(told)

    def offer(self, worker: int, sequence: int, *told: Any) -> bool:
        self.offered.append(sequence)
        return self.room

    def take_back(self, worker: int) -> frozenset[int]:
        return self.back


def hands() -> tuple[Hands, Any]:
    store, pool = ObjectStore(1000), Pool()
    for name in (F, A, S):
        store.put(name, name[:1])
    return Hands(pool, store), pool  # type: ignore[arg-type]


def run(name: bytes, client: bytes = b"c") -> out.Run:
    return out.Run(3, name, client, S, F, (A,), 5, True)


def test_a_task_with_its_objects() -> None:
    held, pool = hands()
    held.run(run(b"1"))
    assert pool.ran == [(3, 1, (S, b"s"), (F, b"f"), [(A, b"a")], 5, True)]
    assert held.first(3) == (1, run(b"1"))
    assert held.answered(3, 2) is None
    assert held.answered(3, 1) == run(b"1")
    assert held.first(3)[0] == 0
    assert held.answered(3, 1) is None
    held.run(run(b"2")._replace(serializer_id=None))
    assert pool.ran[1][1:3] == (2, None)


def test_what_was_offered_comes_behind() -> None:
    held, pool = hands()
    held.run(run(b"1"))
    for name in (b"2", b"3", b"4"):
        assert held.offer(run(name))
    pool.room = False
    assert not held.offer(run(b"5"))
    # The worker may take one between two that are taken back.
    pool.back = frozenset({2, 4})
    assert held.take_back(3) == {(b"c", b"2"), (b"c", b"4")}
    order = []
    while number := held.first(3)[0]:
        done = held.answered(3, number)
        assert done is not None
        order.append(done.task_id)
    assert order == [b"1", b"3"]


def test_a_death() -> None:
    held, _ = hands()
    assert held.died(3, 0) is None
    for name in (b"1", b"2", b"3"):
        assert held.offer(run(name))
    held.answered(3, 1)
    assert held.died(3, 2) == (b"c", b"2")
    assert held.first(3)[0] == 0
    # It began, and answered, those before; of what it has it began none.
    held.offer(run(b"4"))
    assert held.died(3, 3) is None
    # Nobody begins a task before the one in front is over.
    for name in (b"5", b"6"):
        held.offer(run(name))
    assert held.died(3, 6) == (b"c", b"5")


def test_who_cannot_be_trusted_has_begun_what_it_has() -> None:
    held, _ = hands()
    held.lost(3)
    for name in (b"1", b"2"):
        held.offer(run(name))
    held.lost(3)
    assert held.first(3) == (-1, run(b"1"))
    assert held.answered(3, 1) is None
    assert held.died(3, 0) == (b"c", b"1")
    assert held.died(3, 0) is None
