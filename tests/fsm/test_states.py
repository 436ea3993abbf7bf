"""States: names with facts."""

import copy
import pickle

import pytest

from futurefsm.fsm import states as st
from futurefsm.fsm.states import State


def test_a_state_is_its_name() -> None:
    assert st.PENDING == "pending"
    assert hash(st.PENDING) == hash("pending")
    assert {"pending": 1}[st.PENDING] == 1
    assert repr(st.PENDING) == "<State pending>"
    assert f"{st.PENDING}" == "pending"


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_keep_the_facts(copied: object) -> None:
    for state in (st.CANCEL_REQUESTED, st.CANCELLED):
        other = copied(state)  # type: ignore[operator]
        assert type(other) is State
        assert other.__getnewargs_ex__() == state.__getnewargs_ex__()


def test_bad_names_and_views() -> None:
    with pytest.raises(ValueError, match="identifier, not 'two words'"):
        State("two words")
    with pytest.raises(ValueError, match="view 'DONE' is none of PENDING, RUNNING"):
        State("done", view="DONE")


def test_is_cancelled() -> None:
    assert st.CANCELLED.is_cancelled
    assert State("c", view=st.CANCELLED_VIEW).is_cancelled
    assert not st.FINISHED.is_cancelled
    assert not st.CANCEL_REQUESTED.is_cancelled
    assert not st.NONE.is_cancelled


def test_views_are_the_standard_library_s() -> None:
    from concurrent.futures import _base

    assert list(st.VIEWS) == _base._FUTURE_STATES  # type: ignore[attr-defined]
