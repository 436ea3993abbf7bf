"""Graphs of tasks. PURE.

Each node is a task like any other; the id of its result object is made when the graph arrives, and
those who need it have that id among their arguments. So a node waits for its inputs as any task
waits for its objects. What is special is told here: who is answered when, and what becomes of the
rest when one node fails or is cancelled.

Answers: one for each node, as it ends; then one for the graph itself (the umbrella). When a node
fails, all others end with its error: those that wait at once, those that run are stopped.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from futurefsm.client.engine.backlog import Client, Task
from futurefsm.fsm import events as ev
from futurefsm.fsm.events import Event
from futurefsm.protocol import messages as m

RUNNING, FAILED, CANCELLED = "running", "failed", "cancelled"


class Desk(Protocol):
    """What graphs need of the scheduler."""

    def fire(self, task: Task, event: Event, **fact: Any) -> None:
        """An event of one task."""

    def fail_node(self, task: Task, **fact: Any) -> None:
        """Answer for a node that failed with another's error."""

    def send(self, client: Client, message: m.Message) -> None:
        """To a client."""

    def delete(self, object_ids: tuple[bytes, ...]) -> None:
        """From the store."""


class Graph:
    """A graph that is alive.

    Attributes:
        umbrella: its id.
        open: nodes that were not answered, in order.
        targets: the nodes whose results the client wants.
        users: result object → how many nodes still need it.
        kept: result objects that exist and that no target needs to keep.
        state: running, failed, cancelled.
    """

    __slots__ = ("client", "kept", "open", "state", "targets", "umbrella", "users")

    def __init__(self, client: Client, message: m.GraphTask) -> None:
        self.client = client
        self.umbrella = message.task_id
        self.targets = frozenset(message.targets)
        self.open: dict[bytes, Task] = {}
        self.users: Counter[bytes] = Counter()
        self.kept: set[bytes] = set()
        self.state = RUNNING


class Graphs:
    """All graphs of one scheduler.

    Args:
        desk: the scheduler.
        object_id: makes the id of a result of this client.
    """

    def __init__(self, desk: Desk, object_id: Callable[[bytes], bytes]) -> None:
        self._desk = desk
        self._object_id = object_id

    def accept(self, client: Client, message: m.GraphTask, nodes: list[Task]) -> list[Task]:
        """Take a graph without faults; its nodes, in order, which are to be begun.

        Args:
            client: who sent it.
            message: the graph.
            nodes: its tasks, in the message's order.
        """
        graph = Graph(client, message)
        for task in nodes:
            task.graph = graph
            task.result = self._object_id(client.identity)
            graph.open[task.task_id] = task
        for task, node in zip(nodes, message.graph, strict=True):
            inputs = []
            for argument in node.function_args:
                if argument.type is m.ArgumentType.TASK:
                    result = graph.open[argument.data].result
                    assert result is not None
                    inputs.append(result)
                    graph.users[result] += 1
                else:
                    inputs.append(argument.data)
            task.arguments = tuple(inputs)
        client.graphs[graph.umbrella] = graph
        self._close_if_over(graph)
        return nodes

    def cancel(self, graph: Graph) -> None:
        """The client asked for the end of the graph, or of one node: all of it ends."""
        graph.state = CANCELLED
        for task in tuple(graph.open.values()):
            self._desk.fire(task, ev.CANCEL_FORCED)

    def ended(self, task: Task, event: Event, fact: dict[str, Any]) -> None:
        """A node has been answered."""
        graph = task.graph
        assert graph is not None
        assert task.result is not None
        graph.open.pop(task.task_id, None)
        if event == ev.WORKER_DONE and fact.get("ok"):
            if task.task_id not in graph.targets:
                graph.kept.add(task.result)
            self._used(graph, task)
        elif graph.state == RUNNING:
            graph.state = FAILED
            if event == ev.WORKER_DONE:
                # The error lies with the shell, which keeps it once for each of them.
                fact = {"ok": False, "payload_of": task.task_id}
            self._fail_rest(graph, fact)
        self._close_if_over(graph)

    def _fail_rest(self, graph: Graph, fact: dict[str, Any]) -> None:
        """Answer for all that is open; stop what runs."""
        rest, graph.open = tuple(graph.open.values()), {}
        for task in rest:
            task.graph = None
            self._desk.fail_node(task, **fact)

    def _used(self, graph: Graph, task: Task) -> None:
        """Results that nobody needs any more go: its inputs, or its own. Nothing else is looked at,
        for a graph may be large."""
        assert task.result is not None
        for object_id in task.arguments:
            if object_id in graph.users:
                graph.users[object_id] -= 1
        done = {
            one
            for one in (*task.arguments, task.result)
            if one in graph.kept and not graph.users[one]
        }
        if done:
            graph.kept -= done
            self._desk.delete(tuple(sorted(done)))

    def _close_if_over(self, graph: Graph) -> None:
        if graph.open or graph.client.graphs.get(graph.umbrella) is not graph:
            return
        del graph.client.graphs[graph.umbrella]
        if graph.kept:
            self._desk.delete(tuple(sorted(graph.kept)))
        if graph.state == CANCELLED:
            kind = m.CancelConfirmType.CANCELED
            self._desk.send(graph.client, m.TaskCancelConfirm(graph.umbrella, kind))
            return
        failed = graph.state == FAILED
        kind_ = m.TaskResultType.FAILED if failed else m.TaskResultType.SUCCESS
        self._desk.send(graph.client, m.TaskResult(graph.umbrella, kind_))
