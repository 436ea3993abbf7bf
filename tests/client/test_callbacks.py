"""The callback thread."""

import io
import logging
import subprocess
import sys
import threading
from typing import Any

import pytest

from futurefsm.client import callbacks
from futurefsm.client.callbacks import CallbackThread

PATIENCE_S = 60.0


class Subject:
    """What the thread needs of a future."""

    def __init__(self) -> None:
        self.loaded = 0

    def load(self) -> None:
        self.loaded += 1

    def describe(self) -> str:
        return "task 1234 (work)"

    def call_one(self, fn: Any) -> None:
        fn(self)


def test_in_order_on_one_thread_after_loading() -> None:
    thread, subject = CallbackThread("test"), Subject()
    heard: list[Any] = []
    done = threading.Event()

    def hear(each: Any) -> None:
        heard.append((each.loaded, threading.current_thread().name))

    thread.put(subject, [hear, hear])  # type: ignore[arg-type]
    thread.put(subject, [hear, lambda _: done.set()])  # type: ignore[arg-type]
    assert done.wait(PATIENCE_S)
    assert heard == [(1, "test-callbacks"), (1, "test-callbacks"), (2, "test-callbacks")]
    assert thread.close(PATIENCE_S) is None


def test_no_thread_without_callbacks() -> None:
    thread = CallbackThread("idle")
    # By name: threads of other tests may be about to end.
    assert not [each for each in threading.enumerate() if each.name.startswith("idle")]
    assert thread.close(0) is None
    assert thread.put(Subject(), []) is False  # type: ignore[arg-type]


def test_a_stuck_one_is_named() -> None:
    thread, gate, began = CallbackThread("test"), threading.Event(), threading.Event()

    def stuck(_: Any) -> None:
        began.set()
        gate.wait(PATIENCE_S)

    thread.put(Subject(), [stuck])  # type: ignore[arg-type]
    assert began.wait(PATIENCE_S)
    said = thread.close(0.01)
    assert said is not None
    assert "stuck" in said
    gate.set()
    assert thread.close(PATIENCE_S) is None


def test_a_slow_one_is_named_in_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(callbacks, "SLOW_S", -1.0)
    thread = CallbackThread("test")

    def slow(_: Any) -> None: ...

    with caplog.at_level(logging.WARNING):
        thread.put(Subject(), [slow])  # type: ignore[arg-type]
        thread.close(PATIENCE_S)
    assert "slow" in caplog.text
    assert "task 1234 (work)" in caplog.text


def test_closing_from_a_callback_does_not_wait_for_itself() -> None:
    thread, said = CallbackThread("test"), []
    done = threading.Event()

    def close(_: Any) -> None:
        said.append(thread.close(PATIENCE_S))
        done.set()

    thread.put(Subject(), [close])  # type: ignore[arg-type]
    assert done.wait(PATIENCE_S)
    assert said == [None]


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_nothing_that_a_callback_raises_ends_the_thread(
    raised: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    thread, heard = CallbackThread("test"), threading.Event()

    def raises(_: Any) -> None:
        raise raised

    thread.put(Subject(), [raises, lambda _: None])  # type: ignore[arg-type]
    thread.put(Subject(), [lambda _: heard.set()])  # type: ignore[arg-type]
    assert heard.wait(PATIENCE_S)
    assert thread.close(PATIENCE_S) is None
    assert "exception calling callback" in caplog.text


def test_a_value_that_cannot_be_made_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Subject):
        def load(self) -> None:
            raise SystemExit

    thread, heard = CallbackThread("test"), threading.Event()
    thread.put(Broken(), [lambda _: heard.set()])  # type: ignore[arg-type]
    assert heard.wait(PATIENCE_S)
    assert thread.close(PATIENCE_S) is None
    assert "could not be made" in caplog.text


def test_a_signal_handler_may_put_while_its_thread_puts() -> None:
    thread, heard = CallbackThread("test"), threading.Event()

    def interrupted() -> None:
        with thread._lock:
            thread.put(Subject(), [lambda _: heard.set()])  # type: ignore[arg-type]

    threading.Thread(target=interrupted, daemon=True).start()
    assert heard.wait(PATIENCE_S)
    assert thread.close(PATIENCE_S) is None


def test_callbacks_wait_for_a_thread_that_the_system_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Refused(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    heard: list[int] = []
    first, second = CallbackThread("test"), CallbackThread("test")
    with monkeypatch.context() as patch:
        patch.setattr(callbacks, "Thread", Refused)
        for thread in (first, second):
            assert thread.put(Subject(), [lambda _: heard.append(1)])  # type: ignore[arg-type]
    assert first.put(Subject(), [lambda _: heard.append(2)])  # type: ignore[arg-type]
    assert first.close(PATIENCE_S) is None
    assert heard == [1, 2]
    assert second.close(PATIENCE_S) is None
    assert heard == [1, 2, 1]


def test_what_tasks_print_comes_in_order_with_callbacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    thread, subject, seen = CallbackThread("test"), Subject(), []
    thread.say("one ", False)
    thread.say("two\n", False)
    thread.say("oops\n", True)
    thread.put(subject, [lambda _: seen.append(capsys.readouterr())])  # type: ignore[arg-type]
    thread.say("three\n", False)
    assert thread.close(PATIENCE_S) is None
    assert seen == [("one two\n", "oops\n")]
    assert capsys.readouterr().out == "three\n"
    assert thread.say("late", False) is False


def test_a_stream_that_fails_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    thread, subject, called = CallbackThread("test"), Subject(), threading.Event()
    monkeypatch.setattr("sys.stdout", io.BufferedReader(io.BytesIO()))  # type: ignore[arg-type]
    for _ in range(3):
        thread.say("lost", False)
    thread.put(subject, [lambda _: called.set()])  # type: ignore[arg-type]
    assert called.wait(PATIENCE_S)
    assert thread.close(PATIENCE_S) is None
    assert caplog.text.count("could not be written") == 1


def test_without_a_stream_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    thread = CallbackThread("test")
    monkeypatch.setattr("sys.stdout", None)
    thread.say("lost", False)
    assert thread.close(PATIENCE_S) is None
    assert caplog.text == ""


AT_EXIT = """
from futurefsm.client import callbacks, closing
from futurefsm.client.client import Client

closing.EXIT_S = callbacks.SLOW_S = 60.0  # what a busy machine may need

def late(future):
    client._agent.join()  # the script is over, and all but this callback has ended
    print(sum(range(future.result() ** 7)), flush=True)

client = Client(workers=1)
future = client.submit(pow, 2, 3)
future.add_done_callback(late)
future.result()
"""


def test_at_the_interpreters_exit_a_callback_that_runs_may_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == (f"{sum(range(8**7))}\n", "")
