"""Which tasks are taken. What is refused with which words: test_scheduler.py and test_graphs.py."""

from futurefsm.client.engine.admission import admit, fault
from futurefsm.client.engine.backlog import Client, Task
from futurefsm.protocol import messages as m
from futurefsm.protocol.task_flags import TaskFlags

ME = b"Client|me"


def message(name: bytes, *needs: bytes, flags: bytes = b"") -> m.Task:
    arguments = tuple(m.Argument(m.ArgumentType.TASK, one) for one in needs)
    return m.Task(name, ME, flags, b"f" * 32, arguments)


def test_what_its_flags_say() -> None:
    flags = TaskFlags(priority=3, stream_output=True).pack()
    task = admit(Client(ME, 0.0), message(b"t", flags=flags), 7)
    assert isinstance(task, Task)
    assert (task.priority, task.stream_output, task.order) == (3, True, 7)


def test_empty_flags_are_the_defaults() -> None:
    task = admit(Client(ME, 0.0), message(b"t"), 0)
    assert isinstance(task, Task)
    assert (task.priority, task.stream_output) == (0, False)


def test_a_diamond_is_no_cycle() -> None:
    nodes = (message(b"d", b"b", b"c"), message(b"b", b"a"), message(b"c", b"a"), message(b"a"))
    assert fault(Client(ME, 0.0), m.GraphTask(b"g", ME, (), nodes)) is None


def test_a_cycle_beside_what_is_fine() -> None:
    nodes = (message(b"fine"), message(b"a", b"b", b"fine"), message(b"b", b"a"))
    assert "cycle" in str(fault(Client(ME, 0.0), m.GraphTask(b"g", ME, (), nodes)))
