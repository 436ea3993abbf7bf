"""What a byte of the tape means: 256 choices, the benign ones first.

An operation that is not possible now returns False, and the world does the benign thing instead, so
that no byte is lost and a shrinker may set it to 0.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from futurefsm.client.testing import people, rogue
from futurefsm.client.testing.network import Channel
from futurefsm.client.testing.switches import Faults

if TYPE_CHECKING:
    from futurefsm.client.testing.engine import Worker
    from futurefsm.client.testing.world import World

Op: TypeAlias = Callable[[Any], bool]

# Exit codes and signals of workers that die by themselves.
_EXITS = (-9, 1, 0, -11)
_WINDOW = 8


def advance(world: "World") -> bool:
    """What has waited longest."""
    return bool(world.advance())


def _full(world: "World", *, lossy: bool = False) -> list[Channel]:
    return [
        each
        for each in world.channels
        if each.flight and not each.frozen and (each.lossy or not lossy)
    ]


def deliver(world: "World") -> bool:
    """The head of any channel: links do not wait for each other."""
    channels = _full(world)
    if not channels:
        return False
    world.deliver(channels[world.tape.choose(len(channels))])
    return True


def _busy(world: "World") -> "Worker | None":
    busy = [each for each in world.engine.workers.values() if each.task is not None]
    return busy[world.tape.choose(len(busy))] if busy else None


def finish(world: "World") -> bool:
    """A task returns or raises."""
    worker = _busy(world)
    if worker is None:
        return False
    world.engine.finish(worker, world.tape.next() < 128)
    return True


def report(world: "World") -> bool:
    """The engine reads a worker's pipe."""
    full = [each for each in world.engine.workers.values() if each.pipe]
    if not full:
        return False
    world.engine.report(full[world.tape.choose(len(full))])
    return True


def call_back(world: "World") -> bool:
    """The callback thread does a job."""
    parties = [each for each in world.parties if each.callbacks.jobs]
    if not parties:
        return False
    parties[world.tape.choose(len(parties))].call_back()
    return True


def clock(world: "World") -> bool:
    """Time passes."""
    return bool(world.pass_time())


def resume(world: "World") -> bool:
    """An interrupted thread goes on."""
    return any(party.resume() for party in world.parties)


# Faults.


def die(world: "World") -> bool:
    """A worker dies by itself, busy or idle, or before it has begun what it was handed."""
    alive = [each for each in world.engine.workers.values() if each.alive]
    if not alive:
        return False
    alive.sort(key=lambda each: each.task is None)
    worker = alive[world.tape.choose(len(alive))]
    how = world.tape.choose(2 * len(_EXITS))
    world.engine.die(worker, _EXITS[how % len(_EXITS)], early=how >= len(_EXITS))
    return True


def overtake(world: "World") -> bool:
    """A worker's death is known before its last answer."""
    for worker in world.engine.workers.values():
        if len(worker.pipe) > 1:
            world.engine.report(worker, 1)
            return True
    return False


def starve(world: "World") -> bool:
    """No worker can be started any more; those that live go on."""
    if world.engine.starved:
        return False
    world.engine.starved = True
    world.note("W", "no worker can be started any more")
    return True


def silence(world: "World") -> bool:
    """The scheduler stops for a client, or goes on."""
    party = world.parties[world.tape.choose(len(world.parties))]
    if party.gone:
        return False
    frozen = not party.from_scheduler.frozen
    party.from_scheduler.frozen = party.to_scheduler.frozen = frozen
    world.note("S", "stops" if frozen else "goes on", party.lane)
    return True


def cut(world: "World") -> bool:
    """A link ends for good."""
    party = world.parties[world.tape.choose(len(world.parties))]
    if party.gone:
        return False
    party.lose("the scheduler ended the connection")
    return True


def reorder(world: "World") -> bool:
    """A message overtakes those before it."""
    channels = [each for each in _full(world, lossy=True) if len(each.flight) > 1]
    if not channels:
        return False
    channel = channels[world.tape.choose(len(channels))]
    window = min(len(channel.flight), _WINDOW)
    world.deliver(channel, 1 + world.tape.choose(window - 1))
    return True


def duplicate(world: "World") -> bool:
    """A message arrives, and will arrive again."""
    channels = _full(world, lossy=True)
    if not channels:
        return False
    channel = channels[world.tape.choose(len(channels))]
    channel.flight.appendleft(channel.flight[0])
    world.deliver(channel)
    return True


def lose(world: "World") -> bool:
    """A message never arrives."""
    channels = _full(world, lossy=True)
    if not channels:
        return False
    channel = channels[world.tape.choose(len(channels))]
    packet = channel.flight.popleft()
    if world.logs:
        lost = (world.steps, world.now, channel.source, f"{channel.target}✗", packet.what)
        world.log.append((*lost, packet.sent))
    return True


# Shares of 256; what is left over is `advance`, at the low end.
_USUAL: tuple[tuple[Op, int], ...] = (
    (deliver, 30),
    (people.submit, 28),
    (people.cancel, 12),
    (finish, 22),
    (report, 6),
    (call_back, 4),
    (people.ask, 10),
    (people.call_me, 7),
    (people.wait, 4),
    (clock, 6),
    (people.drop, 6),
    (people.clear, 2),
    (people.leave, 2),
)
_FAULTY: tuple[tuple[str, Op, int], ...] = (
    ("preempt", resume, 6),
    ("die", die, 7),
    ("reorder", reorder, 9),
    ("duplicate", duplicate, 8),
    ("lose", lose, 7),
    ("overtake", overtake, 6),
    ("rogue", rogue.say, 16),
    ("silence", silence, 2),
    ("starve", starve, 2),
    ("cut", cut, 1),
)


@lru_cache
def table(faults: Faults) -> tuple[Op, ...]:
    """The meaning of each byte."""
    ops: list[Op] = []
    for op, share in _USUAL:
        ops += [op] * share
    for name, op, share in _FAULTY:
        if getattr(faults, name):
            ops += [op] * share
    return tuple([advance] * (256 - len(ops)) + ops)
