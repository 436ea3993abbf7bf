"""The backlog alone: what waits, and in which order it runs."""

from futurefsm.client.engine.backlog import Backlog, Client, Task
from futurefsm.protocol import messages as m


class Desk:
    """A backlog, and the objects that exist."""

    def __init__(self) -> None:
        self.objects = {b"f"}
        self.backlog = Backlog(lambda object_id: object_id in self.objects)
        self.client = Client(b"Client|me", 0.0)
        self.count = 0

    def add(self, name: bytes, *arguments: bytes, priority: int = 0) -> Task:
        given = tuple(m.Argument(m.ArgumentType.OBJECT_ID, one) for one in arguments)
        message = m.Task(name, b"Client|me", b"", b"f", given)
        self.count += 1
        task = Task(self.client, message, priority, self.count)
        self.backlog.add(task)
        return task

    def drained(self) -> list[bytes]:
        names = []
        while (task := self.backlog.next()) is not None:
            names.append(task.task_id)
        return names


def test_first_come_first_served_and_the_urgent_before() -> None:
    desk = Desk()
    desk.add(b"1")
    desk.add(b"2")
    desk.add(b"urgent", priority=5)
    desk.add(b"3")
    assert desk.drained() == [b"urgent", b"1", b"2", b"3"]


def test_a_task_waits_for_its_objects_and_keeps_its_place() -> None:
    desk = Desk()
    first = desk.add(b"1", b"x", b"y")
    desk.add(b"2")
    assert desk.backlog.waiting_for(b"x") == (first,)
    assert len(desk.backlog.ready) == 1
    desk.objects |= {b"x", b"y"}
    desk.backlog.stored(b"x")
    desk.backlog.stored(b"y")
    assert len(desk.backlog.ready) == 2
    assert desk.drained() == [b"1", b"2"]
    assert len(desk.backlog.ready) == 0


def test_an_object_deleted_after_it_came_is_waited_for_again() -> None:
    desk = Desk()
    desk.objects.add(b"x")
    desk.add(b"1", b"x")
    desk.objects.discard(b"x")
    assert desk.drained() == []
    desk.objects.add(b"x")
    desk.backlog.stored(b"x")
    assert desk.drained() == [b"1"]


def test_what_was_withdrawn_never_runs_and_does_not_stay() -> None:
    desk = Desk()
    waiting = desk.add(b"waits", b"x")
    queued = [desk.add(bytes([n])) for n in range(200)]
    desk.backlog.withdraw(waiting)
    for task in queued[:-1]:
        desk.backlog.withdraw(task)
        desk.backlog.withdraw(task)
    assert len(desk.backlog) < 150
    assert desk.drained() == [bytes([199])]
    assert desk.backlog.waiting_for(b"x") == ()


def test_a_client_with_a_serializer_needs_it_for_every_task() -> None:
    desk = Desk()
    desk.client.announced = True
    desk.add(b"1")
    assert desk.drained() == []
    desk.objects.add(desk.client.serializer)
    desk.backlog.stored(desk.client.serializer)
    assert desk.drained() == [b"1"]


def test_it_says_whether_somebody_waits_for_an_object() -> None:
    desk = Desk()
    task = desk.add(b"1", b"a", b"b")
    assert desk.backlog.awaits(b"a")
    assert not desk.backlog.awaits(b"f")
    desk.objects |= {b"a", b"b"}
    desk.backlog.stored(b"a")
    assert not desk.backlog.awaits(b"a")
    assert desk.backlog.awaits(b"b")
    desk.backlog.withdraw(task)
    assert not desk.backlog.awaits(b"b")


def test_the_top_is_that_of_a_task_that_is_still_wanted() -> None:
    """By it the crew knows whether a task waits for its own; a cancelled one in front hid that."""
    desk = Desk()
    assert desk.backlog.top() is None
    desk.add(b"1", priority=1)
    cancelled = [desk.add(b"2", priority=3), desk.add(b"3", priority=2)]
    assert desk.backlog.top() == 3
    for task in cancelled:
        desk.backlog.withdraw(task)
    assert desk.backlog.top() == 1
    assert desk.drained() == [b"1"]
    assert desk.backlog.top() is None
