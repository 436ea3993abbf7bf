"""What a client and a scheduler say to each other, and the links that carry it.

Everything is imported on first use: asking for a message class loads neither pycapnp nor pyzmq.
"""

from typing import TYPE_CHECKING

from futurefsm.fsm._lazy import attach

if TYPE_CHECKING:
    from futurefsm.protocol.codec import DEFAULT as DEFAULT
    from futurefsm.protocol.codec import Limits as Limits
    from futurefsm.protocol.codec import decode as decode
    from futurefsm.protocol.codec import encode as encode
    from futurefsm.protocol.errors import ProtocolError as ProtocolError
    from futurefsm.protocol.errors import TransportClosedError as TransportClosedError
    from futurefsm.protocol.errors import TransportFullError as TransportFullError
    from futurefsm.protocol.ids import IdSource as IdSource
    from futurefsm.protocol.ids import new_identity as new_identity
    from futurefsm.protocol.messages import MESSAGES as MESSAGES
    from futurefsm.protocol.messages import Message as Message
    from futurefsm.protocol.object_store import StoreClient as StoreClient
    from futurefsm.protocol.object_store import StoreServerCodec as StoreServerCodec
    from futurefsm.protocol.session import Session as Session
    from futurefsm.protocol.task_flags import Profile as Profile
    from futurefsm.protocol.task_flags import TaskFlags as TaskFlags

__getattr__, __all__ = attach(
    __name__,
    {
        "DEFAULT": "futurefsm.protocol.codec",
        "IdSource": "futurefsm.protocol.ids",
        "Limits": "futurefsm.protocol.codec",
        "MESSAGES": "futurefsm.protocol.messages",
        "Message": "futurefsm.protocol.messages",
        "Profile": "futurefsm.protocol.task_flags",
        "ProtocolError": "futurefsm.protocol.errors",
        "Session": "futurefsm.protocol.session",
        "StoreClient": "futurefsm.protocol.object_store",
        "StoreServerCodec": "futurefsm.protocol.object_store",
        "TaskFlags": "futurefsm.protocol.task_flags",
        "TransportClosedError": "futurefsm.protocol.errors",
        "TransportFullError": "futurefsm.protocol.errors",
        "decode": "futurefsm.protocol.codec",
        "encode": "futurefsm.protocol.codec",
        "new_identity": "futurefsm.protocol.ids",
    },
)
