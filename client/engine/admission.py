"""Which tasks the scheduler takes. PURE.

A real scheduler takes nearly everything, and some of it kills its workers one after the other. Here
what cannot run is answered at once, and harms nobody else.
"""

from collections.abc import Collection
from functools import lru_cache

from futurefsm.client.engine.backlog import Client, Task
from futurefsm.protocol import messages as m
from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.ids import OBJECT_ID_BYTES
from futurefsm.protocol.task_flags import TaskFlags

# Most tasks of a client have the same.
_flags = lru_cache(64)(TaskFlags.unpack)


def admit(
    client: Client, message: m.Task, order: int, nodes: Collection[bytes] | None = None
) -> Task | str:
    """The task, or why it is refused.

    Args:
        client: who sent it.
        message: the task.
        order: the number of its arrival.
        nodes: the ids of its graph's nodes, which arguments may name; None outside of a graph.
    """
    if message.source != client.identity:
        return "its source is another client"
    try:
        flags = _flags(message.metadata)
    except ProtocolError as error:
        return str(error)
    for argument in message.function_args:
        if argument.type is m.ArgumentType.OBJECT_ID:
            if len(argument.data) != OBJECT_ID_BYTES:
                return "an object id has not 32 bytes"
        elif nodes is None:
            return "an argument names a task, outside of a graph"
        elif argument.data not in nodes:
            return "an argument names a task that is not in the graph"
    if len(message.func_object_id) != OBJECT_ID_BYTES:
        return "an object id has not 32 bytes"
    task = Task(client, message, flags.priority, order)
    task.stream_output = flags.stream_output
    return task


def fault(client: Client, graph: m.GraphTask) -> str | None:
    """What is wrong with a graph as a whole: ids that are used twice, a cycle."""
    names = [node.task_id for node in graph.graph]
    if graph.source != client.identity:
        return "its source is another client"
    if len({graph.task_id, *names}) <= len(names):
        return "the graph uses an id twice"
    if any(name in client.tasks or name in client.graphs for name in names):
        return "the graph uses the id of a task that is alive"
    return None if _sortable(graph) else "the graph has a cycle"


def _sortable(graph: m.GraphTask) -> bool:
    """Whether every node can come after those that it needs."""
    waits: dict[bytes, int] = {}
    users: dict[bytes, list[bytes]] = {}
    for node in graph.graph:
        needs = {one.data for one in node.function_args if one.type is m.ArgumentType.TASK}
        waits[node.task_id] = len(needs)
        for need in needs:
            users.setdefault(need, []).append(node.task_id)
    ready = [name for name, number in waits.items() if not number]
    sorted_ = 0
    while ready:
        sorted_ += 1
        for user in users.get(ready.pop(), ()):
            waits[user] -= 1
            if not waits[user]:
                ready.append(user)
    return sorted_ == len(waits)
