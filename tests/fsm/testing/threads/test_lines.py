"""Line level: a switch point in front of what threads may share."""

import asyncio
import concurrent.futures._base
import random
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from schedules import BACKENDS, alone, outcomes

from futurefsm.fsm.future import Future
from futurefsm.fsm.testing.threads import Arena, benign, installed, lines, run

SOURCE = '''
"""A module whose lines are looked at."""
import contextlib
import threading

total = 0
LOCK = threading.Lock()


def count():
    """Not safe: reads, then writes."""
    global total
    seen = total
    total = seen + 1
    return total


def private(x):
    """Only its own."""
    y = x
    if y > 3:
        y = 4
    while y < 0:
        y = 0
    z = not y
    return z


class Box:
    """Not a line."""

    size = 3

    def __init__(self):
        self.full = False
        self.items = []

    def put(self, item):
        if not self.full:
            self.full = True
            self.items.append(item)
            return True
        elif self.items:
            return False
        else:
            return None

    def wait(self):
        while not self.full:
            pass
        else:
            return self.items

    def pair(self):
        a, b = self.full, self.items
        none = ()
        return a, self.full, *self.items, b

    @property
    def first(self):
        for each in self.items:
            return each

    @contextlib.contextmanager
    def entered(self):
        try:
            yield self
        except KeyError as error:
            raise error
        finally:
            self.full = None

    def nested(self):
        name = 1

        def inner():
            nonlocal name
            name = name + 1
            return name

        return [inner(), name, (lambda: self.full)(), [i for i in range(2)]]

    def matched(self, what):
        match what:
            case 1:
                return self.size
            case _:
                with LOCK:
                    pass
                with contextlib.suppress(KeyError):
                    del self.items[0]
                import os
                return os.sep

    async def later(self):
        async with self.own() as own:
            async for each in own.each():
                await own.done()
        return self.full

    def own(self):
        return Own()


class Own:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        pass

    async def each(self):
        yield 1

    async def done(self):
        pass


kept = Box().nested
'''


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("lines")
    (folder / "looked_at.py").write_text(SOURCE)
    sys.path.insert(0, str(folder))
    try:
        import looked_at  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(folder))
    return looked_at


def line_of(text: str) -> str:
    found = [n for n, line in enumerate(SOURCE.splitlines(), 1) if line.strip() == text]
    return f"looked_at.py:{found[0]}"


def stops(function: Any) -> list[str]:
    """The lines at which a call of a function stops."""
    done = run(lambda arena: arena.spawn("t", function) and None, benign)
    assert done.ended[0].error is None, done.ended[0].error
    return [step.what for step in done.steps if step.op == "line"]


def texts(where: list[str]) -> list[str]:
    source = SOURCE.splitlines()
    return [source[int(each.partition(":")[2]) - 1].strip() for each in where]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_lost_update_is_found_only_at_line_level(module: Any, backend: str) -> None:
    def setup(arena: Arena) -> None:
        module.total = 0
        for name in "ab":
            arena.spawn(name, module.count)
        arena.finish = lambda: totals.add(module.total)

    totals: set[int] = set()
    outcomes(setup, backend=backend)
    assert totals == {2}
    with installed(lines=["looked_at"]):
        outcomes(setup, backend=backend)
    assert totals == {1, 2}
    totals.clear()
    # It is as it was.
    outcomes(setup, backend=backend)
    assert totals == {2}


def test_who_checks_and_then_acts_is_found(module: Any) -> None:
    def setup(arena: Arena) -> None:
        box = module.Box()
        for name in "ab":
            arena.spawn(name, lambda: box.put(1))

    assert outcomes(setup) == {("done", True, False), ("done", False, True)}
    with installed(lines=[module]):
        assert ("done", True, True) in outcomes(setup)


def test_stops_are_in_front_of_what_is_shared(module: Any) -> None:
    with installed(lines=[module]):
        assert texts(stops(module.count)) == [
            "seen = total",
            "total = seen + 1",
            "return total",
        ]
        assert stops(lambda: module.private(9)) == []
        box = module.Box()
        assert texts(stops(lambda: (box.put(1), box.put(2)))) == [
            "if not self.full:",
            "self.full = True",
            "self.items.append(item)",
            "if not self.full:",
            "elif self.items:",
        ]
        assert texts(stops(box.wait)) == ["while not self.full:", "return self.items"]
        assert texts(stops(lambda: box.first)) == ["for each in self.items:"]


def test_what_reads_twice_has_a_stop_between(module: Any) -> None:
    with installed(lines=[module]):
        box = module.Box()
        assert texts(stops(box.pair)) == [
            "a, b = self.full, self.items",
            "a, b = self.full, self.items",
            "return a, self.full, *self.items, b",
        ]
        assert box.pair() == (False, False, [])


