"""The engine's process, started by `launch.py`. Workers first, then what is slow to import.

What is imported at the top of this file is what the workers' start needs.
"""

import gc
import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from futurefsm.client.engine.nursery import Nursery, WorkerOptions

if TYPE_CHECKING:
    from futurefsm.client.engine.respawn import Respawn
    from futurefsm.client.engine.workers import WorkerPool


class Watches:
    """Descriptors that the pool wants to be watched before there is a loop to watch them."""

    def __init__(self) -> None:
        self._early: dict[int, bool] = {}
        self._server: Any = None

    def watch(self, fd: int, write: bool) -> None:
        if self._server is None:
            self._early[fd] = write
        else:
            self._server.watch_worker(fd, write)

    def unwatch(self, fd: int) -> None:
        if self._server is None:
            self._early.pop(fd, None)
        else:
            self._server.unwatch_worker(fd)

    def attach(self, server: Any) -> None:
        self._server = server
        for fd, write in self._early.items():
            server.watch_worker(fd, write)


def _start(pool: "WorkerPool", respawn: "Respawn") -> None:
    """Let the workers boot while this process imports the rest."""
    for _ in range(respawn.due(0.0)):
        try:
            respawn.started(pool.start(), time.monotonic())
        except OSError:
            # The server tries again, and tells if it cannot.
            return


def _ends(config: dict[str, Any]) -> tuple[int, ...]:
    """What says that the client's process is gone."""
    ends = [int(config["lifeline"])]
    # The pipe's other end may live on in a forked child of the client's process.
    with suppress(OSError, AttributeError):
        ends.append(os.pidfd_open(int(config["parent"])))
    return tuple(ends)


def main(config: dict[str, Any]) -> None:
    """Serve until the lifeline ends. `config` is what `launch` wrote."""
    # What is imported stays: to look for garbage among it is a tenth of the start.
    gc.disable()
    directory = str(config["directory"])
    hand = int(config.get("hand", -1))
    options = WorkerOptions(
        path=tuple(config["path"]),
        argv=tuple(config["argv"]),
        max_result_bytes=int(config["max_result_bytes"]),
        stderr=int(config["stderr"]),
        executable=str(config["executable"]),
        flags=tuple(subprocess._args_from_interpreter_flags()),  # type: ignore[attr-defined]
        scheduler=(f"ipc://{directory}/scheduler", "ymq", ""),
        start_method=str(config["start_method"]),
        hands=hand >= 0,
    )
    nursery = Nursery(options)
    import json
    import logging

    from futurefsm.client.engine.respawn import Respawn
    from futurefsm.client.engine.workers import WorkerPool

    logging.basicConfig(format="futurefsm engine: %(message)s", level=logging.WARNING)
    watches = Watches()
    pool = WorkerPool(nursery, watches.watch, watches.unwatch)
    respawn = Respawn(int(config["workers"]))
    server: Any = None
    try:
        _start(pool, respawn)
        from futurefsm.client.engine import doors
        from futurefsm.client.engine.server import Server

        server = Server(
            doors.private(directory, hand),
            pool,
            respawn,
            store_bytes=int(config["store_bytes"]),
            client_timeout_s=float(config["client_timeout_s"]),
            ends=_ends(config),
        )
        watches.attach(server)
        ready = int(config["ready"])
        os.write(ready, json.dumps({"address": server.address}).encode() + b"\n")
        os.close(ready)
        gc.freeze()
        gc.enable()
        server.serve()
    finally:
        if server is None:
            pool.close()
        else:
            server.close()
        import shutil

        shutil.rmtree(directory, ignore_errors=True)
        sys.stderr.flush()
