"""Every schedule of a small scene, for the tests of the scheduler."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from futurefsm.fsm.testing.threads import Arena, Option, Run, installed, run

BACKENDS = ("greenlets", "pooled")


def following(choices: Sequence[int]) -> Callable[[Sequence[Option], int | None], int]:
    """The `Choose` that takes these, then the benign ones."""
    waiting = list(choices)
    return lambda options, current: waiting.pop(0) if waiting else 0


def every(setup: Callable[[Arena], None], limit: int = 20_000, **more: Any) -> Iterator[Run]:
    """All runs of a scene, each once, depth first."""
    waiting: list[tuple[int, ...]] = [()]
    with installed():
        while waiting:
            limit -= 1
            assert limit, "a scene of a test is to be small"
            prefix = waiting.pop()
            done = run(setup, following(prefix), **more)
            for place in range(len(prefix), len(done.choices)):
                for other in range(1, done.counts[place]):
                    waiting.append((*done.choices[:place], other))
            yield done


def outcomes(setup: Callable[[Arena], None], **more: Any) -> set[Any]:
    """What can become of a scene: how it ends, and what each task returns or raises."""
    return {outcome(done) for done in every(setup, **more)}


def outcome(done: Run) -> tuple[Any, ...]:
    return (done.end, *[_told(task.value, task.error) for task in done.ended])


def _told(value: Any, error: BaseException | None) -> Any:
    return value if error is None else f"{type(error).__name__}: {error}"


def scene(*functions: Callable[..., Any], make: Callable[[], Any]) -> Callable[[Arena], None]:
    """A setup: tasks that are each called with what `make` makes."""

    def setup(arena: Arena) -> None:
        made = make()
        for function in functions:
            arena.spawn(function.__name__, lambda f=function: f(made))

    return setup


def alone(function: Callable[[], Any], **more: Any) -> Any:
    """What a function returns, or raises, as the only task of a run."""
    with installed():
        done = run(
            lambda arena: arena.spawn("alone", function) and None,
            lambda options, current: 0,
            **more,
        )
    assert done.end == "done", done.blocked
    if done.ended[0].error is not None:
        raise done.ended[0].error
    return done.ended[0].value
