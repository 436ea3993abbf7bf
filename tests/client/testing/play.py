"""Moves of a world, made by hand."""

from futurefsm.client.testing.people import _ARGUMENTS, _FLAGS, _FUNCTIONS
from futurefsm.client.testing.record import Record
from futurefsm.client.testing.world import World
from futurefsm.client.tracker import Call


def submit(world: World, client: int = 0, *, interrupted: int = 0) -> Record:
    """submit() of a task without arguments."""
    party = world.parties[client]
    call = Call(party.ids.task_id(), _FUNCTIONS[0], _ARGUMENTS[0], _FLAGS[0])
    record = party.submit(call, interrupted=interrupted)
    assert record is not None
    world.touch(record)
    return record


def until_it_runs(world: World, record: Record) -> None:
    """Deliver in order until a worker has the task."""
    for _ in range(50):
        if record.starts:
            return
        assert world.advance()
    raise AssertionError("it never ran")


def until_quiet(world: World) -> None:
    """Deliver all messages; workers do not end."""
    for _ in range(200):
        channels = [each for each in world.channels if each.flight]
        if channels:
            world.deliver(channels[0])
        else:
            return
