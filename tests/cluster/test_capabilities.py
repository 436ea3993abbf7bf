"""Tasks that say what their worker must have, on a scheduler that looks."""

from collections.abc import Callable

import pytest

from tests.cluster.conftest import PATIENCE_S, Cluster

pytestmark = [pytest.mark.slow, pytest.mark.cluster_long, pytest.mark.timeout(180)]


def test_a_task_waits_for_a_worker_that_has_it(private_cluster: Callable[..., Cluster]) -> None:
    cluster = private_cluster(
        "zmq",
        n_workers=1,
        per_worker_capabilities={"gpu": -1},
        policy="allocate=capability; scaling=vanilla",
    )
    client = cluster.client()
    try:
        # While no worker has registered, Scaler 2.9 lets a task that none can run block the others.
        assert client.submit(abs, -1).result(PATIENCE_S) == 1
        nowhere = client.options(capabilities=["quantum"]).submit(abs, -1)
        for wish in ({"gpu": 5}, ["gpu"], {}):
            behind = client.submit_verbose(abs, (-2,), capabilities=wish)
            assert behind.result(PATIENCE_S) == 2
        # It came first, and waits.
        assert not nowhere.done()
        assert nowhere.cancel(PATIENCE_S)
        assert nowhere.cancel_outcome == "confirmed"
    finally:
        client.disconnect(timeout=10)
