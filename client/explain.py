"""What a future waits for, in a sentence."""

from typing import TYPE_CHECKING, Any

from futurefsm.client.blame import shown
from futurefsm.client.future import Future
from futurefsm.protocol.ids import short

if TYPE_CHECKING:
    from futurefsm.client.agent import Agent


def explain(future: "Future[Any]", agent: "Agent", now: float) -> str:
    """Say what the future waits for, from whom, and since when.

    Args:
        future: of the agent's client.
        now: monotonic seconds.

    Raises:
        TypeError: it is of no client, or of another.
    """
    if not isinstance(future, Future) or not future.belongs_to(agent):
        raise TypeError(
            f"only a future of client {agent.name} can be explained, not {shown(future)}"
        )
    what, state = future.describe(), future.state
    story = future.story
    since = f"{now - story[-1].time:.1f} s" if story else "its creation"
    if state.is_cancelled:
        outcome = future.cancel_outcome
        known = outcome.means if outcome is not None else "nobody said why"
        return f"{what} is cancelled since {since}: {known}."
    if state.settled:
        return f"{what} finished {since} ago; {future.value_text()}."
    heard = agent.pump.tracker.last_heard
    alive = f"last heard from {now - heard:.1f} s ago" if heard is not None else "never heard from"
    if agent.ended.is_set():
        return f"{what} is {state}, and its client is closed: nothing will move it."
    needed = agent.pump.tracker.ties.owed(future.task_id)
    if needed:
        others = ", ".join(f"task {short(each)}" for each in needed[:3])
        more = f" and {len(needed) - 3} more" if len(needed) > 3 else ""
        return (
            f"{what} is {state} for {since}: it waits in this process for the results of "
            f"{others}{more}, which it needs."
        )
    if state == "pending":
        return (
            f"{what} is pending for {since}: it waits in this process for a free worker of "
            f"{agent.scheduler} ({alive})."
        )
    owed = "a TaskResult"
    if state.cancel_decided:
        owed = "a TaskCancelConfirm or a TaskResult"
        if future.cancel_outcome == "refused":
            owed = "a TaskResult (the worker refused to stop)"
    sent = agent.pump.tracker.sent_at(future.task_id)
    way = f"sent {now - sent:.1f} s ago" if sent is not None else "still in the outgoing queue"
    whom = f"{agent.scheduler} ({alive})"
    return f"{what} is {state} for {since}: {way}; it waits for {owed} from {whom}."
