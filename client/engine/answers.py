"""What the scheduler says to clients about their tasks. PURE.

Each task gets one answer: a result, or the confirmation of a cancel.
"""

import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.backlog import Client, Objects, Task
from futurefsm.client.errors import ObjectStoreFullError, TaskRefusedError
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import IdSource
from futurefsm.protocol.mapping import worker_died
from futurefsm.protocol.task_flags import Profile

_PROTOCOL = 5
# A real scheduler's client reads a profile out of every answer.
_NO_PROFILE = Profile().pack()


class Answers:
    """The part of the scheduler that speaks.

    Args:
        ids: makes the ids of result objects.
        objects: the object store.

    Attributes:
        counts: what was wrong with messages, and how often.
    """

    def __init__(self, ids: IdSource, objects: Objects) -> None:
        self.counts: Counter[str] = Counter()
        self._ids = ids
        self._objects = objects
        self._out: list[out.Output] = []

    def _lives(self, client: Client) -> bool:
        """Whether this client, and not a later one of the same name, is connected."""
        raise NotImplementedError

    def _refuse(self, client: Client, task_id: bytes, reason: str) -> None:
        """Answer a task that never comes to life."""
        self._complain(client.identity, reason)
        result = self._ids.object_id(client.identity)
        payload = pickle.dumps(TaskRefusedError(reason), _PROTOCOL)
        self._out.append(out.StoreError(result, payload))
        failed = m.TaskResultType.FAILED
        self._send(client, m.TaskResult(task_id, failed, _NO_PROFILE, (result,)))

    def _confirm(self, kind: m.CancelConfirmType) -> Callable[[Task, dict[str, Any]], None]:
        def send(task: Task, fact: dict[str, Any]) -> None:
            if not task.silent:
                self._send(task.client, m.TaskCancelConfirm(task.task_id, kind))

        return send

    def _send_result(self, task: Task, fact: dict[str, Any]) -> None:
        client = task.client
        if task.silent:
            return
        if not self._lives(client):
            # Its client left: an object that nobody can fetch would stay for ever.
            self._confirm(m.CancelConfirmType.CANCELED)(task, fact)
            return
        ok = bool(fact.get("ok"))
        result = (ok and task.result) or self._ids.object_id(client.identity)
        if "error" in fact:
            self._out.append(out.StoreError(result, pickle.dumps(fact["error"], _PROTOCOL)))
        else:
            self._out.append(out.StoreResult(fact.get("payload_of", task.task_id), result))
        kind = m.TaskResultType.SUCCESS if ok else m.TaskResultType.FAILED
        answer = m.TaskResult(task.task_id, kind, fact.get("profile", _NO_PROFILE), (result,))
        self._out.append(out.SendTo(client.identity, answer))

    def _send_worker_died(self, task: Task, fact: dict[str, Any]) -> None:
        answer = worker_died(task.task_id, fact["exit"])
        self._send(task.client, replace(answer, metadata=_NO_PROFILE))

    def _full(self, object_id: bytes) -> ObjectStoreFullError:
        size = self._objects.refused(object_id) or 0
        return full("an object that the task needs", size, self._objects)

    def _send(self, client: Client, message: m.Message) -> None:
        self._out.append(out.SendTo(client.identity, message))

    def _complain(self, client: bytes, reason: str) -> None:
        self.counts[reason] += 1
        self._out.append(out.Complain(client, reason))


def written(task_id: bytes, stream: int, text: bytes) -> m.TaskLog:
    """What a task has written to stdout, or to stderr (`stream` 1)."""
    kind = m.LogType.STDERR if stream else m.LogType.STDOUT
    return m.TaskLog(task_id, kind, text.decode("utf-8", "replace"))


def full(what: str, size: int, objects: Objects) -> ObjectStoreFullError:
    """What its client is told where something of so many bytes does not fit."""
    return ObjectStoreFullError(what, size, objects.stored_bytes, objects.limit_bytes)
