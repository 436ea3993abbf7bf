"""Where a running task finds its own scheduler. Light: every worker imports it.

The worker sets it for the time of each task; a client that is made inside a task without an address
asks here. Process-wide, so that threads which the task starts see it as well.
"""

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Context(NamedTuple):
        """The surroundings of a running task.

        Attributes:
            address: of the scheduler, as a client in this process has to dial it.
            backend: what is spoken there: `ymq` or `zmq`.
            priority: of the running task; a task that it submits should have a higher one.
        """

        address: str
        backend: str
        priority: int

else:
    # The typing module costs a worker 6 ms.
    Context = namedtuple("Context", ("address", "backend", "priority"))

_current: "Context | None" = None


def current() -> "Context | None":
    """The running task's surroundings; None outside of a task of this project's engine."""
    return _current


def enter(context: "Context | None") -> None:
    """Set the surroundings: called by the worker before a task, and with None after it."""
    global _current
    _current = context
