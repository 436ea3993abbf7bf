"""From an address to a scheduler channel, and to the engine behind it if it is ours."""

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from futurefsm.client.insecure import warn_of_scheduler
from futurefsm.client.streams import OpenStream, stream_opener
from futurefsm.client.tracker import Tracker
from futurefsm.client.uploads import IDLE_BYTES_MAX
from futurefsm.fsm.table import Lifecycle
from futurefsm.protocol.codec import encode
from futurefsm.protocol.ids import IdSource
from futurefsm.protocol.messages import ClientHeartbeat, Resource, StorageAddress
from futurefsm.protocol.transport.address import Address, parse_address
from futurefsm.protocol.transport.base import Channel
from futurefsm.protocol.transport.detect import Detecting
from futurefsm.protocol.transport.ymq_channel import YmqDealer
from futurefsm.protocol.transport.ymq_link import YmqLink

if TYPE_CHECKING:
    import ssl

    from futurefsm.client.engine.handover import Handover

BACKENDS = ("ymq", "zmq")
START_METHODS = ("forkserver", "spawn")

ENVIRONMENT = "SCALER_NETWORK_BACKEND"
"""The variable by which all processes of a Scaler cluster are told what to speak."""

# Eleven days: what poll() can be told in milliseconds.
_FOREVER_S = 1e6

