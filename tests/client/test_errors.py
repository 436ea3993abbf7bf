"""Errors travel by pickle as themselves, and say what to do."""

import pickle
from typing import Any

import pytest

from futurefsm.client import errors

SAMPLES: list[tuple[type[Exception], tuple[Any, ...], str]] = [
    (errors.EngineStartError, ("no memory", "the tail"), "did not start: no memory.*the tail"),
    (errors.EngineStartError, ("no memory",), "did not start: no memory"),
    (errors.WorkerStartError, ("no python",), "the task did not run: no python"),
    (errors.TaskRefusedError, ("too many",), "refused the task, it did not run: too many"),
    (errors.ObjectStoreFullError, ("the result", 10, 95, 100), "10 bytes.*95 of 100"),
    (errors.SerializationError, ("the result", "t", "f", "why", "it[0]"), r"blame is it\[0\]"),
    (errors.UnsendableError, ("argument 1", "t", "f", "why"), "Nothing was submitted"),
    (errors.DeserializationError, ("argument 1", "f", "why"), "was not called"),
    (errors.ResultTooLargeError, ("bytes", "f", 2000, 1000), "2,000 bytes.*limit is 1,000"),
    (errors.RemoteError, ("mod.T", "text", "why", "the traceback"), "mod.T: text.*the traceback"),
    (errors.QueueFullError, ("full",), "full"),
    (errors.ForkedClientError, ("forked",), "forked"),
    (errors.InvalidReferenceError, ("deleted",), "deleted"),
    (errors.ResultUnreadableError, ("unreadable",), "unreadable"),
]


@pytest.mark.parametrize(("kind", "args", "said"), SAMPLES)
def test_travels_and_tells(kind: type[Exception], args: tuple[Any, ...], said: str) -> None:
    error = kind(*args)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    with pytest.raises(kind, match=f"(?s){said}"):
        raise again


def test_every_error_has_a_sample() -> None:
    own = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert own - {kind for kind, _, _ in SAMPLES} == {errors.EngineError}
