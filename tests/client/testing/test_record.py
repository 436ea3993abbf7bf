"""What a world knows of a future."""

from futurefsm.client.testing.record import Waiter, letters
from futurefsm.client.testing.world import World
from tests.client.testing.play import submit


def test_letters_go_on_after_z() -> None:
    assert [letters(n) for n in (0, 25, 26, 53)] == ["a", "z", "a1", "b2"]


def test_a_waiter_hears_what_concurrent_futures_tells() -> None:
    waiter = Waiter()
    waiter.add_result(None)
    waiter.add_exception(None)
    waiter.add_cancelled(None)
    assert waiter.told == ["result", "exception", "cancelled"]


def test_a_record_lets_go_of_its_future_once() -> None:
    world = World()
    record = submit(world)
    record.let_go()
    record.let_go()
    assert record.future is None
    assert record.ref is not None
