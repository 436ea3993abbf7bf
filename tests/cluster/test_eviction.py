"""A client that a real scheduler has forgotten, because it heard nothing of it for too long."""

import time
from collections.abc import Callable

import pytest

from futurefsm.client.inbox import Asked
from futurefsm.fsm.errors import CancelledError
from tests.cluster.conftest import PATIENCE_S, Cluster

# Whole clusters of their own, and seconds of silence.
pytestmark = [pytest.mark.slow, pytest.mark.cluster_long, pytest.mark.timeout(180)]

# What the scheduler allows, and how long the client is silent: it looks once a second, and needs
# three to stop what runs.
ALLOWED_S = 3
SILENCE_S = 9.0


@pytest.mark.parametrize("backend", ["ymq", "zmq"])
def test_it_goes_on_all_the_same(backend: str, private_cluster: Callable[..., Cluster]) -> None:
    cluster = private_cluster(backend, client_timeout_seconds=ALLOWED_S)
    factor = 3

    def times(value: bytes, count: int) -> bytes:
        return value * count * factor

    with cluster.client(heartbeat_interval=1.0) as client:
        shared = b"a repeated argument" * 100
        assert client.submit(times, shared, 2).result(PATIENCE_S) == shared * 6
        sleeping = client.submit(time.sleep, 100)
        other = client.submit(times, shared, 1)
        assert other.result(PATIENCE_S) == shared * 3
        # The thread that sends heartbeats stands still, as all of a stopped process does.
        agent = client._agent
        assert agent.inbox.put(Asked(lambda: time.sleep(SILENCE_S)))
        with pytest.raises(CancelledError):
            sleeping.result(PATIENCE_S)
        assert sleeping.cancel_outcome == "by_scheduler"
        # The function and the argument were uploaded once, and are gone with the serializer.
        assert client.submit(times, shared, 2).result(PATIENCE_S) == shared * 6
        assert client.submit(times, b"x", 1).result(PATIENCE_S) == b"xxx"
        assert client.violations == 0
