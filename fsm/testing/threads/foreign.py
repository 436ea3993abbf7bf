"""Event loops of other libraries: what runs one in a run is told at once that this means nothing.

trio keeps time and threads of its own and waits in C. Under the scheduler its loop breaks in the
middle, which would look like a fault of the future.
"""

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident
from futurefsm.fsm.testing.threads.steps import Uncontrolled

# Module → functions of it that run a loop, or enter one from outside.
LOOPS = {
    "trio": ("run",),
    "trio.lowlevel": ("start_guest_run",),
    "trio.from_thread": ("run", "run_sync"),
    "curio": ("run",),
}


def refusals() -> Iterator[tuple[Any, Any]]:
    """(function, what stands for it) of every such function that is loaded."""
    for name, functions in LOOPS.items():
        module = sys.modules.get(name)
        for function in functions:
            real = getattr(module, function, None)
            if real is not None:
                yield real, _refusing(real, f"{name}.{function}")


def _refusing(real: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(real)
    def refuse(*args: Any, **kwargs: Any) -> Any:
        arena = ACTIVE.arena
        if arena is None or arena.ident != get_ident():
            return real(*args, **kwargs)
        error = Uncontrolled(
            f"{name}() is called in a run: its loop cannot be controlled. Test what it calls, or "
            "use asyncio, which can be"
        )
        if arena.me is not None:
            # The code under test must not take it for an answer.
            arena.fatal = arena.fatal or error
            arena.leave()
        raise error

    return refuse
