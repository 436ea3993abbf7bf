"""Effects: names with a performer."""

import pickle

import pytest

from futurefsm.fsm import effects as fx
from futurefsm.fsm.effects import Effect
from futurefsm.fsm.lifecycles import LIFECYCLES


def test_an_effect_is_its_name() -> None:
    assert fx.NOTIFY == "notify"
    assert repr(fx.NOTIFY) == "<Effect notify>"


def test_copies_keep_the_facts() -> None:
    other = pickle.loads(pickle.dumps(fx.NOTIFY))
    assert type(other) is Effect
    assert (other.performer, other.means) == (fx.FUTURE, fx.NOTIFY.means)


def test_bad_effects() -> None:
    with pytest.raises(ValueError, match="identifier"):
        Effect("send-task")
    with pytest.raises(ValueError, match="performer must be 'future' or 'wire'"):
        Effect("send_task", performer="nobody")


def test_every_effect_is_used() -> None:
    for lifecycle in LIFECYCLES:
        if lifecycle.name != "confirmed":  # client_closed_error is STRICT's alone
            named = {effect for row in lifecycle.rows for effect in row.effects}
            left = set(lifecycle.effects) - named
            assert left <= {"send_cancel", "discard_value"}, lifecycle


def test_in_words() -> None:
    assert fx.in_words((fx.DELETE_RESULT, fx.NOTIFY, fx.ANNOUNCE)) == ["delete result", "notify"]
    assert fx.in_words((fx.ANNOUNCE,)) == ["announce"]
    assert fx.in_words((fx.NOTIFY,)) == ["notify"]
    assert fx.in_words(()) == []
