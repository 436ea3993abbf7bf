"""Arguments that stand for objects in the store: references, and futures of the same client.

As a whole argument they travel as an object's id, and nothing is sent. Inside a list, a dictionary
or any other object that pickle knows, they become persistent ids in a pickle that a small function
loads in the worker (`resolve.py`). A first pickling finds out whether there are any; so a call
without them pays nothing.
"""

import io
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, NamedTuple

import cloudpickle

from futurefsm.client.future import Future
from futurefsm.client.meeting import met
from futurefsm.client.portable import Portable
from futurefsm.client.references import ObjectReference
from futurefsm.client.resolve import with_references
from futurefsm.client.serializer import Serializer, name_of
from futurefsm.client.uploads import Blob

INPUTS = (ObjectReference, Future)

_RESOLVE = Portable(with_references)


class Packed(NamedTuple):
    """A call's function and arguments; of references and futures, the objects themselves."""

    function: Blob
    arguments: tuple[Any, ...]
    plain: bool


def pack(
    serializer: Serializer,
    fn: Callable[..., Any],
    function: Blob | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Packed:
    """Pickle a call.

    Args:
        function: `fn` and `kwargs`, where they are pickled already.

    Raises:
        UnsendableError: a part cannot be pickled; also where a function's own closure or globals
            hold a reference, which no worker could follow.
    """
    if function is None and not kwargs:
        function = serializer.known(fn)
    if function is not None and not args and not kwargs:
        return Packed(function, (), True)
    arguments: list[Any] = []
    plain = True
    with met() as found:
        values: Iterable[tuple[Any, Any]] = enumerate(args, 1)
        if function is None:
            function = serializer.named(fn, tuple(kwargs)) if kwargs else None
            if function is not None:
                values = chain(values, ((repr(name), value) for name, value in kwargs.items()))
            else:
                function = serializer.function(fn, kwargs)
        nested = bool(found)
        met_before = len(found)
        for place, arg in values:
            if isinstance(arg, INPUTS):
                plain = False
                arguments.append(arg)
            elif arg.__class__ is Blob:
                # A graph's constant, pickled once for all its nodes.
                arguments.append(arg)
            else:
                arguments.append(serializer.argument(arg, f"argument {place}", fn))
                if found and len(found) > met_before:
                    nested, met_before = True, len(found)
                    arguments[-1] = _Nested
    if not nested:
        return Packed(function, tuple(arguments), plain)
    return _with_plan(serializer, fn, args, kwargs, arguments[: len(args)])


class _Nested:
    """Stands for an argument that holds references."""


class _Slot:
    """Stands, in the plan, for an object that is passed beside it."""

    __slots__ = ("place",)

    def __init__(self, place: int) -> None:
        self.place = place


def _with_plan(
    serializer: Serializer,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    arguments: list[Any],
) -> Packed:
    # Here a reference in the function's own closure is met by nobody, and refused.
    own = serializer.argument(fn, "the function itself", fn)._replace(name=name_of(fn))
    objects: list[Any] = []
    slots: list[Any] = []
    for arg, made in zip(args, arguments, strict=True):
        if made is _Nested or isinstance(made, INPUTS):
            slots.append(arg)
        else:
            slots.append(_Slot(len(objects)))
            objects.append(made)
    buffer = io.BytesIO()
    _Planner(buffer, objects).dump((tuple(slots), kwargs))
    plan = serializer.argument(buffer.getvalue(), "the arguments with references", fn)
    function = serializer.function(_RESOLVE, {})
    return Packed(function._replace(name=own.name), (plan, own, *objects), plain=False)


class _Planner(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles references and slots as places in a list, to which it adds the references."""

    def __init__(self, buffer: io.BytesIO, objects: list[Any]) -> None:
        super().__init__(buffer, protocol=5)
        self._objects = objects
        self._places: dict[int, int] = {}

    def persistent_id(self, obj: Any) -> int | None:
        if isinstance(obj, _Slot):
            return obj.place
        if not isinstance(obj, INPUTS):
            return None
        place = self._places.get(id(obj))
        if place is None:
            place = self._places[id(obj)] = len(self._objects)
            self._objects.append(obj)
        return place
