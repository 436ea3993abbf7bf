"""What turns functions, arguments and results into bytes and back."""

import pickle
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from struct import Struct
from typing import Any, NoReturn, Protocol

import cloudpickle

from futurefsm.client.blame import blame, of_a_signal, said, shown, type_name
from futurefsm.client.engine.pieces import PROTOCOL, Pieces
from futurefsm.client.errors import UnsendableError
from futurefsm.client.guard import guard, guard_named
from futurefsm.client.portable import Portable
from futurefsm.client.scaler_errors import loads as loads_error
from futurefsm.client.steady import ATOMS, Steady
from futurefsm.client.uploads import Blob, digest_of
from futurefsm.protocol.piggyback import Handed

# Smaller bytes are shared only where what they stand for cannot change; of larger ones no copy is
# kept to compare with.
SHARE_MIN_BYTES = 512
SHARE_MAX_BYTES = 8 * 2**20

# Of what has more bytes, only so many are looked at to see whether two may be equal.
_LOOK_BYTES = 4096

# Of bytes with so many the pickle is made by hand.
_LARGE_BYTES = 64 * 1024
_BEGIN, _LENGTH, _END = {bytes: b"\x80\x05\x8e", bytearray: b"\x80\x05\x96"}, Struct("<Q"), b"."

# Functions whose bytes are known: those that travel by reference, which no later change of a global
# can alter. The entry keeps the function alive, so its id cannot be reused.
_BY_REFERENCE_MAX = 4096

_GUARD = Portable(guard)
_GUARD_NAMED = Portable(guard_named)


class Codec(Protocol):
    """A serializer of a user's own, as `Client` takes it. Workers use it too."""

    def serialize(self, obj: Any, /) -> bytes:
        """A function, an argument or a result, as bytes."""

    def deserialize(self, payload: bytes, /) -> Any:
        """The object that the bytes stand for."""


class Serializer:
    """cloudpickle out, pickle in, or a codec of the user's. One per client; for many threads.

    Args:
        codec: the user's own; None for cloudpickle.
        guarded: functions travel with what makes a worker of a real cluster send their errors as
            they are.
        seals: large bytes are written to where they can be handed over.

    Attributes:
        guarded: all functions did so far.
    """

    def __init__(
        self, codec: Codec | None = None, *, guarded: bool = False, seals: bool = False
    ) -> None:
        self._by_reference: dict[int, tuple[Any, Blob]] = {}
        self._named: dict[tuple[int, tuple[str, ...]], tuple[Any, Blob]] = {}
        self._steady = Steady(_travels_by_reference)
        self._codec = codec
        self.guarded = self._guarded = guarded
        self._dumps: Callable[[Any], bytes] = _dumps if codec is None else self._dumps_own
        self._dumps_argument: Callable[[Any], bytes | Handed] = self._dumps
        if seals and codec is None:
            self._dumps_argument = _dumps_to_hand_over

    def function(self, fn: Callable[..., Any], kwargs: dict[str, Any]) -> Blob:
        """A function, bound to its keyword arguments.

        Raises:
            UnsendableError: it cannot be pickled; names the object.
        """
        if kwargs:
            return self._function_blob(partial(fn, **kwargs), fn, kwargs)
        known = self.known(fn)
        if known is not None:
            return known
        if self._codec is not None:
            return self._function_blob(fn, fn, {})
        mark = self._steady.mark(fn)
        blob = self._function_blob(fn, fn, {})
        if _travels_by_reference(fn) and len(self._by_reference) < _BY_REFERENCE_MAX:
            self._by_reference[id(fn)] = (fn, blob)
        else:
            self._steady.keep(fn, mark, blob)
        return blob

    def known(self, fn: Callable[..., Any]) -> Blob | None:
        """A function that was pickled before, and would be the same now. It holds no reference."""
        known = self._by_reference.get(id(fn))
        if known is not None and known[0] is fn:
            return known[1]
        return self._steady.find(fn)

    def named(self, fn: Callable[..., Any], names: tuple[str, ...]) -> Blob | None:
        """A function whose last arguments will be those of keywords with these names.

        So the bytes of the function are the same for each call, and those of large values are
        shared. None where keywords have to travel with the function.

        Raises:
            UnsendableError: as `function`.
        """
        if not self._guarded or self._codec is not None:
            return None
        known = self._named.get((id(fn), names))
        if known is not None and known[0] is fn:
            return known[1]
        try:
            payload = _dumps(partial(_GUARD_NAMED, fn, names))
        except Exception as error:
            _refuse(fn, "the function itself", fn, error)
        blob = Blob(payload, digest_of(payload), name_of(fn))
        if _travels_by_reference(fn) and len(self._named) < _BY_REFERENCE_MAX:
            self._named[id(fn), names] = (fn, blob)
        return blob

    def argument(self, value: Any, place: str, fn: Callable[..., Any]) -> Blob:
        """One argument; `place` names it in the error ("argument 2")."""
        try:
            payload = self._dumps_argument(value)
        except Exception as error:
            _refuse(value, place, fn, error)
        if isinstance(payload, Handed):
            return Blob(payload, None, place)
        if len(payload) < SHARE_MIN_BYTES:
            # One that a task could change is its own.
            steady = type(value) in ATOMS and self._codec is None
            return Blob(payload, payload if steady else None, place)
        shared = len(payload) <= SHARE_MAX_BYTES
        return Blob(payload, likeness(payload) if shared else None, place)

    def _function_blob(
        self, callable_: Callable[..., Any], fn: Callable[..., Any], kwargs: dict[str, Any]
    ) -> Blob:
        try:
            payload = self._function_bytes(callable_)
        except Exception as error:
            if not of_a_signal(error):
                for name, value in kwargs.items():
                    self.argument(value, f"argument {name!r}", fn)
            _refuse(fn, "the function itself", fn, error)
        return Blob(payload, digest_of(payload), name_of(fn))

    def _function_bytes(self, callable_: Callable[..., Any]) -> bytes:
        if not self._guarded:
            return self._dumps(callable_)
        try:
            return self._dumps(partial(_GUARD, callable_))
        except Exception as error:
            if of_a_signal(error):
                raise
            # A serializer of the user's may know functions, and not what is made of them.
            self.guarded = False
            return self._dumps(callable_)

    def loads(self, payload: Any) -> Any:
        """The object that the bytes stand for. Runs whatever the bytes ask for."""
        if self._codec is None:
            return payload.load() if isinstance(payload, Handed) else pickle.loads(payload)
        return self._codec.deserialize(bytes(payload))

    def loads_error(self, payload: bytes) -> Any:
        """The exception of a failed task: always a pickle, whatever the serializer."""
        return loads_error(payload)

    def _dumps_own(self, value: Any) -> bytes:
        payload = self._codec.serialize(value)  # type: ignore[union-attr]
        if not isinstance(payload, bytes):
            raise TypeError(
                f"{type_name(self._codec)}.serialize() gave a {type_name(payload)}, not bytes"
            )
        return payload


