"""What the locks of a future are called in its class, for pictures: "_condition", not "RLock 3"."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

# More attributes than these are not looked at.
_MOST = 200


def parts(
    futures: Sequence[Any],
    name_of: Callable[[Any], str],
    others: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[tuple[str, str]]:
    """The name that the engine gives to each primitive of each future, and its attribute's.

    Args:
        futures: those under test.
        name_of: what the engine calls an object.
        others: what the harness keeps beside them, by its names.

    Yields:
        ("RLock 1", "_condition of future 1"). A lock that is in a condition has its name.
    """
    known: set[str] = set()
    named: list[tuple[str, Any]] = []
    shared: list[tuple[str, Any]] = []
    for number, future in enumerate(futures, 1):
        for name, value in _attributes(future):
            named.append((f"{name} of future {number}", value))
            if not _is_primitive(value):
                # What lies in another object may be that of all futures.
                shared += [(f"{name}.{inner}", each) for inner, each in _attributes(value)]
    for name, other in others.items():
        shared += [(f"{name}.{inner}", each) for inner, each in _attributes(other)]
    for name, value in named + shared:
        inside = getattr(value, "_lock", None) or getattr(value, "_cond", None)
        for part in (value, inside, getattr(inside, "_lock", None)):
            if _is_primitive(value) and _is_primitive(part) and name_of(part) not in known:
                known.add(name_of(part))
                yield name_of(part), name


def _is_primitive(thing: Any) -> bool:
    return isinstance(getattr(thing, "kind", None), str) and hasattr(thing, "number")


def _attributes(future: Any) -> list[tuple[str, Any]]:
    """The attributes of an object that has a dictionary, slots, or both."""
    found = list(getattr(future, "__dict__", {}).items())[:_MOST]
    for kind in type(future).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            private = name.startswith("__") and not name.endswith("__")
            name = f"_{kind.__name__.lstrip('_')}{name}" if private else name
            value = getattr(future, name, None)
            if value is not None:
                found.append((name, value))
    return found
