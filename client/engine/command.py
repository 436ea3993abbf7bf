"""`futurefsm engine`: the engine as a server in the foreground, for clients of other processes.

Everything that is slow to import is imported when it runs.
"""

import argparse
import logging
import os
import subprocess
import sys
from typing import Any

WORKERS_MAX = 256
BACKEND_VARIABLE = "SCALER_NETWORK_BACKEND"
DEFAULT_BIND = "tcp://127.0.0.1:2345"
CANNOT = 1
USAGE = 2

_ABOUT = """\
Start worker processes on this machine and serve clients of other processes: this project's own
Client("tcp://..."), and scaler.Client of OpenGRIS Scaler 2.9. Ends with Ctrl-C or SIGTERM.

When it listens it prints one line: futurefsm engine ready: address=... storage=... backend=...

There is no authentication: whoever reaches the two ports can run code as you. For more than one
machine, run OpenGRIS Scaler."""


def add_parser(commands: Any) -> None:
    """Add the command to the command line.

    Args:
        commands: what `ArgumentParser.add_subparsers` returned.
    """
    parser = commands.add_parser(
        "engine",
        help="run the engine as a server, for clients of other processes",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--bind",
        metavar="ADDRESS",
        default=DEFAULT_BIND,
        help="where clients connect; port 0 takes any that is free (default: %(default)s)",
    )
    parser.add_argument(
        "--storage-bind",
        metavar="ADDRESS",
        help="where they send objects (default: the same host, the next port that is free)",
    )
    parser.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help=f"worker processes, 1 to {WORKERS_MAX} (default: one a core)",
    )
    parser.add_argument(
        "--backend",
        choices=("ymq", "zmq"),
        help=f"what is spoken on the wire (default: ${BACKEND_VARIABLE}, else ymq)",
    )
    parser.add_argument(
        "--client-timeout",
        type=_seconds,
        metavar="S",
        default=60.0,
        help="silence after which a client's tasks and objects are dropped (default: %(default)g)",
    )
    parser.add_argument(
        "--unprotected",
        action="store_true",
        help="let a client's shutdown request end this engine; else it is refused",
    )
    parser.set_defaults(run=run)


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= WORKERS_MAX:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {WORKERS_MAX}, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= 1e6:
        raise argparse.ArgumentTypeError(f"must be seconds, above 0, not {text!r}")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to end.

    Args:
        arguments: what the parser made.

    Returns:
        0 after Ctrl-C, SIGTERM or a shutdown request; 1 if it cannot listen; 2 for an address or a
        backend that is none. What is wrong is said in one line.
    """
    from futurefsm.client.engine import doors

    backend = arguments.backend or os.environ.get(BACKEND_VARIABLE) or "ymq"
    try:
        opened = doors.public(arguments.bind, backend, arguments.storage_bind)
    except ValueError as error:
        return _fail(f"{error}", USAGE)
    except OSError as error:
        return _fail(error.strerror or str(error), CANNOT)
    serve(
        opened,
        workers=arguments.workers or os.cpu_count() or 1,
        client_timeout_s=arguments.client_timeout,
        protected=not arguments.unprotected,
    )
    return 0


def _fail(what: str, code: int) -> int:
    print(f"futurefsm engine: {what}", file=sys.stderr)
    return code


def serve(opened: Any, *, workers: int, client_timeout_s: float, protected: bool) -> None:
    """Run an engine behind open doors, in this process, until it is told to end.

    Args:
        opened: of `doors.public`; closed when this returns.
        workers: worker processes.
        client_timeout_s: silence after which a client counts as gone.
        protected: refuse a client's shutdown request.
    """
    from futurefsm.client.engine.early import CODEC
    from futurefsm.client.engine.launch import machine_memory
    from futurefsm.client.engine.main import Watches
    from futurefsm.client.engine.respawn import Respawn
    from futurefsm.client.engine.server import Server
    from futurefsm.client.engine.workers import WorkerOptions, WorkerPool

    logging.basicConfig(format="futurefsm engine: %(message)s", level=logging.WARNING)
    # What a client inside a task finds, also one of Scaler's.
    os.environ[BACKEND_VARIABLE] = opened.backend
    options = WorkerOptions(
        path=(os.getcwd(), *map(str, sys.path)),
        argv=("futurefsm",),
        flags=tuple(subprocess._args_from_interpreter_flags()),  # type: ignore[attr-defined]
        scheduler=(opened.dial, opened.backend, opened.dial_storage),
        start_method="forkserver",
    )
    CODEC.begin(b"")
    watches = Watches()
    pool = WorkerPool(options, watches.watch, watches.unwatch)
    server = Server(
        opened,
        pool,
        Respawn(workers),
        store_bytes=machine_memory() // 2,
        client_timeout_s=client_timeout_s,
        ends=(),
        foreground=True,
        protected=protected,
    )
    try:
        watches.attach(server)
        for each in (server.address, server.storage_address):
            if not each.startswith("tcp://127."):
                logging.getLogger("futurefsm.engine").warning(
                    "%s is open to other machines: whoever reaches it can run code as you", each
                )
        print(
            f"futurefsm engine ready: address={server.address} storage={server.storage_address}"
            f" backend={opened.backend} workers={workers} pid={os.getpid()}",
            flush=True,
        )
        server.serve()
    finally:
        server.close()
