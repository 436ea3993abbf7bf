"""The fork server: a clean interpreter that has imported what workers need, and forks them.

It is no copy of the user's process, and runs none of the user's code: a worker begins as if its
interpreter had been started for it, 2 ms after it was asked for instead of 60. Light, as the worker
is: no zmq, capnp or transitions.

A worker is forked twice, and the process between the two ends at once: so the engine, which adopts
what is left behind (`nursery.py`), is every worker's parent, and this process may end at any time.
"""

from __future__ import annotations

import gc
import marshal
import os
import signal
import socket
import sys
from importlib import import_module

from futurefsm.client.engine import worker
from futurefsm.client.engine.main import alone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

HELLO = -1
"""In the place of a worker's number: whether this process can fork, told once."""

REQUEST_BYTES = 65536
_FDS = 5
_CANNOT = 71


def main(fd: int) -> None:
    """Fork a worker for each request until the engine is gone. In a worker: its whole life.

    Args:
        fd: a socket of packets to the engine.
    """
    # There is no garbage among what is imported.
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = socket.socket(fileno=fd)
    for name in worker.WARM:
        import_module(name)
    # What the site's packages start with every interpreter (a tracer, a debugger) may have threads.
    forks = alone()
    try:
        engine.send(marshal.dumps((HELLO, int(forks))))
        if forks:
            serve(engine)
    except ConnectionError:
        # The engine was killed: nobody wants workers, nor a traceback from each on its way.
        os._exit(0)


def serve(engine: socket.socket) -> NoReturn:
    """The loop of `main`."""
    # The collector leaves alone what is shared, so that it stays shared.
    gc.freeze()
    gc.enable()
    while True:
        data, fds, _, _ = socket.recv_fds(engine, REQUEST_BYTES, _FDS)
        if not data:
            os._exit(0)
        number, max_result_bytes, scheduler, at = marshal.loads(data)
        for each in fds:
            os.set_inheritable(each, False)
        if _fork(engine, number):
            pipe, lifeline, marks, *lane = fds
            worker.main(pipe, lifeline, max_result_bytes, scheduler, (marks, at), *lane)
        for each in fds:
            os.close(each)


def _fork(engine: socket.socket, number: int) -> bool:
    """Fork a worker, and let it be the engine's child. True in the worker."""
    middle = _try_fork()
    if middle > 0:
        os.waitpid(middle, 0)
    if middle < 0:
        engine.send(marshal.dumps((number, 0)))
    if middle != 0:
        return False
    born = _try_fork()
    if born:
        if born < 0:
            engine.send(marshal.dumps((number, 0)))
        os._exit(0)
    # The worker itself: who hears of it can kill its group, and hears of it before it is up.
    os.setsid()
    engine.send(marshal.dumps((number, os.getpid())))
    engine.close()
    return True


def _try_fork() -> int:
    """As `os.fork`; -1 where there can be no more processes. The engine tries another way."""
    try:
        return os.fork()
    except OSError as error:
        print(f"futurefsm: no worker could be forked: {error}", file=sys.stderr)
        return -1
