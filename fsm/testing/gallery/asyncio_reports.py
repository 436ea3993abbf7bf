"""Races of event loops: one of a client's own history, and those that other projects reported.

Each is a few lines of ours that go wrong as the report tells, beside the same put right.
"""

import asyncio
from typing import Any

from futurefsm.fsm import events as ev
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.exhibits import Exhibit
from futurefsm.fsm.testing.gallery.mutants_waiting import BlocksTheLoop
from futurefsm.fsm.testing.inloop import AsyncioFutures, AsyncioTasks
from futurefsm.fsm.testing.onloop import OnLoop


def settle_at_the_end(future: Any, event: str, value: Any) -> None:
    """A runner that sets the result of its coroutine without a look: somebody may have cancelled
    the future meanwhile."""
    if event == ev.RESULT_FAILED:
        future.set_exception(value)
    else:
        future.set_result(value)


async def swallows_the_cancel(gate: Any) -> Any:
    """`asyncio.wait_for` until Python 3.11: a cancel that arrives with the result is forgotten."""
    woken = asyncio.get_running_loop().create_future()

    def wake(_gate: Any) -> None:
        if not woken.done():
            woken.set_result(None)

    gate.add_done_callback(wake)
    try:
        await woken
    except asyncio.CancelledError:
        if gate.done():
            return gate.result()
        raise
    return gate.result()


async def passes_the_cancel_on(gate: Any) -> Any:
    """The same, as it should be: who was cancelled ends cancelled."""
    woken = asyncio.get_running_loop().create_future()

    def wake(_gate: Any) -> None:
        if not woken.done():
            woken.set_result(None)

    gate.add_done_callback(wake)
    await woken
    return gate.result()


_GITHUB = "https://github.com/"

BLOCKED_LOOP = Exhibit(
    "20",
    "cancelling a task that awaits the future stops the whole loop",
    ("loop blocked",),
    OnLoop(ClientFutures(BlocksTheLoop)),
    OnLoop(ClientFutures()),
)

ASYNCIO_REPORTS: tuple[Exhibit, ...] = (
    Exhibit(
        "tornado-2188",
        "a coroutine ends after its future was cancelled: set_result() raises",
        ("pump raises",),
        AsyncioFutures(settle_at_the_end),
        AsyncioFutures(),
        source=_GITHUB + "tornadoweb/tornado/issues/2188",
    ),
    Exhibit(
        "cpython-86296",
        "a cancel that arrives with the result is swallowed: cancel() is True of a finished task",
        ("linearizable", "agreement", "value"),
        AsyncioTasks(swallows_the_cancel),
        AsyncioTasks(passes_the_cancel_on),
        source=_GITHUB + "python/cpython/issues/86296",
    ),
)
