"""A wire for the gallery's futures outside any schedule."""

from collections.abc import Callable
from typing import Any


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