def _dumps(value: Any) -> bytes:
    if type(value) in ATOMS:
        if type(value) is bytes and len(value) > _LARGE_BYTES:
            return b"".join(_pickled(value))
        return pickle.dumps(value, protocol=PROTOCOL)  # the same bytes, ten times as fast
    return b"".join(_pieces(value).pieces)


def _dumps_to_hand_over(value: Any) -> bytes | Handed:
    """Large ones are written at once to where they can be handed over."""
    if type(value) in ATOMS or type(value) is bytearray:
        if type(value) not in _BEGIN or len(value) <= SHARE_MAX_BYTES:
            return _dumps(value)
        return _sealed(_pickled(value))
    made = _pieces(value)
    return b"".join(made.pieces) if made.size <= SHARE_MAX_BYTES else _sealed(made.pieces)


def _pieces(value: Any) -> Pieces:
    made = Pieces()
    cloudpickle.Pickler(made, PROTOCOL).dump(value)
    return made


def _sealed(pieces: Sequence[Any]) -> bytes | Handed:
    from futurefsm.client.engine.sealed import seal

    sealed = seal(pieces)
    return b"".join(pieces) if sealed is None else sealed


def _pickled(value: bytes | bytearray) -> "tuple[bytes, bytes, bytes | bytearray, bytes]":
    """As `pickle.dumps` does it, which takes 30 times as long: it asks for half as much memory
    again, and gives it back."""
    return _BEGIN[type(value)], _LENGTH.pack(len(value)), value, _END


def travelling(codec: Any) -> bytes:
    """A user's serializer, as workers get it.

    Raises:
        TypeError: it has not both methods.
        UnsendableError: it cannot be pickled; says which part.
    """
    for name in ("serialize", "deserialize"):
        if not callable(getattr(codec, name, None)):
            raise TypeError(
                f"serializer {shown(codec)} has no {name}(): it needs serialize(obj) -> bytes and "
                "deserialize(bytes) -> obj"
            )
    if isinstance(codec, type):
        raise TypeError(f"serializer must be an instance, not the class: {codec.__name__}()")
    try:
        return _dumps(codec)
    except Exception as error:
        if of_a_signal(error):
            raise
        where = blame(codec, "it")
        raise UnsendableError(
            "the serializer", type_name(codec), "this client", said(error), where
        ) from error


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


def likeness(payload: bytes) -> bytes:
    """The same for equal bytes; for others it hardly ever is. `Uploads` compares them."""
    size = len(payload)
    look = payload
    if size > _LOOK_BYTES:
        look = payload[:512] + payload[-512:] + payload[:: size // (_LOOK_BYTES - 1024)]
    return blake2b(look, digest_size=16, key=_LENGTH.pack(size)).digest()


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


def _refuse(value: Any, place: str, fn: Callable[..., Any], error: Exception) -> NoReturn:
    """Where pickling raised. The time-out of a user's alarm is no fault of what is pickled."""
    if of_a_signal(error):
        raise error
    where = blame(value, "it")
    raise UnsendableError(place, type_name(value), name_of(fn), said(error), where) from error
