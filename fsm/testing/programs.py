"""Programs: what the threads call, and what the pump delivers. PURE.

A program is data: it can be drawn, shrunk, printed, written into a token and read again. Which
schedule it runs under is no part of it.
"""

from typing import Any, NamedTuple

AWAIT = "await"


class Call(NamedTuple):
    """One public call of a user's thread.

    Attributes:
        name: "cancel", "result", "wait" and so on; a harness says which it knows.
        timeout: seconds (virtual; the timer may expire at any moment); None: not given.
        future: number of the future, from 0. "wait" and "as_completed" take all of them.
        how: a variant of the call: for "add_done_callback" what the callback does ("raises",
            "asks", "cancels"); for "wait" "first".
    """

    name: str
    timeout: float | None = None
    future: int = 0
    how: str = ""

    def __str__(self) -> str:
        said = [f"timeout={self.timeout:g}"] if self.timeout is not None else []
        if self.how:
            said.append(self.how)
        return f"{self.name}({', '.join(said)})"

    @property
    def on_all(self) -> bool:
        """It takes all the futures of the program."""
        return self.name in ("wait", "as_completed")


class Move(NamedTuple):
    """One thing that the pump does: deliver an event, or await a message.

    Attributes:
        event: an event of the lifecycle; or `AWAIT`.
        future: number of the future.
        message: what is awaited, for `AWAIT`.
        forced: delivered even to a future whose start the executor was refused. A correct peer
            never does that; the pump must survive it.
    """

    event: str
    future: int = 0
    message: str = ""
    forced: bool = False

    @classmethod
    def await_(cls, message: str, future: int = 0) -> "Move":
        """Wait until such a message was sent for the future."""
        return cls(AWAIT, future, message)

    def __str__(self) -> str:
        return f"await {self.message}" if self.event == AWAIT else self.event


class Program(NamedTuple):
    """What runs.

    Attributes:
        threads: for each user's thread its calls, in order.
        path: what the pump does, in order.
        faults: what goes wrong beside ("fetch fails"); a harness says which it knows.
        futures: how many futures there are.
        early: so many moves of `path` are made before any thread starts.
    """

    threads: tuple[tuple[Call, ...], ...]
    path: tuple[Move, ...] = ()
    faults: tuple[str, ...] = ()
    futures: int = 1
    early: int = 0

    @property
    def calls(self) -> int:
        """How many calls the users make."""
        return sum(map(len, self.threads))

    def __str__(self) -> str:
        several = self.futures > 1
        lines = []
        for number, calls in enumerate(self.threads, 1):
            said = [_with_future(str(c), c.future, several and not c.on_all) for c in calls]
            lines.append(f"user {number}: {', '.join(said) or 'nothing'}")
        moves = [_with_future(str(m), m.future, several) for m in self.path]
        if self.early:
            lines.append(f"before: {', '.join(moves[: self.early])}")
        lines.append(f"pump: {', '.join(moves[self.early :]) or 'nothing'}")
        if self.faults:
            lines.append(f"faults: {', '.join(self.faults)}")
        return "\n".join(lines)

    def as_data(self) -> list[Any]:
        """Lists, strings and numbers, ready for JSON; `from_data` reads them."""
        return [
            [[list(call) for call in calls] for calls in self.threads],
            [list(move) for move in self.path],
            list(self.faults),
            self.futures,
            self.early,
        ]

    @classmethod
    def from_data(cls, data: list[Any]) -> "Program":
        """The program that `as_data` wrote.

        Raises:
            ValueError: it was not written by `as_data`.
        """
        try:
            threads, path, faults, futures, early = data
            return cls(
                tuple(tuple(Call(*call) for call in calls) for calls in threads),
                tuple(Move(*move) for move in path),
                tuple(faults),
                int(futures),
                int(early),
            )
        except TypeError as error:
            raise ValueError(f"this is no program: {data!r}") from error


def _with_future(said: str, number: int, several: bool) -> str:
    return f"{said} of future {number + 1}" if several else said
