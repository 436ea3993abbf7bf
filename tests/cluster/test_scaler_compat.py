"""One program, run by Scaler's own client and by the drop-in, on real clusters of both backends.

Scaler's client runs in processes of its own: its backend is chosen by the environment.
"""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from futurefsm.client import scaler_compat
from tests.cluster.conftest import Cluster, need_scaler

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PROGRAM = Path(__file__).with_name("scaler_program.py")


def ran(cluster: Cluster, whose: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), cluster.address, whose],
        env={**os.environ, "SCALER_NETWORK_BACKEND": cluster.backend},
        capture_output=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.decode().rpartition("RESULT ")[2])
    return found


@pytest.mark.parametrize("backend", ["ymq", pytest.param("zmq", marks=pytest.mark.cluster_long)])
def test_the_same_program_gives_the_same(
    backend: str, cluster_of: Callable[[str], Cluster]
) -> None:
    cluster = cluster_of(backend)
    theirs = ran(cluster, "scaler.Client")
    ours = ran(cluster, "futurefsm.client.scaler_compat.Client")
    assert ours == theirs
    assert len(ours) > 20


METHODS = [
    "__init__",
    "submit",
    "submit_verbose",
    "map",
    "starmap",
    "get",
    "send_object",
    "clear",
    "disconnect",
    "shutdown",
    "__enter__",
    "__exit__",
]


def shape(method: Any) -> list[tuple[str, Any, Any]]:
    plain = (int, str, bool, type(None), type(inspect.Parameter.empty))
    return [
        (each.name, each.kind, each.default if isinstance(each.default, plain) else "an object")
        for each in inspect.signature(method).parameters.values()
    ]


@pytest.mark.parametrize("name", METHODS)
def test_signatures(name: str) -> None:
    need_scaler()
    import scaler

    theirs = getattr(scaler.Client, name)
    assert shape(getattr(scaler_compat.Client, name)) == shape(theirs)


def test_nothing_public_is_missing() -> None:
    need_scaler()
    import scaler

    for theirs, ours in (
        (scaler.Client, scaler_compat.Client),
        (scaler.ScalerFuture, scaler_compat.ScalerFuture),
    ):
        public = {name for name in dir(theirs) if not name.startswith("_")}
        # What Scaler's own machinery calls, and no user.
        public -= {"force_set_canceled"}
        assert public <= set(dir(ours)) | {"set_canceled"}
