"""Functions of this package that run where the package is not installed.

A worker of a real cluster need not have it. So these travel by value: pickled once, with what they
refer to in their module, and held as bytes. Nothing of their module may be a class that both sides
have to agree on.
"""

import pickle
import sys
from collections.abc import Callable
from threading import Lock
from typing import Any

import cloudpickle

_lock = Lock()


class Portable:
    """A function that is pickled by value, cheaply. Calling it calls the function.

    Args:
        fn: of a module that needs nothing but the standard library, cloudpickle and tblib.
    """

    __slots__ = ("_bytes", "_fn")

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn
        self._bytes: bytes | None = None

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._fn(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._bytes is None:
            with _lock:
                self._bytes = _by_value(self._fn)
        return (pickle.loads, (self._bytes,))


def _by_value(fn: Callable[..., Any]) -> bytes:
    module = sys.modules[fn.__module__]
    cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(fn, protocol=5))
    finally:
        cloudpickle.unregister_pickle_by_value(module)
