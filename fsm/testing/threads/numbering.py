"""Numbers in place of addresses: what is ordered by address would differ from run to run.

`concurrent.futures.wait` takes locks in the order of `id`, and walks over sets of futures; an
executor joins a set of threads.
"""

import builtins
from collections.abc import Iterable
from concurrent.futures import Future, _base
from threading import Thread
from typing import Any

from futurefsm.fsm.testing.threads.active import arena

_NUMBER = "_hash_in_run"
_installed = False


def number(thing: Any) -> int:
    """`hash` of a future: in a run its number, in the order in which they were first asked."""
    known: int | None = getattr(thing, _NUMBER, None)
    if known is not None:
        return known
    here = arena()
    if here is None:
        known = object.__hash__(thing)
        if not _installed:
            return known
    else:
        known = here.serial("hash")
    # Whatever was said once stays true, also in a set that outlives the run.
    object.__setattr__(thing, _NUMBER, known)
    return known


def id_in_run(thing: Any) -> int:
    """`id`, in concurrent.futures: of futures, their number."""
    if isinstance(thing, Future) and arena() is not None:
        return number(thing)
    return builtins.id(thing)


def add(classes: Iterable[type]) -> None:
    """Number objects of classes, instead of hashing their address.

    The classes keep it for good: a set that a run made must work after it. Objects that no run has
    seen hash as ever.
    """
    for each in classes:
        if getattr(each, "__hash__", None) is object.__hash__:
            setattr(each, "__hash__", number)  # noqa: B010 - no method assignment, for mypy


def install() -> None:
    """Number futures and threads."""
    global _installed
    _installed = True
    add([Future, Thread])
    _base.id = id_in_run  # type: ignore[attr-defined]


def uninstall() -> None:
    """Give concurrent.futures its `id` back."""
    global _installed
    _installed = False
    del _base.id  # type: ignore[attr-defined]
