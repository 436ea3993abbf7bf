"""Who pickles what: references and futures may only be pickled by a submit that looks for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from typing import Any

_here = local()


@contextmanager
def met() -> Iterator[list[Any]]:
    """The references and futures that this thread pickles meanwhile."""
    before = getattr(_here, "found", None)
    found: list[Any] = []
    _here.found = found
    try:
        yield found
    finally:
        _here.found = before


def meet(what: Any, why_not: str) -> tuple[Any, ...]:
    """Reduce it to something that nobody will load.

    Raises:
        TypeError: nobody looks for it, with `why_not`.
    """
    found = getattr(_here, "found", None)
    if found is None:
        raise TypeError(why_not)
    found.append(what)
    return (int, ())
