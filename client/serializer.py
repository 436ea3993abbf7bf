"""What turns functions, arguments and results into bytes and back."""

import pickle
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import Any

import cloudpickle

from futurefsm.client.blame import blame, said, type_name
from futurefsm.client.errors import UnsendableError
from futurefsm.client.uploads import Blob

# Smaller bytes are not worth a look-up; larger ones are not worth hashing.
SHARE_MIN_BYTES = 512
SHARE_MAX_BYTES = 8 * 2**20

# Functions whose bytes are known: those that travel by reference, which no later change of a global
# can alter. The entry keeps the function alive, so its id cannot be reused.
_BY_REFERENCE_MAX = 4096


class Serializer:
    """cloudpickle out, pickle in. One per client; safe to use from many threads."""

    def __init__(self) -> None:
        self._by_reference: dict[int, tuple[Any, Blob]] = {}

    def function(self, fn: Callable[..., Any], kwargs: dict[str, Any]) -> Blob:
        """A function, bound to its keyword arguments.

        Raises:
            UnsendableError: it cannot be pickled; names the object.
        """
        if kwargs:
            return self._function_blob(partial(fn, **kwargs), fn, kwargs)
        known = self._by_reference.get(id(fn))
        if known is not None and known[0] is fn:
            return known[1]
        blob = self._function_blob(fn, fn, {})
        if _travels_by_reference(fn) and len(self._by_reference) < _BY_REFERENCE_MAX:
            self._by_reference[id(fn)] = (fn, blob)
        return blob

    def argument(self, value: Any, place: str, fn: Callable[..., Any]) -> Blob:
        """One argument; `place` names it in the error ("argument 2")."""
        try:
            payload = cloudpickle.dumps(value, protocol=5)
        except Exception as error:
            raise _unsendable(value, place, fn, error) from error
        shared = SHARE_MIN_BYTES <= len(payload) <= SHARE_MAX_BYTES
        return Blob(payload, _digest(payload) if shared else None, place)

    def _function_blob(
        self, callable_: Callable[..., Any], fn: Callable[..., Any], kwargs: dict[str, Any]
    ) -> Blob:
        try:
            payload = cloudpickle.dumps(callable_, protocol=5)
        except Exception as error:
            for name, value in kwargs.items():
                self.argument(value, f"argument {name!r}", fn)
            raise _unsendable(fn, "the function itself", fn, error) from error
        return Blob(payload, _digest(payload), name_of(fn))

    def loads(self, payload: bytes) -> Any:
        """The object that the bytes stand for. Runs whatever the bytes ask for."""
        return pickle.loads(payload)


def name_of(fn: Any) -> str:
    """What a person calls a callable."""
    try:
        name = getattr(fn, "__qualname__", None) or getattr(fn, "__name__", None)
        if isinstance(name, str):
            return str(name)
        if isinstance(fn, partial):
            return f"partial({name_of(fn.func)})"
    except Exception:
        pass  # its class answers every question in a way of its own
    return type(fn).__name__


def _digest(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=16).digest()


def _travels_by_reference(fn: Any) -> bool:
    try:
        return _found_by_name(fn)
    except Exception:
        return False


def _found_by_name(fn: Any) -> bool:
    module = getattr(fn, "__module__", None)
    if module in (None, "__main__") or getattr(fn, "__closure__", None) is not None:
        return False
    import sys

    found: Any = sys.modules.get(str(module))
    for part in str(getattr(fn, "__qualname__", "<>")).split("."):
        found = getattr(found, part, None)
    registered: set[str] = getattr(cloudpickle, "list_registry_pickle_by_value", set)()
    return found is fn and not any(
        module == name or str(module).startswith(f"{name}.") for name in registered
    )


def _unsendable(
    value: Any, place: str, fn: Callable[..., Any], error: Exception
) -> UnsendableError:
    return UnsendableError(place, type_name(value), name_of(fn), said(error), blame(value, "it"))
