"""What tasks raise arrives as itself: on the engine, and from real workers of both backends."""

import os
import signal
import sys
import threading
import traceback
import types
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.errors import DeserializationError, RemoteError
from futurefsm.fsm.errors import WorkerDiedError
from tests.cluster.conftest import PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Overdrawn(Exception):
    """Importable; its __init__ wants more than its args hold."""

    def __init__(self, account: str, by: int) -> None:
        super().__init__(f"{account} by {by}")
        self.account = account
        self.by = by


def withdraw() -> None:
    try:
        raise KeyError("the cause")
    except KeyError as cause:
        error = Overdrawn("savings", 7)
        error.add_note("a note")
        raise error from cause


MAIN = """
class Mine(Exception):
    pass

def fail(value):
    error = Mine(value)
    error.add_note("a note")
    raise error from ValueError("cause")
"""


def test_a_class_of_a_module(client: Client) -> None:
    error = client.submit(withdraw).exception(PATIENCE_S)
    assert type(error) is Overdrawn
    assert (error.account, error.by, str(error)) == ("savings", 7, "savings by 7")
    assert error.__notes__ == ["a note"]
    assert repr(error.__cause__) == "KeyError('the cause')"
    shown = "".join(traceback.format_exception(error))
    assert "in withdraw" in shown
    assert "direct cause" in shown


def test_a_class_of_main(client: Client) -> None:
    main: Any = types.ModuleType("__main__")
    exec(MAIN, vars(main))
    with pytest.raises(main.Mine) as caught:
        client.submit(main.fail, 5).result(PATIENCE_S)
    assert caught.value.args == (5,)
    assert caught.value.__notes__ == ["a note"]
    assert isinstance(caught.value.__cause__, ValueError)
    assert "in fail" in "".join(traceback.format_exception(caught.value))


def test_exits_and_interrupts_are_errors_like_others(client: Client) -> None:
    error = client.submit(sys.exit, 3).exception(PATIENCE_S)
    assert isinstance(error, SystemExit)
    assert error.code == 3

    def interrupted() -> None:
        raise KeyboardInterrupt

    assert isinstance(client.submit(interrupted).exception(PATIENCE_S), KeyboardInterrupt)


def test_groups(client: Client) -> None:
    def fail() -> None:
        raise ExceptionGroup("both", [ValueError(1), Overdrawn("a", 2)])

    error = client.submit(fail).exception(PATIENCE_S)
    assert isinstance(error, ExceptionGroup)
    assert isinstance(error.exceptions[1], Overdrawn)


def test_what_cannot_travel_is_told_of(client: Client) -> None:
    def fail() -> None:
        raise ValueError("held", threading.Lock())

    error = client.submit(fail).exception(PATIENCE_S)
    assert isinstance(error, RemoteError)
    assert error.type_name == "ValueError"
    assert "held" in error.message
    assert "in fail" in error.remote_traceback


def test_a_result_that_cannot_travel_names_its_task(client: Client) -> None:
    future = client.submit(threading.Lock)
    error = future.exception(PATIENCE_S)
    assert isinstance(error, TypeError)
    told = str(error) + "".join(getattr(error, "__notes__", []))
    # Ours names the function; what a cluster sends has a note of the client's.
    assert "lock" in told
    assert future.describe() in told or "the result of" in told


class Unloadable:
    def __reduce__(self) -> Any:
        return (int, ("no number",))


def test_an_argument_that_becomes_no_object(client: Client) -> None:
    error = client.submit(id, Unloadable()).exception(PATIENCE_S)
    assert isinstance(error, DeserializationError)
    assert "no number" in str(error)


def kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_killed(client: Client) -> None:
    error = client.submit(kill_myself).exception(PATIENCE_S)
    assert isinstance(error, WorkerDiedError)
    assert error.exit_code == -signal.SIGKILL
    assert "SIGKILL" in str(error)
    assert client.submit(abs, -1).result(PATIENCE_S) == 1


def test_errors_of_keywords_and_chunks(client: Client) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        client.submit(int, "x", base=10).result(PATIENCE_S)
    results = client.map(int, ["1", "2", "x"], chunksize=3)
    with pytest.raises(ValueError, match="invalid literal"):
        next(results)
