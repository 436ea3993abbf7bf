"""A task's record begins with nothing known."""

from futurefsm.client.tracked import Tracked


def test_a_new_record() -> None:
    tracked = Tracked()
    assert (tracked.sent, tracked.settled, tracked.object_id, tracked.deleted) == (
        False, None, None, None,
    )  # fmt: skip
    assert tracked.value.state == "none"
