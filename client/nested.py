"""Clients inside tasks: where the running task's own scheduler is, and how urgent the task is.

A task of this project's engine is told by the engine's worker, one of a real Scaler by its
processor. Neither is imported here.
"""

import os
import sys
from typing import Any, NamedTuple

from futurefsm.client.engine import context
from futurefsm.client.errors import EngineError
from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.task_flags import PRIORITY_MAX, TaskFlags

_PROCESSOR = "scaler.worker.agent.processor.processor"


class Surroundings(NamedTuple):
    """Of a running task.

    Attributes:
        address: of its scheduler.
        storage_address: of its object store; None: the scheduler tells.
        backend: what the scheduler speaks; None where nobody knows.
        priority: of the task.
    """

    address: str
    storage_address: str | None
    backend: str | None
    priority: int


def surroundings() -> Surroundings | None:
    """Of the task that runs in this process; None where none does."""
    own = context.current()
    if own is not None:
        return Surroundings(own.address, None, own.backend, own.priority)
    processor = _processor()
    if processor is None:
        return None
    return Surroundings(
        _text(processor.scheduler_address()),
        _text(processor.object_storage_address()),
        os.environ.get("SCALER_NETWORK_BACKEND") or None,
        _priority_of(processor),
    )


def priority() -> int:
    """What a task that is submitted here has by default: one more than the task that submits it."""
    own = context.current()
    if own is not None:
        return min(own.priority + 1, PRIORITY_MAX)
    processor = _processor()
    return 0 if processor is None else min(_priority_of(processor) + 1, PRIORITY_MAX)


def found(
    address: str | None, backend: str | None, storage_address: str | None
) -> tuple[str | None, str | None, str | None]:
    """What a client without an address connects to: its task's scheduler; outside of tasks None."""
    around = surroundings() if address is None else None
    if around is None:
        return address, backend, storage_address
    return (
        around.address,
        backend or around.backend,
        storage_address or around.storage_address,
    )


def travelling(state: dict[str, Any], engine: str | None) -> tuple[Any, ...]:
    """A client's arguments, as another process needs them to make one like it.

    Args:
        state: what it was made with.
        engine: the address of its own embedded engine; None where it has none.

    Raises:
        TypeError: it was given an `ssl.SSLContext`, which no process can give to another.
        ValueError: its CA file, whose contents travel along, is not there any more.
    """
    if state.get("tls") is not None:
        from futurefsm.protocol.transport.tls import portable

        state = {**state, "tls": portable(state["tls"])}
    return state, engine


def connected(kind: Any, state: dict[str, Any], engine: str | None) -> Any:
    """A client, out of its pickle: it connects to the same scheduler.

    Raises:
        EngineError: it had an embedded engine, and this is no task of that.
    """
    if engine is not None:
        own = context.current()
        if own is None or own.address != engine:
            raise EngineError(
                "a client of an embedded engine was unpickled outside of that engine's tasks: "
                "nobody else can reach it. Pass results, or run `futurefsm engine` and use its "
                "address."
            )
        state = {**state, "address": own.address, "backend": own.backend}
    return kind(**state)


def _processor() -> Any:
    """The processor of a real Scaler that this process is; None where it is none."""
    module = sys.modules.get(_PROCESSOR)
    if module is None:
        return None
    # Scaler's own look-up is bound to the task's thread; this holds for threads that it starts too.
    import multiprocessing

    process: Any = multiprocessing.current_process()
    return process if isinstance(process, module.Processor) else None


def _priority_of(processor: Any) -> int:
    task = processor.current_task()
    if task is None:
        return 0
    try:
        return TaskFlags.unpack(bytes(task.metadata)).priority
    except ProtocolError:
        return 0


def _text(address: Any) -> str:
    text = str(address)
    return text if "://" in text else repr(address)
