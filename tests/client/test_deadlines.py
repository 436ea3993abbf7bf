"""The first of several deadlines."""

from math import inf

import pytest

from futurefsm.client.deadlines import AT_ONCE, Alarm, earliest


@pytest.mark.parametrize(
    ("times", "first"),
    [
        ((), None),
        ((None, None), None),
        ((None, 2.0), 2.0),
        ((0.0, None), 0.0),
        ((3.0, None, 1.0, 2.0), 1.0),
    ],
)
def test_the_first_of_those_that_there_are(
    times: tuple[float | None, ...], first: float | None
) -> None:
    assert earliest(*times) == first


def test_an_alarm_rings_at_the_first_time_and_may_be_set_anew() -> None:
    alarm = Alarm()
    assert alarm.at == inf
    alarm.by(3.0)
    alarm.by(5.0)
    assert alarm.at == 3.0
    alarm.by(AT_ONCE)
    assert alarm.at < 0.0
    alarm.set(7.0)
    assert alarm.at == 7.0
    alarm.set(None)
    assert alarm.at == inf
