"""TLS to a real Scaler that asks for it: tls:// and wss://."""

import math
import operator
import re
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import authority, local

from futurefsm.client.client import Client
from futurefsm.fsm.errors import ConnectionLostError
from tests.cluster.conftest import PATIENCE_S, Cluster, running_cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module", params=["tls", "wss"])
def secured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A cluster with a certificate for 127.0.0.1, signed by the tests' authority."""
    own = local()
    log = tmp_path_factory.mktemp("scaler") / "log"
    security = {"tls_cert": own.certificate, "tls_key": own.key}
    options: dict[str, Any] = {"n_workers": 1, "scheme": request.param, "security": security}
    with running_cluster("ymq", log, **options) as cluster:
        yield cluster


@pytest.fixture
def connect(secured: Cluster) -> Iterator[Callable[..., Client]]:
    """Clients without `backend`: the scheme says it."""
    made: list[Client] = []

    def make(**options: Any) -> Client:
        made.append(Client(secured.address, **{"timeout": PATIENCE_S, **options}))
        return made[-1]

    yield make
    for each in made:
        each.disconnect(timeout=10)


def still_works(connect: Callable[..., Client]) -> None:
    client = connect(tls=authority().path)
    assert client.submit(math.sqrt, 16).result(PATIENCE_S) == 4.0


def test_a_ca_file(connect: Callable[..., Client]) -> None:
    client = connect(tls=Path(authority().path))
    assert list(client.map(operator.add, range(9), range(9))) == [2 * n for n in range(9)]
    payload = bytes(range(256)) * 40_000
    assert client.submit(bytes.upper, payload).result(PATIENCE_S) == payload.upper()
    assert client.violations == 0


def test_a_context_of_ones_own(connect: Callable[..., Client]) -> None:
    context = ssl.create_default_context(cafile=authority().path)
    client = connect(tls=context)
    assert client.submit(operator.add, 1, 2).result(PATIENCE_S) == 3


@pytest.mark.parametrize("tls", [None, "other"])
def test_nobody_vouches_for_it(connect: Callable[..., Client], tls: str | None) -> None:
    with pytest.raises(ConnectionLostError, match=r"is not trusted here.*tls='ca\.pem'") as raised:
        connect(tls=None if tls is None else authority(tls).path)
    assert "broke the protocol" not in str(raised.value)
    # Other clients' cluster lives on: with an alert of TLS, Scaler 2.9 would not.
    still_works(connect)


def test_by_name(secured: Cluster) -> None:
    """The certificate bears the name as well as the address that the scheduler's echo has."""
    named = secured.address.replace("127.0.0.1", "localhost")
    with Client(named, tls=authority().path, timeout=PATIENCE_S) as client:
        assert client.submit(operator.add, 1, 2).result(PATIENCE_S) == 3


def test_a_ca_file_that_is_none(secured: Cluster, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"missing\.pem cannot be read: No such file"):
        Client(secured.address, tls=tmp_path / "missing.pem")


def test_a_plain_client_harms_nobody(secured: Cluster, connect: Callable[..., Client]) -> None:
    """Scaler 2.9 dies of a plain YMQ or ZeroMQ greeting on a port of TLS: ours waits for its."""
    plain = re.sub("^[a-z]+", "tcp", secured.address)
    for backend in ("ymq", None):
        with pytest.raises(ConnectionLostError):
            Client(plain, backend=backend, timeout=1)
        still_works(connect)
