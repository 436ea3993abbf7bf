"""The drop-in for `scaler.Client`, on a scheduler that answers as the test says."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from futurefsm.client import scaler_compat as compat
from futurefsm.client.errors import InvalidReferenceError
from futurefsm.client.scaler_errors import THEIRS
from futurefsm.fsm.errors import ClientClosedError, ConnectionLostError
from futurefsm.protocol import messages as m
from futurefsm.protocol.task_flags import Profile, TaskFlags
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


@pytest.fixture
def drop_in(scheduler: ScriptedScheduler) -> Iterator[compat.Client]:
    made = compat.Client(scheduler.address)
    yield made
    made._client.disconnect(timeout=0)


def test_no_address_outside_of_tasks() -> None:
    with pytest.raises(ValueError, match="no scheduler address"):
        compat.Client()


def test_futures(drop_in: compat.Client, scheduler: ScriptedScheduler) -> None:
    future = drop_in.submit(abs, -1)
    assert isinstance(future, compat.ScalerFuture)
    assert drop_in.identity.startswith(b"Client|")
    assert "Client" in repr(drop_in)
    task = scheduler.expect(m.Task)
    with pytest.raises(ValueError, match="nothing is known yet"):
        future.profiling_info()
    with pytest.raises(TimeoutError, match="no answer to its cancel"):
        future.cancel(timeout=0.01)
    scheduler.confirm(task, m.CancelConfirmType.CANCELED)
    assert future.cancel()
    with pytest.raises(ValueError, match="nothing is known yet"):
        future.profiling_info()
    future = drop_in.submit_verbose(abs, (-1,), {}, {"gpu": 1}, True)
    task = scheduler.expect(m.Task)
    assert task.capabilities == (m.TaskCapability("gpu", 1),)
    object_id = scheduler.new_object_id()
    scheduler.store(object_id, 1)
    profile = Profile(0.5, 7, 0.25).pack()
    scheduler.send(m.TaskResult(task.task_id, m.TaskResultType.SUCCESS, profile, (object_id,)))
    assert future.result(PATIENCE_S) == 1
    assert future.profiling_info() == compat.ProfileResult(0.5, 7, 0.25)
    assert future.cancel() is False
    assert future.result() == 1


def test_map_gives_lists(drop_in: compat.Client) -> None:
    assert drop_in.map(abs, []) == []
    assert drop_in.starmap(abs, []) == []
    with pytest.raises(TypeError, match="at least one iterable"):
        drop_in.map(abs)
    with pytest.raises(KeyError, match="twice"):
        drop_in.get({"a": 1}, ["a", "a"])


def test_errors_are_scalers_too(drop_in: compat.Client, scheduler: ScriptedScheduler) -> None:
    theirs = pytest.importorskip(THEIRS)
    reference = drop_in.send_object([1])
    drop_in.clear()
    with pytest.raises(theirs.MissingObjects) as missing:
        drop_in.submit(len, reference)
    assert isinstance(missing.value, InvalidReferenceError)
    assert type(pickle.loads(pickle.dumps(missing.value))) is InvalidReferenceError
    future = drop_in.submit(abs, -1)
    scheduler.expect(m.Task)
    scheduler.cut_storage()
    with pytest.raises(theirs.DisconnectedError) as lost:
        future.result(PATIENCE_S)
    assert isinstance(lost.value, ConnectionLostError)
    assert "Story:" in str(lost.value)
    assert str(pickle.loads(pickle.dumps(lost.value))) == str(lost.value)
    assert isinstance(future.exception(), theirs.DisconnectedError)
    with pytest.raises(theirs.ClientQuitException) as quit_:
        drop_in.submit(abs, -1)
    assert isinstance(quit_.value, ClientClosedError)
    drop_in.shutdown()


@pytest.mark.parametrize("accepted", [True, False])
def test_shutdown(scheduler: ScriptedScheduler, accepted: bool) -> None:
    from threading import Thread

    client, said = compat.Client(scheduler.address), []

    def shut() -> None:
        try:
            said.append(client.shutdown())
        except ValueError as error:
            said.append(error)  # type: ignore[arg-type]

    asking = Thread(target=shut)
    asking.start()
    assert scheduler.expect(m.ClientDisconnect).disconnect_type is m.DisconnectType.SHUTDOWN
    scheduler.send(m.ClientShutdownResponse(accepted))
    asking.join(PATIENCE_S)
    assert [type(each) for each in said] == [type(None) if accepted else ValueError]
    with pytest.raises(ClientClosedError):
        client.submit(abs, 1)


class Tagged:
    def serialize(self, obj: Any) -> bytes:
        return b"T" + pickle.dumps(obj)

    def deserialize(self, payload: bytes) -> Any:
        return pickle.loads(payload[1:])


def test_it_travels_with_its_serializer(scheduler: ScriptedScheduler) -> None:
    made = compat.Client(scheduler.address, False, 20, 3, Tagged(), True)
    there = pickle.loads(pickle.dumps(made))
    try:
        there.submit(abs, -1)
        task = scheduler.expect(m.Task)
        assert TaskFlags.unpack(task.metadata).stream_output
        assert isinstance(there._made_with[4], Tagged)
        assert there._client._agent.timeout == 20
    finally:
        made._client.disconnect(timeout=0)
        there._client.disconnect(timeout=0)


def test_the_default_serializer_is_none() -> None:
    assert compat._is_default(compat.DefaultSerializer())
    assert not compat._is_default(Tagged())
    default = compat.DefaultSerializer
    assert default.deserialize(default.serialize({"a": 1})) == {"a": 1}


BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "scaler":
            raise ModuleNotFoundError(f"blocked: {name}")

sys.meta_path.insert(0, Block())
from futurefsm.client import scaler_compat
from futurefsm.fsm.errors import ClientClosedError
client = scaler_compat.Client(sys.argv[1])
client.disconnect()
try:
    client.submit(abs, 1)
except ClientClosedError as error:
    print(type(error).__mro__[1].__name__)
"""


def test_without_scaler(scheduler: ScriptedScheduler) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, scheduler.address], stdout=-1, check=True, timeout=60
    )
    assert done.stdout.decode().strip() == "_WithStory"
