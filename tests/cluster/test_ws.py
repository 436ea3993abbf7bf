"""WebSocket to a real Scaler: ws://."""

import operator
from collections.abc import Iterator

import pytest

from futurefsm.client.client import Client
from tests.cluster.conftest import PATIENCE_S, Cluster, running_cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    log = tmp_path_factory.mktemp("scaler") / "log"
    with running_cluster("ymq", log, n_workers=1, scheme="ws") as made:
        yield made


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Client]:
    made = Client(cluster.address, timeout=PATIENCE_S)
    yield made
    made.disconnect(timeout=10)


def test_values_large_and_small(client: Client) -> None:
    assert list(client.map(operator.add, range(9), range(9))) == [2 * n for n in range(9)]
    payload = bytes(range(256)) * 40_000
    assert client.submit(bytes.upper, payload).result(PATIENCE_S) == payload.upper()
    assert client.violations == 0


def test_another_path(cluster: Cluster) -> None:
    """Scaler answers on every path."""
    with Client(f"{cluster.address}/some/path", timeout=PATIENCE_S) as made:
        assert made.submit(operator.add, 1, 2).result(PATIENCE_S) == 3
