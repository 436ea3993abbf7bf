"""From an address to a scheduler channel, and to the engine behind it if it is ours."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from futurefsm.client.tracker import Tracker
from futurefsm.fsm.table import Lifecycle
from futurefsm.protocol.ids import IdSource
from futurefsm.protocol.transport.base import Transport
from futurefsm.protocol.transport.ymq_channel import YmqDealer
from futurefsm.protocol.transport.zmq_transport import ZmqDealer

if TYPE_CHECKING:
    import ssl

# Eleven days: what poll() can be told in milliseconds.
_FOREVER_S = 1e6

# A pickle of Scaler's own default serializer, by reference: what its workers look for. Written by
# hand, since Scaler need not be installed here.
_SCALER_SERIALIZER = b"\x80\x02cscaler.client.serializer.default\nDefaultSerializer\n)\x81."


class Engine(Protocol):
    """What the agent needs of an engine that lives and dies with it."""

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Its exit code; None if it has not ended in time."""

    def stderr_tail(self, limit: int = 4096) -> str:
        """The last that it wrote."""

    def kill(self) -> None:
        """End it at once."""

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop it, bounded, and leave nothing behind."""


class Reach(NamedTuple):
    """How a cluster is reached. What each means: see `Client`."""

    backend: str | None = None
    tls: "str | os.PathLike[str] | ssl.SSLContext | None" = None
    object_storage_address: str | None = None
    heartbeat_interval: float = 2.0


_AS_IT_COMES = Reach()


class Link(NamedTuple):
    """What an agent needs to begin.

    Attributes:
        scheduler: as a person would name it.
        engine: the embedded engine, or None.
    """

    tracker: Tracker
    open_channel: Callable[[], Transport]
    scheduler: str
    engine: Engine | None


def open_link(
    address: str | None,
    identity: bytes,
    ids: IdSource,
    *,
    workers: int | None,
    lifecycle: Lifecycle,
    timeout: float,
    hostname: str,
    reach: Reach = _AS_IT_COMES,
    max_result_bytes: int,
    store_bytes: int | None = None,
    serializer: bytes | None = None,
) -> Link:
    """Start the embedded engine, or check the address. Dials nothing yet.

    Raises:
        ValueError: the address is none, or workers were asked of a cluster.
        EngineStartError: the embedded engine did not start.
    """
    if address is not None:
        if workers is not None:
            raise ValueError(f"workers={workers} is for the embedded engine, not for {address}")
        if not address.startswith(("tcp://", "ipc://")):
            raise ValueError(f"address {address!r}: use tcp://host:port")
        tracker = Tracker(
            identity,
            ids,
            lifecycle,
            serializer=serializer or _SCALER_SERIALIZER,
            timeout_s=timeout,
            hostname=hostname,
        )
        backend = reach.backend or os.environ.get("SCALER_NETWORK_BACKEND", "zmq")
        if backend == "ymq":
            opened: Callable[[str, bytes], Transport] = YmqDealer
        else:
            opened = ZmqDealer
        return Link(tracker, lambda: opened(address, identity), f"the scheduler at {address}", None)
    from futurefsm.client.engine.launch import launch

    count = workers or os.cpu_count() or 1
    engine = launch(
        count,
        timeout_s=timeout,
        max_result_bytes=max_result_bytes,
        store_bytes=store_bytes,
        # It lives and dies with this process: a client that was stopped for an hour is still there.
        client_timeout_s=_FOREVER_S,
    )
    # Where what runs cannot be cancelled, pending has to mean that it does not run: a task stays
    # here until a worker is free for it.
    holds = lifecycle.row("running", "cancel").answer is False
    tracker = Tracker(
        identity,
        ids,
        lifecycle,
        credits=count if holds else None,
        serializer=serializer,
        timeout_s=timeout,
        hostname=hostname,
    )
    return Link(tracker, lambda: ZmqDealer(engine.address, identity), "the embedded engine", engine)
