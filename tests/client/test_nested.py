"""Where a client inside a task connects to, and how urgent its tasks are."""

import os
import pickle
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import authority

from futurefsm.client import nested
from futurefsm.client.client import Client
from futurefsm.client.engine import context
from futurefsm.client.errors import EngineError
from futurefsm.fsm.lifecycles import STRICT
from futurefsm.protocol import messages as m
from futurefsm.protocol.task_flags import PRIORITY_MAX, TaskFlags
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


@pytest.fixture
def in_task(scheduler: ScriptedScheduler) -> Iterator[None]:
    """As in a task of an engine at the scripted scheduler."""
    context.enter(context.Context(scheduler.address, "zmq", 4))
    yield
    context.enter(None)


def test_outside_of_tasks() -> None:
    assert nested.surroundings() is None
    assert nested.priority() == 0
    assert nested.found(None, None, None) == (None, None, None)
    assert nested.found("tcp://a:1", "ymq", "tcp://a:2") == ("tcp://a:1", "ymq", "tcp://a:2")


@pytest.mark.usefixtures("in_task")
def test_inside_of_a_task_it_finds_the_tasks_scheduler(scheduler: ScriptedScheduler) -> None:
    with Client(timeout=PATIENCE_S) as client:
        future = client.submit(abs, -1)
        task = scheduler.expect(m.Task)
        assert TaskFlags.unpack(task.metadata).priority == 5
        scheduler.result(task, 1)
        assert future.result(PATIENCE_S) == 1
        future = client.options(priority=1).submit(abs, -1)
        task = scheduler.expect(m.Task)
        assert TaskFlags.unpack(task.metadata).priority == 1
        scheduler.result(task, 1)


@pytest.mark.usefixtures("in_task")
def test_what_was_asked_for_counts() -> None:
    found = nested.found("tcp://a:1", None, None)
    assert found == ("tcp://a:1", None, None)
    with Client(workers=1) as client:
        # An engine of its own.
        assert client.submit(os.getpid).result(PATIENCE_S) != os.getpid()


def test_the_most_urgent_task_has_children_too(scheduler: ScriptedScheduler) -> None:
    context.enter(context.Context(scheduler.address, "zmq", PRIORITY_MAX))
    try:
        assert nested.priority() == PRIORITY_MAX
    finally:
        context.enter(None)


PROCESSOR = """
import multiprocessing, sys, threading, types

class Task:
    metadata = {metadata!r}

class Processor(multiprocessing.process.BaseProcess):
    task = Task
    scheduler_address = lambda self: "tcp://127.0.0.1:1"
    object_storage_address = lambda self: "tcp://127.0.0.1:2"
    current_task = lambda self: self.task

module = types.ModuleType("p")
module.Processor = Processor
sys.modules["scaler.worker.agent.processor.processor"] = module
from futurefsm.client import nested
assert nested.surroundings() is None
multiprocessing.process._current_process = Processor()

def look():
    around = nested.surroundings()
    assert around[:2] == ("tcp://127.0.0.1:1", "tcp://127.0.0.1:2"), around
    print(nested.priority())

look()
thread = threading.Thread(target=look)
thread.start()
thread.join()
Processor.task = None
look()
"""


@pytest.mark.parametrize(
    ("metadata", "said"),
    [(TaskFlags(priority=6).pack(), "7 7 1"), (b"", "1 1 1"), (b"no flags", "1 1 1")],
)
def test_inside_of_a_scaler_processor_also_in_threads(metadata: bytes, said: str) -> None:
    code = PROCESSOR.format(metadata=metadata)
    done = subprocess.run([sys.executable, "-c", code], stdout=-1, check=True, timeout=60)
    assert done.stdout.decode().split() == said.split()


class Reversed:
    """A serializer of a user's own."""

    def serialize(self, obj: Any) -> bytes:
        return pickle.dumps(obj)[::-1]

    def deserialize(self, payload: bytes) -> Any:
        return pickle.loads(payload[::-1])


def test_a_client_travels_with_its_settings(scheduler: ScriptedScheduler) -> None:
    made = Client(
        scheduler.address,
        lifecycle=STRICT,
        cancel_timeout=None,
        timeout=PATIENCE_S,
        serializer=Reversed(),
        stream_output=True,
        heartbeat_interval=3.0,
    )
    there = pickle.loads(pickle.dumps(made))
    view = pickle.loads(pickle.dumps(made.options(priority=3)))
    try:
        assert there._made_with.keys() == made._made_with.keys()
        assert isinstance(there._made_with["serializer"], Reversed)
        for name in ("address", "lifecycle", "cancel_timeout", "timeout", "heartbeat_interval"):
            assert there._made_with[name] == made._made_with[name]
        there.submit(abs, -1)
        assert TaskFlags.unpack(scheduler.expect(m.Task).metadata).stream_output
        view.submit(abs, -1)
        assert TaskFlags.unpack(scheduler.expect(m.Task).metadata).priority == 3
    finally:
        for client in (made, there, view._of):
            client.disconnect(timeout=0)


def test_an_ssl_context_cannot_travel(client: Client) -> None:
    client._made_with["tls"] = ssl.create_default_context()
    with pytest.raises(TypeError, match="the path of a CA file"):
        pickle.dumps(client)


def test_the_contents_of_a_ca_file_travel(client: Client) -> None:
    path = authority().path
    client._made_with["tls"] = path
    _, (_, state, _) = client.__reduce__()
    assert state["tls"] == Path(path).read_text()
    assert client._made_with["tls"] == path


def test_a_client_of_an_embedded_engine_is_its_own_tasks(cluster: Client) -> None:
    with pytest.raises(EngineError, match="outside of that engine's tasks"):
        pickle.loads(pickle.dumps(cluster))
