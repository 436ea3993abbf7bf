"""Links: ZeroMQ, YMQ over TCP and unix sockets, memory. Imported on first use."""

from typing import TYPE_CHECKING

from futurefsm.fsm._lazy import attach

if TYPE_CHECKING:
    from futurefsm.protocol.transport.base import Transport as Transport
    from futurefsm.protocol.transport.memory import MemoryPair as MemoryPair
    from futurefsm.protocol.transport.poller import Poller as Poller
    from futurefsm.protocol.transport.poller import Waker as Waker
    from futurefsm.protocol.transport.ymq import YmqStream as YmqStream
    from futurefsm.protocol.transport.ymq_router import YmqRouter as YmqRouter
    from futurefsm.protocol.transport.zmq_transport import ZmqDealer as ZmqDealer
    from futurefsm.protocol.transport.zmq_transport import ZmqRouter as ZmqRouter

__getattr__, __all__ = attach(
    __name__,
    {
        "MemoryPair": "futurefsm.protocol.transport.memory",
        "Poller": "futurefsm.protocol.transport.poller",
        "Transport": "futurefsm.protocol.transport.base",
        "Waker": "futurefsm.protocol.transport.poller",
        "YmqRouter": "futurefsm.protocol.transport.ymq_router",
        "YmqStream": "futurefsm.protocol.transport.ymq",
        "ZmqDealer": "futurefsm.protocol.transport.zmq_transport",
        "ZmqRouter": "futurefsm.protocol.transport.zmq_transport",
    },
)
