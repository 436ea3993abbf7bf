"""When the agent rests between two turns, and that it costs nobody much."""

import pytest

from futurefsm.client.pace import Burst, Pace


def paced(*took: float) -> Pace:
    pace = Pace()
    pace.ended(list(took))
    return pace


def test_many_tasks_that_take_long() -> None:
    assert paced(5.0, 0.9).rest(1000, 0, 1.0) == 0.010
    assert paced(0.064).rest(32, 0, 1.0) == pytest.approx(0.002)


def test_no_rest_before_anything_has_ended() -> None:
    assert Pace().rest(1000, 0, 1.0) == 0.0


def test_a_quick_task_ends_it_and_a_turn_without_one_changes_nothing() -> None:
    pace = paced(5.0)
    pace.ended([])
    assert pace.rest(1000, 0, 1.0)
    pace.ended([5.0, 0.003])
    assert pace.rest(1000, 0, 1.0) == 0.0


@pytest.mark.parametrize("took", [0.0, 0.004, 0.03, 0.1, 0.5, 2.0])
def test_it_is_a_small_part_of_what_a_task_takes(took: float) -> None:
    assert paced(took).rest(1000, 0, 1.0) <= took / 32


def test_with_few_tasks_there_is_nothing_to_gather() -> None:
    assert paced(5.0).rest(31, 0, 1.0) == 0.0


def test_large_objects_are_not_kept_waiting() -> None:
    pace = paced(5.0)
    assert pace.rest(1000, 64 * 1024, 1.0)
    # More has come or gone since.
    assert pace.rest(1000, 2**20, 1.1) == 0.0
    assert pace.rest(1000, 2**20 + 100, 1.3) == 0.0
    assert pace.rest(1000, 2**20 + 200, 1.4)


def test_a_burst_is_let_come_while_it_grows() -> None:
    burst = Burst(1.0, 0)
    assert burst.rest(64, 1.0)
    assert burst.rest(128, 1.019)
    assert burst.rest(191, 1.019) == 0.0
    assert not burst.goes_on


def test_a_burst_is_not_waited_for_longer_than_20_ms() -> None:
    burst = Burst(1.0, 0)
    assert burst.rest(1000, 1.0)
    assert burst.rest(2000, 1.0201) == 0.0
    assert burst.goes_on


def test_few_commands_are_no_burst() -> None:
    assert Burst(1.0, 0).rest(63, 1.0) == 0.0


def test_what_was_left_does_not_grow() -> None:
    burst = Burst(1.0, 900)
    assert burst.rest(963, 1.0) == 0.0
    assert not burst.goes_on
    assert Burst(1.0, 900).rest(964, 1.0)
