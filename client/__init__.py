"""Clients of a scheduler, the embedded engine, and the world that simulates both.

Everything is imported on first use: a worker process that imports a module of this room loads
neither pycapnp nor pyzmq.
"""

from typing import TYPE_CHECKING

from futurefsm.fsm._lazy import attach

if TYPE_CHECKING:
    from futurefsm.client.client import Client as Client
    from futurefsm.client.completed import as_completed as as_completed
    from futurefsm.client.errors import DeserializationError as DeserializationError
    from futurefsm.client.errors import EngineError as EngineError
    from futurefsm.client.errors import EngineStartError as EngineStartError
    from futurefsm.client.errors import ForkedClientError as ForkedClientError
    from futurefsm.client.errors import InvalidReferenceError as InvalidReferenceError
    from futurefsm.client.errors import ObjectStoreFullError as ObjectStoreFullError
    from futurefsm.client.errors import QueueFullError as QueueFullError
    from futurefsm.client.errors import RemoteError as RemoteError
    from futurefsm.client.errors import ResultTooLargeError as ResultTooLargeError
    from futurefsm.client.errors import ResultUnreadableError as ResultUnreadableError
    from futurefsm.client.errors import SerializationError as SerializationError
    from futurefsm.client.errors import TaskRefusedError as TaskRefusedError
    from futurefsm.client.errors import UnsendableError as UnsendableError
    from futurefsm.client.errors import WorkerStartError as WorkerStartError
    from futurefsm.client.graph import GraphCycleError as GraphCycleError
    from futurefsm.client.graph import MissingKeyError as MissingKeyError
    from futurefsm.client.insecure import InsecureConnectionWarning as InsecureConnectionWarning
    from futurefsm.client.references import ObjectReference as ObjectReference
    from futurefsm.client.scaler_errors import ClusterError as ClusterError

__getattr__, __all__ = attach(
    __name__,
    {
        "Client": "futurefsm.client.client",
        "ClusterError": "futurefsm.client.scaler_errors",
        "DeserializationError": "futurefsm.client.errors",
        "EngineError": "futurefsm.client.errors",
        "EngineStartError": "futurefsm.client.errors",
        "ForkedClientError": "futurefsm.client.errors",
        "GraphCycleError": "futurefsm.client.graph",
        "InsecureConnectionWarning": "futurefsm.client.insecure",
        "InvalidReferenceError": "futurefsm.client.errors",
        "MissingKeyError": "futurefsm.client.graph",
        "ObjectReference": "futurefsm.client.references",
        "ObjectStoreFullError": "futurefsm.client.errors",
        "QueueFullError": "futurefsm.client.errors",
        "RemoteError": "futurefsm.client.errors",
        "ResultTooLargeError": "futurefsm.client.errors",
        "ResultUnreadableError": "futurefsm.client.errors",
        "SerializationError": "futurefsm.client.errors",
        "TaskRefusedError": "futurefsm.client.errors",
        "UnsendableError": "futurefsm.client.errors",
        "WorkerStartError": "futurefsm.client.errors",
        "as_completed": "futurefsm.client.completed",
    },
)
