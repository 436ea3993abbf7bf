"""The end of a whole cluster: refused by a protected one, final for another."""

import time
from collections.abc import Callable

import pytest

from futurefsm.fsm.errors import ClientClosedError
from tests.cluster.conftest import BACKENDS, PATIENCE_S, Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_a_protected_cluster_refuses(cluster: Cluster) -> None:
    client = cluster.client()
    try:
        assert client.shutdown_cluster(PATIENCE_S) is False
        assert client.submit(abs, -1).result(PATIENCE_S) == 1
    finally:
        client.disconnect(timeout=10)


@pytest.mark.parametrize("backend", BACKENDS)
def test_another_ends(backend: str, private_cluster: Callable[..., Cluster]) -> None:
    cluster = private_cluster(backend, n_workers=1, protected=False)
    client = cluster.client()
    future = client.submit(time.sleep, 100)
    assert client.shutdown_cluster(PATIENCE_S) is True
    assert future.cancelled()
    assert future.cancel_outcome == "disconnected"
    with pytest.raises(ClientClosedError):
        client.submit(abs, -1)
