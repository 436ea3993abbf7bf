"""A `scaler.Client()` without an address, inside a task of this engine, finds this engine.

Scaler's client asks the class of Scaler's own worker process which one it is in. When a task
imports that class, it gets an answer from here. Nothing is imported for it: most tasks never ask.
"""

from __future__ import annotations

import struct
import sys
from _frozen_importlib_external import PathFinder

from futurefsm.client.engine import context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MODULE = "scaler.worker.agent.processor.processor"

_FLAGS = struct.Struct(">?i?")


class _Task:
    """What is looked at of the running task."""

    def __init__(self, priority: int) -> None:
        self.metadata = _FLAGS.pack(False, priority, False)


class Processor:
    """Stands for Scaler's worker process.

    Args:
        surroundings: of the running task.
        storage: address of the object store; empty for an embedded engine.
        parse: makes Scaler's address object of a text.
    """

    def __init__(self, surroundings: context.Context, storage: str, parse: Any) -> None:
        self._surroundings = surroundings
        self._storage = storage
        self._parse = parse

    def scheduler_address(self) -> Any:
        """Of this engine. Raises `ValueError` in an embedded one, which has no port."""
        if not self._storage:
            raise ValueError(
                "this task runs in an embedded engine, which scaler.Client cannot reach: it has no "
                "port. Start `futurefsm engine`, or use futurefsm's own Client() here."
            )
        return self._parse(self._surroundings.address)

    def object_storage_address(self) -> Any:
        """Of this engine's object store."""
        return self._parse(self._storage)

    def current_task(self) -> _Task:
        """Its flags carry the priority that nested tasks have to exceed."""
        return _Task(self._surroundings.priority)


class _Loader:
    """Loads the module as it is, and then lets its class look here."""

    def __init__(self, loader: Any, storage: str) -> None:
        self._loader = loader
        self._storage = storage

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._loader.exec_module(module)
        parse, storage = module.AddressConfig.from_string, self._storage

        def current() -> Processor | None:
            surroundings = context.current()
            return None if surroundings is None else Processor(surroundings, storage, parse)

        module.Processor.get_current_processor = staticmethod(current)


class Finder:
    """Waits in `sys.meta_path` for the one module; then it is gone.

    Args:
        storage: address of the object store; empty for an embedded engine.
    """

    def __init__(self, storage: str) -> None:
        self._storage = storage

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Called for every import."""
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec: Any = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._storage)
        return spec


def install(storage: str) -> None:
    """Begin to wait.

    Args:
        storage: ``tcp://host:port`` of the object store; empty for an embedded engine.
    """
    sys.meta_path.insert(0, Finder(storage))
