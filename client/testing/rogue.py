"""A scheduler that misbehaves: beside what the real one says, it says what a correct one never
would. Its lies are put on the wire behind what is there already.

Late, never and out of order come from the other faults; here are: twice, each kind of confirmation,
a result after a confirmation, unknown tasks, results without an object or with one that does not
exist.
"""

from typing import TYPE_CHECKING

from futurefsm.protocol.messages import (
    CancelConfirmType,
    ClientDisconnect,
    ClientHeartbeatEcho,
    ClientShutdownResponse,
    Message,
    StorageAddress,
    TaskCancelConfirm,
    TaskResult,
    TaskResultType,
)

if TYPE_CHECKING:
    from futurefsm.client.testing.party import Party
    from futurefsm.client.testing.world import World

_UNKNOWN = bytes(16)
_RECENT = 5


def say(world: "World") -> bool:
    """Put one lie on the wire to a client."""
    party = world.parties[world.tape.choose(len(world.parties))]
    if party.gone:
        return False
    what = world.tape.next()
    order = party.order
    place = (what >> 4) % _RECENT
    task_id = order[-1 - place].task_id if place < len(order) else _UNKNOWN
    world.put(party.from_scheduler, _lie(world, party, task_id, what & 15))
    return True


def _lie(world: "World", party: "Party", task_id: bytes, kind: int) -> Message:
    if kind < 3:
        return TaskCancelConfirm(task_id, CancelConfirmType(kind))
    if kind < 6:
        return TaskResult(task_id, TaskResultType(kind - 3), b"", ())
    if kind < 9:
        object_id = world.engine.scheduler._ids.object_id(party.identity)
        # An object that is there, or one that is not and never will be.
        world.engine.forge(object_id, task_id, exists=kind < 8)
        return TaskResult(task_id, TaskResultType(kind % 2), b"", (object_id,))
    if kind < 12:
        return TaskCancelConfirm(_UNKNOWN, CancelConfirmType(kind - 9))
    if kind == 12:
        foreign = bytes(32)
        return TaskResult(_UNKNOWN, TaskResultType.SUCCESS, b"x", (foreign,))
    if kind == 13:
        return ClientShutdownResponse(True)
    if kind == 14:
        return ClientDisconnect()
    return ClientHeartbeatEcho(StorageAddress("elsewhere", 1))
