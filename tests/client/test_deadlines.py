"""The first of several deadlines."""

import pytest

from futurefsm.client.deadlines import earliest


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
