"""The running task's surroundings."""

from futurefsm.client.engine import context


def test_nothing_outside_of_a_task() -> None:
    assert context.current() is None


def test_what_the_worker_sets_is_seen() -> None:
    here = context.Context("tcp://127.0.0.1:1", "ymq", 3)
    context.enter(here)
    try:
        assert context.current() == here
        assert here.address == "tcp://127.0.0.1:1"
        assert (here.backend, here.priority) == ("ymq", 3)
    finally:
        context.enter(None)
    assert context.current() is None
