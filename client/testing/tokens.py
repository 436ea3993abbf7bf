"""A world as one line of text, and back: what a failure prints, `replay` runs again.

A token holds the numbers of clients and workers, the faults, the names of lifecycle and parts, and
the tape. A lifecycle of your own has to be handed to `replay`.
"""

import base64
import binascii
from contextlib import suppress
from typing import TYPE_CHECKING

from futurefsm.client.testing.parts import PRODUCTION, Parts
from futurefsm.client.testing.switches import Faults
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.table import Lifecycle

if TYPE_CHECKING:
    from futurefsm.client.testing.world import World

_SHIPPED = {lifecycle.name: lifecycle for lifecycle in (CONFIRMED, STRICT)}
_ENCODED = "encode"


def token(world: "World") -> str:
    """The world that replays this one."""
    parts = [
        world.asked.name,
        str(len(world.parties)),
        str(world.workers),
        str(world.faults),
        world.parts.name,
        _ENCODED if world.encode else "",
    ]
    data = "/".join(parts).encode() + b"\n" + world.tape.data
    return base64.urlsafe_b64encode(data).decode()


def call(world: "World") -> str:
    """The Python call that replays it."""
    own = ""
    if world.asked.name not in _SHIPPED:
        own += f", lifecycle={world.asked.name}"
    if world.parts.name != PRODUCTION.name and world.parts.name not in _gallery():
        own += f", parts={world.parts.name}"
    return f'futurefsm.client.testing.replay("{token(world)}"{own})'


def read(text: str, lifecycle: Lifecycle | None = None, parts: Parts | None = None) -> "World":
    """The world of a token, not yet run.

    Args:
        lifecycle, parts: those that the token names, where they are your own.

    Raises:
        ValueError: it is no token, or names what was not handed over.
    """
    from futurefsm.client.testing.world import World

    try:
        head, _, tape = base64.urlsafe_b64decode(text.encode()).partition(b"\n")
        name, clients, workers, faults, built, mode = head.decode().split("/")
        numbers = int(clients), int(workers)
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"this is no token of a simulated world: {error}") from None
    chosen = lifecycle or _SHIPPED.get(name)
    if chosen is None or chosen.name != name:
        raise ValueError(f"the token is about lifecycle {name!r}: replay(token, lifecycle=...)")
    known = parts or (PRODUCTION if built == PRODUCTION.name else _gallery().get(built))
    if known is None or known.name != built:
        raise ValueError(f"the token is about parts {built!r}: replay(token, parts=...)")
    switches = Faults.named([] if faults == "none" else faults.split("+"))
    return World(chosen, *numbers, switches, tape, parts=known, encode=mode == _ENCODED)


def replay(text: str, lifecycle: Lifecycle | None = None, parts: Parts | None = None) -> "World":
    """Run the world of a token again.

    Args:
        text: what a failure printed.
        lifecycle, parts: those that the token names, where they are your own.

    Returns:
        the world, at its end; its `log` has every message.

    Raises:
        Broken: the failure happened again.
        ValueError: it is no token, or names what was not handed over.
    """
    return read(text, lifecycle, parts).run()


def retold(world: "World") -> "World":
    """The same world once more, with its log, as far as the first came."""
    from futurefsm.client.testing.invariants import Broken
    from futurefsm.client.testing.world import World

    again = World(
        world.asked,
        len(world.parties),
        world.workers,
        world.faults,
        world.tape.data,
        parts=world.parts,
        encode=world.encode,
    )
    with suppress(Broken):
        again.run()
    return again


def _gallery() -> dict[str, Parts]:
    from futurefsm.client.testing.gallery import GALLERY

    return GALLERY
