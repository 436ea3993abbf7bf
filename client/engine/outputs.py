"""What the engine's scheduler asks its shell to do, in order. PURE.

Named tuples, because one is made for every message and they cost a third of a frozen dataclass.
"""

from typing import NamedTuple, TypeAlias

from futurefsm.protocol.messages import Message


class SendTo(NamedTuple):
    """Send a message to a client."""

    client: bytes
    message: Message


class Run(NamedTuple):
    """Hand a task to an idle worker. All objects named here exist.

    `serializer_id` is None where the client has none of its own. With `stream_output` what the
    task writes is sent to the client.
    """

    worker: int
    task_id: bytes
    source: bytes
    serializer_id: bytes | None
    func_object_id: bytes
    arg_object_ids: tuple[bytes, ...]
    priority: int = 0
    stream_output: bool = False


class Offer(NamedTuple):
    """Let a worker that is busy take this task when it has nothing else; until then it is queued,
    and can be taken back. Tell `taken_back` at once where that cannot be had."""

    run: Run


class TakeBack(NamedTuple):
    """Take back what all workers were offered and have not taken: another has nothing to do."""


class StoreResult(NamedTuple):
    """Keep the payload that came with the answer of a worker, under this id. One payload may be
    kept under several: all nodes of a graph end with the error of the first that failed."""

    task_id: bytes
    object_id: bytes


class StoreError(NamedTuple):
    """Keep this pickled exception; nobody else made one."""

    object_id: bytes
    payload: bytes


class Kill(NamedTuple):
    """Kill a worker; report its death."""

    worker: int


class StartWorker(NamedTuple):
    """Start a worker, in place of one that died or beyond their usual number."""


class Delete(NamedTuple):
    """Delete objects, also from the caches of workers."""

    object_ids: tuple[bytes, ...]


class DeleteOwned(NamedTuple):
    """Delete all objects whose ids begin with `owner`, but for `keep`."""

    owner: bytes
    keep: tuple[bytes, ...] = ()


class Bar(NamedTuple):
    """A client has left: objects that it still sends with this owner are not kept."""

    owner: bytes


class Admit(NamedTuple):
    """It is back: they are."""

    owner: bytes


class EndEngine(NamedTuple):
    """A client asked for the end of the engine, and that is allowed."""


class Complain(NamedTuple):
    """A peer did what a correct one never does; log it, rarely."""

    client: bytes
    reason: str


Output: TypeAlias = (
    SendTo
    | Run
    | Offer
    | TakeBack
    | StoreResult
    | StoreError
    | Kill
    | StartWorker
    | Delete
    | DeleteOwned
    | Bar
    | Admit
    | EndEngine
    | Complain
)