# Of a small store, what no task needs may occupy one part in so many.
_IDLE_PART = 8

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
        channel: to the scheduler; nothing was dialled yet.
        open_stream: puts a YMQ stream onto a socket that is connected to the address.
        storage_address: where the object store is; None: where the scheduler says.
        address: the scheduler's; None for the embedded engine.
        hand: the embedded engine's, for large objects; None where nothing can be handed over.
        scheduler: as a person would name it.
        engine: the embedded engine, or None.
    """

    tracker: Tracker
    channel: Channel
    open_stream: OpenStream
    scheduler: str
    engine: Engine | None = None
    storage_address: Address | None = None
    address: Address | None = None
    hand: "Handover | None" = None


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
    start_method: str | None = None,
    max_result_bytes: int,
    store_bytes: int | None = None,
    serializer: bytes | None = None,
) -> Link:
    """Start the embedded engine, or check the address. Dials nothing yet.

    Raises:
        ValueError: the address is none; workers of a cluster; what only a cluster has, of ours.
        EngineStartError: the embedded engine did not start.
    """
    new_tracker = partial(
        Tracker,
        identity,
        ids,
        lifecycle,
        timeout_s=timeout,
        period_s=reach.heartbeat_interval,
        hostname=hostname,
    )
    if address is not None:
        if workers is not None:
            raise ValueError(f"workers={workers} is for the embedded engine, not for {address}")
        tracker = new_tracker(serializer=serializer or _SCALER_SERIALIZER)
        where = parse_address(address)
        return _cluster_link(where, tracker, reach, timeout_s=timeout, hostname=hostname)
    _check_embedded(reach)
    from futurefsm.client.engine.launch import launch

    count = workers or os.cpu_count() or 1
    engine = launch(
        count,
        timeout_s=timeout,
        start_method=start_method or START_METHODS[0],
        max_result_bytes=max_result_bytes,
        store_bytes=store_bytes,
        # It lives and dies with this process: a client that was stopped for an hour is still there.
        client_timeout_s=_FOREVER_S,
        tell=_teller(identity, hostname),
    )
    # Where what runs cannot be cancelled, pending has to mean that it does not run: a task stays
    # here until a worker is free for it.
    holds = lifecycle.row("running", "cancel").answer is False
    tracker = new_tracker(
        credits=count if holds else None,
        serializer=serializer,
        idle_bytes_max=_idle_bytes(store_bytes),
        announces=False,
    )
    return _embedded_link(engine.address, engine, tracker, timeout)._replace(hand=engine.hand)


def _teller(identity: bytes, hostname: str) -> Callable[[str], bytes]:
    from futurefsm.client.engine.early import tell

    return lambda path: tell(identity, hostname, StorageAddress(path, 0, "ipc"))


def _check_embedded(reach: Reach) -> None:
    for what, given in zip(Reach._fields[:3], reach, strict=False):
        if given is not None:
            raise ValueError(f"{what}={given!r} is for a cluster: name its address as well")


def _embedded_link(address: str, engine: Engine, tracker: Tracker, timeout: float) -> Link:
    where = parse_address(address)
    open_stream = stream_opener(tracker.identity)
    channel = YmqDealer(
        YmqLink(where, lambda sock: open_stream(where, sock), patience_s=timeout, redial=False),
        steady=True,
    )
    return Link(tracker, channel, open_stream, "the embedded engine", engine)


def _idle_bytes(store_bytes: int | None) -> int:
    if store_bytes is None:
        return IDLE_BYTES_MAX
    return min(IDLE_BYTES_MAX, store_bytes // _IDLE_PART)


def _cluster_link(
    where: Address, tracker: Tracker, reach: Reach, *, timeout_s: float, hostname: str
) -> Link:
    storage = _parsed(reach.object_storage_address)
    open_stream = stream_opener(tracker.identity, reach.tls, where, storage)
    channel = open_channel(
        where, tracker.identity, reach, open_stream, timeout_s=timeout_s, hostname=hostname
    )
    warn_of_scheduler(where)
    return Link(
        tracker,
        channel,
        open_stream,
        f"the scheduler at {where}",
        storage_address=storage,
        address=where,
    )


def open_channel(
    address: Address,
    identity: bytes,
    reach: Reach,
    open_stream: OpenStream,
    *,
    timeout_s: float,
    hostname: str,
) -> Channel:
    """The channel to a scheduler. Dials nothing yet.

    Raises:
        ValueError: a backend that is none, or that cannot be had at such an address.
    """

    def ymq() -> YmqDealer:
        return YmqDealer(
            YmqLink(address, lambda sock: open_stream(address, sock), patience_s=timeout_s)
        )

    def zmq() -> Channel:
        from futurefsm.protocol.transport.zmq_channel import ZmqChannel
        from futurefsm.protocol.transport.zmq_transport import ZmqDealer

        return ZmqChannel(
            lambda: ZmqDealer(str(address), identity, watched=True), patience_s=timeout_s
        )

    backend = backend_for(address, reach.backend, os.environ.get(ENVIRONMENT))
    if backend is not None:
        return ymq() if backend == "ymq" else zmq()
    probe = encode(ClientHeartbeat(Resource(), 0, hostname))
    first = ymq()
    return Detecting(
        {"ymq": first, "zmq": zmq()}, probe, str(address), goes_on=lambda: first.heard_zmq
    )


def backend_for(address: Address, chosen: str | None, environment: str | None) -> str | None:
    """What is spoken at the address, "ymq" or "zmq"; None where nothing tells.

    Args:
        chosen: by the user; goes before the environment.
        environment: the value of `ENVIRONMENT`, if there is one.

    Raises:
        ValueError: another name; zmq at an address that is for ymq only.
    """
    for name, said in (("backend", chosen), (ENVIRONMENT, environment)):
        if said and said not in BACKENDS:
            raise ValueError(f"{name} must be 'ymq' or 'zmq', not {said!r}")
    if address.scheme in ("tls", "ws", "wss"):
        if chosen == "zmq":
            raise ValueError(f"zmq knows no {address.scheme}://: {address} is for ymq")
        return "ymq"
    if address.scheme == "ipc":
        return chosen or "zmq"
    return chosen or environment or None


def check_start_method(chosen: str | None, address: str | None) -> None:
    """Check what a user chose.

    Raises:
        ValueError: it is none, or it is for a cluster.
    """
    if chosen is None:
        return
    if chosen == "fork":
        raise ValueError(
            "start_method must be 'forkserver' or 'spawn': 'fork' would copy this process into the "
            "workers, and tasks would see here what they never see on a cluster"
        )
    if chosen not in START_METHODS:
        raise ValueError(f"start_method must be 'forkserver' or 'spawn', not {chosen!r}")
    if address is not None:
        raise ValueError(f"start_method={chosen!r} is for the embedded engine, not for {address}")


def _parsed(address: str | None) -> Address | None:
    return None if address is None else parse_address(address)
