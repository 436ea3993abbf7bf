"""Futures whose lifecycle is an explicit, checkable state machine.

The public names of the rooms, imported on first use. No logic here.
"""

from typing import TYPE_CHECKING

from futurefsm import client, fsm, protocol
from futurefsm.fsm._lazy import attach

if TYPE_CHECKING:
    from futurefsm.client import *  # noqa: F403
    from futurefsm.fsm import *  # noqa: F403
    from futurefsm.protocol import *  # noqa: F403

# Where two rooms use a name, the client's is meant by who imports from here.
__getattr__, __all__ = attach(
    __name__,
    {
        name: room.__name__
        for room in (fsm, protocol, client)
        for name in getattr(room, "__all__", ())
    },
)


def __dir__() -> list[str]:
    return __all__
