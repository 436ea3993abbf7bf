"""Classes that are made of the real RLock: in a run they are made of the run's."""

from collections.abc import Iterator
from typing import Any

from futurefsm.fsm.testing.threads import locks
from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident, real_rlock

_MADE: dict[type, type] = {}


def rlocks() -> Iterator[tuple[Any, Any]]:
    """(class, what stands for it) of every class that is directly derived from the real RLock."""
    for real in type.__subclasses__(real_rlock):
        if real not in _MADE:
            _MADE[real] = _derived(real)
        yield real, _MADE[real]


def _derived(real: type) -> type:
    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        arena = ACTIVE.arena
        if arena is None or arena.ident != get_ident():
            return real(*args, **kwargs)
        return cls._made(arena)

    slots = real.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else slots
    # The members that slots make are made anew.
    left_out = {"__dict__", "__weakref__", *names}
    space = {key: value for key, value in vars(real).items() if key not in left_out}
    return type(real.__name__, (locks.RLock,), {**space, "__new__": new})
