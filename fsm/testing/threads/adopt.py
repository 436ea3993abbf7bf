"""Locks that a module made when it was imported: each run puts fresh ones of its own there.

Only globals and class attributes of named modules, and of the standard library's executor; what
else was made before a run cannot be controlled, and is refused when it matters.
"""

import _thread
import concurrent.futures.thread
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from futurefsm.fsm.testing.threads import conditions, locks, queues, semaphores, workers
from futurefsm.fsm.testing.threads.scheduler import Arena

_real_locks = (type(_thread.allocate_lock()), type(_thread.RLock()))

# (setter, name, real object, what reports call it)
Place = tuple[Callable[[str, Any], None], str, Any, str]


def resolve(modules: Iterable[str | ModuleType]) -> list[ModuleType]:
    """Modules by name or as such.

    Raises:
        ValueError: one is not loaded.
        TypeError: one is neither a module nor a name.
    """
    found = []
    for each in modules:
        if not isinstance(each, str | ModuleType):
            raise TypeError(f"{each!r} is neither a module nor the name of one")
        module = sys.modules.get(each) if isinstance(each, str) else each
        if module is None:
            raise ValueError(f"no module {each!r} is loaded: import it first")
        found.append(module)
    return found


def places(modules: Iterable[ModuleType]) -> list[Place]:
    """Where real primitives stand in the globals and classes of modules."""
    every = [concurrent.futures.thread, *modules]
    return [place for module in dict.fromkeys(every) for place in _in_module(module)]


def _in_module(module: ModuleType) -> Iterator[Place]:
    space = vars(module)
    for name, value in list(space.items()):
        if _maker(value) is not None:
            yield space.__setitem__, name, value, f"{module.__name__}.{name}"
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for key, inner in list(vars(value).items()):
                if _maker(inner) is not None:
                    yield _setter(value), key, inner, f"{value.__name__}.{key}"


def _setter(owner: type) -> Callable[[str, Any], None]:
    return lambda name, value: setattr(owner, name, value)


def _maker(real: Any) -> Callable[[Any, dict[int, Any]], Any] | None:
    return _MAKERS.get(type(real))


def _fresh(real: Any, made: dict[int, Any]) -> Any:
    """The stand-in of a real primitive in this run; one for each."""
    if id(real) not in made:
        maker = _maker(real)
        made[id(real)] = real if maker is None else maker(real, made)
    return made[id(real)]


def _event(real: Any, made: dict[int, Any]) -> Any:
    event = conditions.Event()
    event._flag = real.is_set()
    return event


_MAKERS: dict[type, Callable[[Any, dict[int, Any]], Any]] = {
    _real_locks[0]: lambda real, made: locks.Lock(),
    _real_locks[1]: lambda real, made: locks.RLock(),
    conditions.real_condition: lambda real, made: conditions.Condition(_fresh(real._lock, made)),
    conditions.real_event: _event,
    # Of a run in which the module was imported.
    locks.Lock: lambda real, made: locks.Lock(),
    locks.RLock: lambda real, made: locks.RLock(),
    conditions.Condition: lambda real, made: conditions.Condition(_fresh(real._lock, made)),
    conditions.Event: lambda real, made: _event(real, made),
    semaphores.real_semaphore: lambda real, made: semaphores.Semaphore(real._value),
    semaphores.real_bounded: lambda real, made: semaphores.BoundedSemaphore(real._initial_value),
    threading.local: lambda real, made: workers.local(),
    queue.SimpleQueue: lambda real, made: queues.SimpleQueue(),
}


def renew(arena: Arena, places: Iterable[Place]) -> None:
    """At the begin of a run, in it: a fresh primitive in each place."""
    made: dict[int, Any] = {}
    for put, name, real, label in places:
        fresh = _fresh(real, made)
        arena.label(fresh, label)
        put(name, fresh)
    # They have names: the numbers are for those that the setup makes.
    arena.serials.clear()


def restore(places: Iterable[Place]) -> None:
    """The real ones again."""
    for put, name, real, _ in places:
        put(name, real)
