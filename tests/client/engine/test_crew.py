"""The workers, as the scheduler sees them."""

from math import inf

from futurefsm.client.deadlines import AT_ONCE, Alarm
from futurefsm.client.engine.backlog import Client, Task
from futurefsm.client.engine.crew import EXTRA_IDLE_S, EXTRA_MAX, Crew
from futurefsm.protocol import messages as m

CLIENT = Client(b"Client|me", 0.0)


def task(priority: int) -> Task:
    return Task(CLIENT, m.Task(b"t", CLIENT.identity, b"", b"f"), priority, 0)


def crew(size: int, *running: int) -> Crew:
    made = Crew(size, Alarm())
    for number in range(max(size, len(running))):
        made.started(number, 0.0)
    for priority in running:
        made.busy(made.take(), task(priority))
    return made


def test_nobody_said_how_many() -> None:
    one = crew(0, 0)
    assert not one.wants_extra(9)
    assert one.died(0)[1]
    assert one.deadline() is None


def test_only_for_what_is_more_urgent() -> None:
    assert not crew(1, 5).wants_extra(5)
    assert not crew(1, 5).wants_extra(4)
    assert crew(1, 5).wants_extra(6)
    # One is paused, so to speak; the other works on what is as urgent.
    assert crew(2, 0, 6).wants_extra(6)
    assert not crew(2, 6, 6).wants_extra(6)


def test_not_while_one_is_being_started() -> None:
    one = crew(1, 0)
    one.extra()
    assert not one.wants_extra(1)
    one.started(1, 0.0)
    one.busy(one.take(), task(1))
    assert not one.wants_extra(1)
    assert one.wants_extra(2)


def test_there_is_a_bound() -> None:
    one = crew(1, 0)
    for depth in range(1, EXTRA_MAX + 1):
        assert one.wants_extra(depth)
        one.extra()
        one.started(depth, 0.0)
        one.busy(one.take(), task(depth))
    assert not one.wants_extra(EXTRA_MAX + 1)


def test_a_death_is_answered_by_a_start_as_long_as_they_are_too_few() -> None:
    one = crew(1, 0)
    one.extra()
    one.started(1, 0.0)
    first, again = one.died(0)
    assert (first is not None, again) == (True, False)
    assert one.died(1) == (None, True)


def test_those_that_are_too_many_go_the_longest_idle_first() -> None:
    one = crew(1, 0)
    for number in (1, 2):
        one.extra()
        one.started(number, float(number))
    assert one.deadline() == 1.0 + EXTRA_IDLE_S
    assert one.retire(1.0) == []
    assert one.retire(100.0) == [1, 2]
    assert one.doomed == {1, 2}
    assert one.deadline() is None
    # They are on their way out, and nobody being started.
    assert one.wants_extra(1)
    assert one.died(1) == (None, False)
    assert one.died(2) == (None, False)
    assert one.died(0)[1]


def test_one_too_many_goes_as_well() -> None:
    one = crew(1, 0)
    assert one.deadline() is None
    one.extra()
    one.started(1, 1.0)
    assert one.deadline() == 1.0 + EXTRA_IDLE_S
    assert one.retire(100.0) == [1]


def test_a_doomed_one_is_not_free() -> None:
    one = crew(1, 0)
    one.doomed.add(0)
    one.freed(0, 1.0)
    assert one.idle == 0


def test_a_dying_one_is_not_free_whatever_it_says() -> None:
    one = crew(2, 0)
    one.dying(0)
    assert one.idle == 0
    one.dying(1)
    one.started(1, 1.0)
    assert one.idle == 0
    assert one.died(1) == (None, True)
    assert one.doomed == {0}


class Counted(int):
    """A priority that counts how often it is compared."""

    compared = 0

    def __lt__(self, other: int) -> bool:
        Counted.compared += 1
        return int(self) < int(other)

    def __ge__(self, other: int) -> bool:
        Counted.compared += 1
        return int(self) >= int(other)


def test_the_question_for_an_extra_one_does_not_look_at_all_that_runs() -> None:
    """It is asked at every message while nobody is idle."""
    one = crew(1000, *map(Counted, range(1000)))
    Counted.compared = 0
    assert one.wants_extra(Counted(500))
    assert not one.wants_extra(Counted(0))
    assert Counted.compared <= 2 * 10
    one.freed(300, 1.0)
    assert Counted.compared <= 3 * 10


def test_its_alarm_rings_when_one_is_too_many() -> None:
    alarm = Alarm()
    one = Crew(1, alarm)
    one.started(0, 0.0)
    one.busy(one.take(), task(0))
    assert alarm.at == inf
    one.extra()
    assert alarm.at == AT_ONCE
    alarm.set(one.deadline())
    assert alarm.at == inf
    one.started(1, 5.0)
    assert alarm.at == one.deadline() == 5.0 + EXTRA_IDLE_S
