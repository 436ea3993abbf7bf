"""A wire for the gallery's futures outside any schedule; which of its mutants are on show."""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from futurefsm.fsm.testing import campaign
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.onloop import OnLoop


class Store:
    """A wire that keeps what it is told; `on_send` runs when something is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.objects: dict[str, Any] = {"k": 42, "e": ValueError("no")}
        self.deleted: list[str] = []
        self.on_send: Callable[[str], object] = lambda message: None
        self.on_fetch: Callable[[], object] = lambda: None

    def send(self, message: str, task: str) -> None:
        self.sent.append((message, task))
        self.on_send(message)

    def fetch(self, key: str) -> Any:
        self.on_fetch()
        return self.objects[key]

    def delete(self, key: str) -> None:
        self.deleted.append(key)


def mutants_of(module: ModuleType, *, hidden: bool = False) -> set[type]:
    """The classes that a module makes; `hidden`: those too that only others are made of."""
    return {
        each
        for name, each in vars(module).items()
        if inspect.isclass(each)
        and each.__module__ == module.__name__
        and (hidden or name[0] != "_")
    }


def on_show() -> set[type]:
    """The futures and managers that exhibits show."""
    shown: set[type] = set()
    for exhibit in campaign.HISTORY:
        harness = exhibit.broken
        if isinstance(harness, OnLoop):
            harness = harness.inner
        assert isinstance(harness, ClientFutures)
        shown |= {harness.future, harness.manager}
    return shown
