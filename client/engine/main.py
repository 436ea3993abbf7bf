"""The engine's process, started by `launch.py`. First it forks its fork server, so that one new
interpreter is enough for both, and both import what they need at the same time.

So what is imported at the top of this file is what every interpreter has: it is in all workers.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from futurefsm.client.engine.nursery import Nursery
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


def _start(pool: WorkerPool, respawn: Respawn) -> None:
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


def alone() -> bool:
    """Whether this process has one thread only: else a fork may copy a lock that nobody opens."""
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def _fork_server(config: dict[str, Any]) -> tuple[int, int] | None:
    """The fork server, forked from this process: its pid, and a socket of packets to it.

    None where it cannot be forked: an interpreter of its own may still be started for it. In the
    fork server: its whole life.
    """
    # What the site's packages start with every interpreter may have threads.
    if config["start_method"] != "forkserver" or not alone():
        return None
    # Both need it.
    import socket

    try:
        # Made here, and not where the engine is launched: a fork of that process would keep them.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError:
        return None
    try:
        pid = os.fork()
    except OSError:
        pid = -1
    if pid:
        theirs.close()
        if pid < 0:
            ours.close()
        return (pid, ours.detach()) if pid > 0 else None
    # As a new interpreter that was started with this socket, and nothing else.
    os.setsid()
    os.dup2(config["stderr"], 2)
    for what in ("lifeline", "ready", "stderr", "hand"):
        if config[what] >= 0:
            os.close(config[what])
    ours.close()
    sys.argv[:] = config["argv"]
    config.clear()
    from futurefsm.client.engine.forkserver import main

    main(theirs.detach())
    # It cannot fork, and has said so.
    sys.exit()


def _nursery(config: dict[str, Any], server: tuple[int, int] | None) -> Nursery:
    from futurefsm.client.engine.nursery import Nursery, WorkerOptions

    options = WorkerOptions(
        path=tuple(config["path"]),
        argv=tuple(config["argv"]),
        max_result_bytes=int(config["max_result_bytes"]),
        stderr=int(config["stderr"]),
        executable=str(config["executable"]),
        flags=tuple(config["flags"]),
        scheduler=(f"ipc://{config['directory']}/scheduler", "ymq", ""),
        start_method=str(config["start_method"]),
        hands=config.get("hand", -1) >= 0,
    )
    return Nursery(options, server)


def main(config: dict[str, Any]) -> None:
    """Serve until the lifeline ends. `config` is what `launch` wrote."""
    fork_server = _fork_server(config)
    # What is imported stays: to look for garbage among it is a tenth of the start.
    gc.disable()
    nursery = _nursery(config, fork_server)
    import logging

    from futurefsm.client.engine.respawn import Respawn
    from futurefsm.client.engine.workers import WorkerPool

    logging.basicConfig(format="futurefsm engine: %(message)s", level=logging.WARNING)
    watches = Watches()
    pool = WorkerPool(nursery, watches.watch, watches.unwatch)
    respawn = Respawn(int(config["workers"]))
    directory = str(config["directory"])
    server: Any = None
    try:
        _start(pool, respawn)
        from futurefsm.client.engine import doors
        from futurefsm.client.engine.early import CODEC
        from futurefsm.client.engine.server import Server

        server = Server(
            doors.private(directory, int(config.get("hand", -1))),
            pool,
            respawn,
            store_bytes=int(config["store_bytes"]),
            client_timeout_s=float(config["client_timeout_s"]),
            ends=_ends(config),
        )
        watches.attach(server)
        respawn.alarm.by(CODEC.begin(bytes(config.get("told", b""))))
        ready = int(config["ready"])
        os.write(ready, b"listening\n")
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
