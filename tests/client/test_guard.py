"""Errors of tasks where this package is not installed: as themselves, or told of."""

import pickle
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from futurefsm.client.errors import RemoteError
from futurefsm.client.guard import guard, guard_named
from futurefsm.client.portable import Portable
from futurefsm.client.scaler_errors import loads
from futurefsm.client.serializer import Serializer


class TwoArguments(Exception):
    """Plain pickle cannot load it: its __init__ wants more than its args."""

    def __init__(self, code: int, place: str) -> None:
        super().__init__(f"{code} at {place}")
        self.code = code


class Broken(Exception):
    """Its own pickle does not become it."""

    def __reduce__(self) -> Any:
        return (int, ("no number",))


class Unsayable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def sent(fn: Any, *args: Any) -> BaseException:
    """What a client gets of what the guarded function raises: a plain pickle of it."""
    with pytest.raises(Exception) as caught:
        guard(fn, *args)
    error = loads(pickle.dumps(caught.value, 5))
    assert isinstance(error, BaseException)
    return error


def fails(kind: Any, *args: Any) -> None:
    try:
        raise KeyError("the cause")
    except KeyError as cause:
        error = kind(*args)
        error.add_note("a note")
        raise error from cause


def test_values_pass() -> None:
    assert guard(divmod, 7, 2) == (3, 1)
    assert guard(int, "ff", base=16) == 255
    assert guard_named(int, ("base",), "ff", 16) == 255
    assert guard_named(dict, ("a", "b"), 1, 2) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("kind", "args"),
    [(ValueError, ("text",)), (TwoArguments, (7, "home")), (SystemExit, (3,)), (OSError, (2, "x"))],
)
def test_cause_notes_and_traceback(kind: Any, args: tuple[Any, ...]) -> None:
    error = sent(fails, kind, *args)
    assert type(error) is type(kind(*args))
    assert str(error) == str(kind(*args))
    assert error.__notes__ == ["a note"]
    assert isinstance(error.__cause__, KeyError)
    shown = "".join(traceback.format_exception(error))
    assert "in fails" in shown
    assert "in guard" not in shown


def test_attributes_groups_and_local_classes() -> None:
    class Local(Exception):
        pass

    local = sent(fails, Local, 1)
    assert type(local) is Local
    two = sent(fails, TwoArguments, 7, "home")
    assert isinstance(two, TwoArguments)
    assert two.code == 7
    group = sent(fails, ExceptionGroup, "both", [ValueError(1), Local(2)])
    assert isinstance(group, ExceptionGroup)
    assert [type(one) for one in group.exceptions] == [ValueError, Local]


def test_what_cannot_travel_is_told_of() -> None:
    held = sent(fails, ValueError, threading.Lock())
    assert isinstance(held, RemoteError)
    assert held.type_name == "ValueError"
    assert "cannot pickle" in held.reason
    assert "in fails" in held.remote_traceback
    broken = sent(fails, Broken, "text")
    assert isinstance(broken, RemoteError)
    assert broken.message == "text"
    assert "invalid literal" in broken.reason
    unsayable = sent(fails, Unsayable, threading.Lock())
    assert isinstance(unsayable, RemoteError)
    assert "__str__ raised ValueError" in unsayable.message


def deep(left: int) -> None:
    if left:
        deep(left - 1)
    raise ValueError("deep")


def test_a_deep_traceback_travels() -> None:
    error = sent(deep, 600)
    assert isinstance(error, ValueError)
    assert 60 < len(traceback.extract_tb(error.__traceback__)) < 200


# A worker of a real cluster: plain pickle, with what tblib installed before the class was there.
WORKER = """
import pickle, sys
import tblib.pickling_support
tblib.pickling_support.install()

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "futurefsm":
            raise ModuleNotFoundError(f"blocked: {name}")

sys.meta_path.insert(0, Block())
call = pickle.loads(sys.stdin.buffer.read())
try:
    call(5)
except Exception as error:
    sys.stdout.buffer.write(pickle.dumps(error, pickle.HIGHEST_PROTOCOL))
assert not any(name.startswith("futurefsm") for name in sys.modules)
"""


def test_it_works_where_this_package_is_not_installed(tmp_path: Path) -> None:
    class Own(Exception):
        pass

    def task(value: int) -> None:
        error = Own(value)
        error.add_note("a note")
        raise error from KeyError("cause")

    blob = Serializer(guarded=True).function(task, {})
    out = subprocess.run(
        [sys.executable, "-c", WORKER], input=blob.payload, stdout=-1, check=True, timeout=60
    )
    error = Serializer().loads_error(out.stdout)
    assert type(error) is Own
    assert error.args == (5,)
    assert error.__notes__ == ["a note"]
    assert isinstance(error.__cause__, KeyError)
    assert "in task" in "".join(traceback.format_exception(error))


def test_it_is_small() -> None:
    assert len(cloudpickle.dumps(Portable(guard))) < 16_000


def test_keywords_fail_as_everything_else() -> None:
    with pytest.raises(Exception) as caught:
        guard_named(fails, ("kind",), ValueError)
    error = loads(pickle.dumps(caught.value))
    assert isinstance(error, ValueError)
    assert "in guard_named" not in "".join(traceback.format_exception(error))
