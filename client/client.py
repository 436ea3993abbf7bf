"""Client: an executor whose futures obey a lifecycle, on this machine or on a cluster."""

import asyncio
import concurrent.futures
import os
import weakref
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from socket import gethostname
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from futurefsm.client import closing, nested
from futurefsm.client.agent import Agent
from futurefsm.client.errors import ForkedClientError
from futurefsm.client.explain import explain
from futurefsm.client.future import Future
from futurefsm.client.link import Link, Reach, check_start_method, open_link
from futurefsm.client.serializer import Codec, Serializer, travelling
from futurefsm.client.submitting import Options, Submits, Submitter, checked
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.table import Lifecycle
from futurefsm.protocol.ids import IdSource, new_identity

if TYPE_CHECKING:
    import ssl

__all__ = ["Client"]

_UNSET: Any = object()
# What poll() can be told, in seconds.
_LONGEST_S = 1e6


class Client(Submits, concurrent.futures.Executor):
    """Runs functions in other processes; each call's future goes through an explicit lifecycle.

    Args:
        address: a scheduler ("tcp://host:port"). None: inside a task, the task's own scheduler;
            else an engine of worker processes on this machine, which ends with the client.
        workers: worker processes of an embedded engine; by default `os.cpu_count()`. Given, it
            starts one inside a task too.
        lifecycle: what the futures obey: `CONFIRMED` (a cancel is confirmed, and stops what runs)
            or `STRICT` (what `concurrent.futures` promises), or one of your own.
        cancel_timeout: seconds that `cancel()` and `disconnect()` wait for the scheduler's answer
            when they are not told; None waits without bound.
        timeout: seconds to wait for the engine's first answer, for room in the outgoing queue, and
            of silence after which the scheduler counts as lost.
        name: for threads, logs and monitors.
        backend: what the cluster speaks, "ymq" or "zmq"; by default what the environment variable
            SCALER_NETWORK_BACKEND says, else what the scheduler's greeting tells.
        tls: for a ``tls://`` or ``wss://`` address: the path of a file with the authorities to
            trust, or its text, or an `ssl.SSLContext`; by default the system's authorities.
        object_storage_address: of the cluster's object store, where the one that the scheduler
            names cannot be reached from here.
        heartbeat_interval: seconds between two signs of life.
        serializer: an object with ``serialize(obj) -> bytes`` and ``deserialize(bytes) -> obj``,
            for functions, arguments and results, here and in the workers, to which it travels;
            by default cloudpickle. Exceptions are always pickled.
        stream_output: print here what tasks print, while they run.
        start_method: how the embedded engine starts worker processes: "forkserver" (one new
            interpreter imports what workers need, and they are forked from it; where that cannot
            be, as the next) or "spawn" (each is a new interpreter); None: the first. There is no
            "fork": see the guide on the engine.
        max_result_bytes: what one pickled result may have, on the embedded engine.
        store_bytes: what all objects in the embedded engine's store may have together; by default
            half of this machine's memory.

    Raises:
        ValueError: a number that cannot be; a name with a "|"; an address that is none.
        EngineStartError: the embedded engine did not start; says why.
        ConnectionLostError: nobody answers at the address.

    Use it as a context manager: leaving waits for all tasks, or, when the body raised, cancels what
    is unfinished. ``async with`` does the same without blocking the loop.

    Pickled into a task, it becomes a client of the same scheduler there, with the same settings.
    """

    future_class: ClassVar[type[Future[Any]]] = Future
    """What `submit` makes; a subclass may have another."""

    def __init__(
        self,
        address: str | None = None,
        *,
        workers: int | None = None,
        lifecycle: Lifecycle = CONFIRMED,
        cancel_timeout: float | None = 30.0,
        timeout: float = 60.0,
        name: str | None = None,
        backend: str | None = None,
        tls: "str | os.PathLike[str] | ssl.SSLContext | None" = None,
        object_storage_address: str | None = None,
        heartbeat_interval: float = 2.0,
        serializer: Codec | None = None,
        stream_output: bool = False,
        start_method: str | None = None,
        max_result_bytes: int = 1 << 30,
        store_bytes: int | None = None,
    ) -> None:
        _check(address, lifecycle)
        _check_seconds(
            cancel_timeout=cancel_timeout, timeout=timeout, heartbeat_interval=heartbeat_interval
        )
        _check_counts(workers=workers, max_result_bytes=max_result_bytes, store_bytes=store_bytes)
        check_start_method(start_method, address)
        timeout = min(timeout, _LONGEST_S)
        self._options = checked(Options(), stream_output=stream_output)
        if workers is None:
            address, backend, object_storage_address = nested.found(
                address, backend, object_storage_address
            )
        self._made_with: dict[str, Any] = {
            "address": address,
            "lifecycle": lifecycle,
            "cancel_timeout": cancel_timeout,
            "timeout": timeout,
            "backend": backend,
            "tls": tls,
            "object_storage_address": object_storage_address,
            "heartbeat_interval": heartbeat_interval,
            "serializer": serializer,
            "stream_output": stream_output,
        }
        identity, ids = new_identity(name), IdSource(os.urandom(16))
        link = open_link(
            address,
            identity,
            ids,
            workers=workers,
            lifecycle=lifecycle,
            timeout=timeout,
            hostname=gethostname(),
            reach=Reach(backend, tls, object_storage_address, heartbeat_interval),
            start_method=start_method,
            max_result_bytes=max_result_bytes,
            store_bytes=store_bytes,
            serializer=None if serializer is None else travelling(serializer),
        )
        self._start(link, ids, name or identity.decode()[-8:], store_bytes)

    def _start(self, link: Link, ids: IdSource, name: str, store_bytes: int | None) -> None:
        settings = self._made_with
        self._engine = getattr(link.engine, "address", None)
        try:
            self._agent = Agent(
                name,
                link,
                cancel_timeout=settings["cancel_timeout"],
                timeout=settings["timeout"],
                serializer=Serializer(
                    settings["serializer"],
                    guarded=link.engine is None,
                    seals=link.hand is not None,
                ),
            )
            closing.register(self._agent)
            # A client that nobody holds any more ends when its last future has its value.
            weakref.finalize(self, _let_go, self._agent).atexit = False
            self._agent.start()
            self._submitter = Submitter(
                self._agent,
                ids,
                settings["lifecycle"],
                timeout=settings["timeout"],
                store_bytes=store_bytes,
                make=self.future_class,
            )
        except BaseException:
            # Ctrl-C, no more descriptors or threads, no answer.
            if (agent := getattr(self, "_agent", None)) is not None:
                agent.leave(now=True)
            if link.engine is not None:
                link.engine.close()
            raise

    def __repr__(self) -> str:
        agent = self._agent
        state = "closed" if agent.ended.is_set() else "closing" if agent.inbox.closed else "open"
        return f"<Client {agent.name}: {state}, {agent.scheduler}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return nested.connected, (type(self), *nested.travelling(self._made_with, self._engine))

    def cancel(
        self, futures: Iterable[concurrent.futures.Future[Any]], timeout: float | None = _UNSET
    ) -> bool:
        """Cancel many at once: ask for all, then wait for all answers under one deadline.

        Args:
            futures: of this client.
            timeout: seconds; by default the client's `cancel_timeout`.

        Returns:
            True where every one is settled.
        """
        seconds = self._agent.cancel_timeout if timeout is _UNSET else timeout
        return closing.cancel_all(futures, seconds)

    def explain(self, future: Future[Any]) -> str:
        """What a future of this client waits for, from whom, and since when: one sentence."""
        return explain(future, self._agent, monotonic())

    @property
    def violations(self) -> int:
        """Messages that a correct scheduler never sends. None of them moved a future."""
        return self._agent.pump.tracker.violations

    # Closing.

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no task any more, and end when the last future has its value.

        Args:
            wait: return when that has happened and callbacks have run; else it happens behind.
            cancel_futures: cancel what can be cancelled: all that is unfinished under CONFIRMED,
                what has not started under STRICT.
        """
        self._check_closable()
        self._agent.leave(now=False)
        if cancel_futures:
            closing.cancel_all(closing.unsettled(self._agent), 0.0)
        if wait:
            closing.wait_closed(self._agent)

    def disconnect(self, timeout: float | None = _UNSET) -> None:
        """Cancel what is unfinished, wait for the answers, and end. Everything is settled then.

        Args:
            timeout: seconds for all answers together; by default the client's `cancel_timeout`.
        """
        self._check_closable()
        seconds = self._agent.cancel_timeout if timeout is _UNSET else timeout
        closing.disconnect(self._agent, seconds)

    def shutdown_cluster(self, timeout: float | None = None) -> bool:
        """Ask the scheduler to end, with all its workers: for every client of it.

        Args:
            timeout: seconds to wait for its answer; by default the client's `timeout`.

        Returns:
            True: it ends, and this client has ended as by `disconnect`, without waiting for
            answers that nobody gives any more; an embedded engine always does, and so does one
            that was asked and cannot be reached any more. False: it is protected and refuses;
            nothing has changed.

        Raises:
            ClientClosedError: the client is closed.
            FutureTimeoutError: no answer in time.
        """
        self._check_closable()
        seconds = self._agent.timeout if timeout is None else timeout
        return closing.shutdown_cluster(self._agent, seconds)

    def clear(self) -> None:
        """Cancel what is unfinished, and drop what the cluster keeps for this client."""
        self._agent.check_process()
        closing.cancel_all(closing.unsettled(self._agent), self._agent.cancel_timeout)
        self._agent.references.clear()
        self._agent.call(self._agent.pump.tracker.clear)

    def _check_closable(self) -> None:
        if os.getpid() != self._agent.pid:
            raise ForkedClientError(
                f"client {self._agent.name} belongs to process {self._agent.pid}: only that one "
                "can close it"
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.shutdown(wait=True)
        elif os.getpid() == self._agent.pid:
            # A forked child that leaves by sys.exit() keeps its exit code: closing is not its own.
            self.disconnect()

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    @classmethod
    @asynccontextmanager
    async def opened(cls, *args: Any, **kwargs: Any) -> "AsyncIterator[Client]":
        """``async with Client.opened(...) as client``: also the start leaves the loop free."""
        client = await asyncio.to_thread(lambda: cls(*args, **kwargs))
        async with client:
            yield client


def _let_go(agent: Agent) -> None:
    if agent.pid == os.getpid():
        agent.leave(now=False)


def _check(address: str | None, lifecycle: Lifecycle) -> None:
    if address is not None and not isinstance(address, str):
        raise TypeError(f"address must be text, such as 'tcp://127.0.0.1:2345', not {address!r}")
    if not isinstance(lifecycle, Lifecycle):
        raise TypeError(f"lifecycle must be a Lifecycle, not {lifecycle!r}")
    if lifecycle.about != "future":
        raise ValueError(f"lifecycle {lifecycle.name!r} is about a {lifecycle.about}, not a future")


def _check_seconds(**given: float | None) -> None:
    for what, seconds in given.items():
        waits = what == "cancel_timeout"  # a wait may be none at all, and may have no bound
        if seconds is None and waits:
            continue
        if not isinstance(seconds, (int, float)):
            raise TypeError(f"{what} must be a number of seconds, not {seconds!r}")
        if not (seconds >= 0 if waits else seconds > 0):
            wanted = "seconds, or None" if waits else "seconds above 0"
            raise ValueError(f"{what} must be {wanted}, not {seconds!r}")


def _check_counts(**given: int | None) -> None:
    for what, count in given.items():
        if count is not None and (not isinstance(count, int) or count < 1):
            raise ValueError(f"{what} must be a whole number of at least 1, not {count!r}")
