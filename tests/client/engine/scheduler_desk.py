"""A scheduler on a desk: an object store that only knows what exists, and what was said."""

from typing import Any

from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.scheduler import Scheduler
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import IdSource
from futurefsm.protocol.task_flags import TaskFlags

ADDRESS = m.StorageAddress("/somewhere/storage", 0, "ipc")
ANNA, BERT = b"Client|anna", b"Client|bert"
FUNCTION = b"f" * 32
CANCELED, REFUSED, NOT_FOUND = (
    m.CancelConfirmType.CANCELED,
    m.CancelConfirmType.CANCEL_FAILED,
    m.CancelConfirmType.CANCEL_NOT_FOUND,
)


class Objects:
    """An object store that only knows what exists."""

    limit_bytes = 100
    stored_bytes = 90

    def __init__(self) -> None:
        self.present = {FUNCTION}
        self.too_large: dict[bytes, int] = {}

    def has(self, object_id: bytes) -> bool:
        return object_id in self.present

    def refused(self, object_id: bytes) -> int | None:
        return self.too_large.get(object_id)


class Watched(Scheduler):
    """Its alarm rings in time, whatever happens."""

    def _done(self) -> list[out.Output]:
        done = super()._done()
        deadline = self.deadline()
        assert deadline is None or self._alarm.at <= deadline
        # So the next that begins to wait has to say so by itself.
        self._alarm.set(deadline)
        return done


class Desk:
    """A scheduler with what it said."""

    def __init__(self, workers: int = 1, *, size: int = 0, protected: bool = True) -> None:
        self.objects = Objects()
        self.core = Watched(
            ADDRESS, IdSource(b"seed"), self.objects, workers=size, protected=protected
        )
        self.said: list[out.Output] = []
        for worker in range(workers):
            self.core.worker_started(worker, 0.0)

    def task(self, name: str, *arguments: bytes, client: bytes = ANNA, **more: Any) -> bytes:
        priority = more.pop("priority", 0)
        args = tuple(m.Argument(m.ArgumentType.OBJECT_ID, one) for one in arguments)
        fields = {
            "task_id": name.encode(),
            "source": client,
            "metadata": TaskFlags(priority=priority).pack(),
            "func_object_id": FUNCTION,
            "function_args": args,
        } | more
        self.tell(m.Task(**fields), client)
        return fields["task_id"]

    def tell(self, message: m.Message, client: bytes = ANNA, now: float = 0.0) -> None:
        self.said += self.core.received(client, message, now)

    def cancel(self, task_id: bytes, *, force: bool = True, client: bytes = ANNA) -> None:
        self.tell(m.TaskCancel(task_id, force), client)

    def store(self, object_id: bytes) -> None:
        self.objects.present.add(object_id)
        self.said += self.core.object_stored(object_id, 0.0)

    def done(self, worker: int, task_id: bytes, ok: bool = True) -> None:
        self.said += self.core.worker_done(worker, task_id, ok, b"p" * 16, 0.0)

    def died(self, worker: int, exit: int = -9, *, early: bool = False) -> None:
        """Early: before it has begun what it was handed."""
        task = self.core._workers.get(worker)
        begun = None if task is None or early else (task.client.identity, task.task_id)
        self.said += self.core.worker_died(worker, exit, 0.0, begun)

    def take(self) -> list[out.Output]:
        said, self.said = self.said, []
        return said

    def ran(self) -> list[bytes]:
        return [one.task_id for one in self.take() if isinstance(one, out.Run)]


def confirm(task_id: bytes, kind: m.CancelConfirmType, client: bytes = ANNA) -> out.SendTo:
    return out.SendTo(client, m.TaskCancelConfirm(task_id, kind))