def test_blocks_of_all_kinds(module: Any) -> None:
    box = module.Box()
    with installed(lines=[module]):
        assert texts(stops(lambda: box.entered().__enter__())) == ["yield self", "self.full = None"]
        assert texts(stops(box.nested)) == [
            "name = 1",
            "return [inner(), name, (lambda: self.full)(), [i for i in range(2)]]",
            "name = name + 1",
            "return name",
        ]
        assert texts(stops(lambda: box.matched(1))) == ["return self.size"]
        assert texts(stops(lambda: box.put(1) and box.matched(2)))[-3:] == [
            "with contextlib.suppress(KeyError):",
            "del self.items[0]",
            "return os.sep",
        ]
        assert texts(stops(lambda: asyncio.run(box.later()))) == [
            "async with self.own() as own:",
            "return Own()",
            "async for each in own.each():",
            "yield 1",
            "await own.done()",
            "return self.full",
        ]


def test_what_was_bound_or_made_before_is_looked_at_too(module: Any) -> None:
    early = module.Box.nested
    with installed(lines=[module]):
        assert len(stops(module.kept)) == 4
        assert len(stops(lambda: early(module.Box()))) == 6
        made = alone(module.Box)
    # What a run left behind works on.
    assert made.nested()[1] == 2
    assert not stops(module.kept)


def test_a_polling_loop_goes_round(module: Any) -> None:
    def setup(arena: Arena) -> None:
        box = module.Box()
        arena.spawn("waits", box.wait)
        arena.spawn("puts", lambda: box.put(1))

    with installed(lines=[module]):
        assert run(setup, lambda options, current: len(options) - 1).end == "done"
        assert run(setup, benign, max_steps=50).end == "livelock"


def test_lines_are_the_same_in_tracebacks_and_blocked_tasks(module: Any) -> None:
    def setup(arena: Arena) -> None:
        event = threading.Event()
        box = module.Box()

        def waits() -> None:
            with box.entered():
                event.wait()

        arena.spawn("waits", waits)

    with installed(lines=[module]):
        done = run(setup, benign, detailed=True)
    assert done.blocked[0].where.startswith("test_lines.py:")
    assert done.steps[1].where == line_of("yield self")


def test_cleaning_up_is_done_to_its_end_and_not_for_ever(module: Any) -> None:
    kept: list[Any] = []

    def setup(arena: Arena) -> None:
        box = module.Box()
        kept.append(box)

        def waits() -> None:
            with box.entered():
                arena.block("await", "", lambda: False)

        def for_ever() -> None:
            try:
                arena.block("await", "", lambda: False)
            finally:
                module.Box().wait()

        arena.spawn("waits", waits)
        arena.spawn("for ever", for_ever)

    with installed(lines=[module]):
        assert run(setup, benign).end == "deadlock"
    assert kept[0].full is None


def test_hooks_and_conditions_of_a_block_do_not_stop(module: Any) -> None:
    def setup(arena: Arena) -> None:
        box, lock = module.Box(), threading.Lock()

        def user() -> None:
            with lock:
                arena.block("await", "", lambda: not box.first)

        arena.spawn("user", user)
        arena.on_acquire = arena.on_release = lambda *about: box.first
        arena.on_step = lambda: box.first

    with installed(lines=[module]):
        done = run(setup, benign, detailed=True)
    assert [step.op for step in done.steps] == ["start", "acquire", "await"]


def test_outside_a_run_nothing_stops(module: Any) -> None:
    with installed(lines=[module]):
        assert module.count() == module.total

        def setup(arena: Arena) -> None:
            # In no task.
            assert module.count() == module.total

        run(setup, benign)


def test_a_module_without_source_is_refused() -> None:
    with pytest.raises(ValueError, match="time has no source"), installed(lines=[time]):
        raise AssertionError


def test_code_that_was_compiled_otherwise_is_found_by_its_place(tmp_path: Path) -> None:
    """As pytest's: it rewrites asserts."""
    import types

    path = tmp_path / "other.py"
    path.write_text(
        textwrap.dedent(
            """
            def use(box):
                assert box
                box.x = 1

            def outer(box):
                def inner():
                    return box
                return inner
            """
        )
    )
    module: Any = types.ModuleType("other")
    module.__file__ = str(path)
    exec(compile(path.read_text(), str(path), "exec", optimize=1), vars(module))
    exec(compile("def stray(): pass", str(path), "exec"), vars(module))
    before = module.use.__code__
    with lines.lines_of([module]):
        assert module.use.__code__ is not before
    assert module.use.__code__ is before


@pytest.mark.parametrize("make", [concurrent.futures.Future, Future])
def test_futures_are_right_at_line_level(make: Any) -> None:
    names = ["concurrent.futures._base", "futurefsm.fsm.core", "futurefsm.fsm.future"]

    def setup(arena: Arena) -> None:
        future = make()
        arena.spawn("asks", lambda: future.result(1))
        future.set_running_or_notify_cancel()
        arena.spawn("sets", lambda: future.set_result(5))

    dice = random.Random(5)

    def choose(options: Any, current: int | None) -> int:
        return dice.randrange(len(options)) if dice.random() < 0.1 else 0

    with installed(lines=names):
        found = [run(setup, choose) for _ in range(50)]
    ended = {(done.end, done.ended[0].value, type(done.ended[0].error)) for done in found}
    assert ("done", 5, type(None)) in ended
    assert {each[0] for each in ended} == {"done"}
    assert len({step.what for step in found[0].steps}) > 5
