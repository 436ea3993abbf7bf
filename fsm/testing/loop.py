"""An event loop of a run: asyncio under the scheduler, and beside threads.

    def setup(arena):
        arena.spawn("loop", lambda: Loop(arena).run(main()))
        arena.spawn("pump", lambda: future.set_result(1))

    run(setup, choose)

What a real loop leaves to chance is a choice of the schedule: when another thread's
`call_soon_threadsafe` comes, when a timer expires (at any moment; time is virtual), and which of
several tasks that are ready goes on. Plain callbacks keep the order that asyncio promises.

Whoever waits on the loop's thread, but for the loop itself, makes it stand still: that is the check
"loop blocked".
"""

import asyncio
import heapq
from asyncio import events
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from futurefsm.fsm.testing.checks.loops import LOOP_BLOCKED, stands_still
from futurefsm.fsm.testing.threads.active import arena as active_arena
from futurefsm.fsm.testing.threads.deciding import costs_of
from futurefsm.fsm.testing.threads.scheduler import Arena
from futurefsm.fsm.testing.threads.steps import Run
from futurefsm.fsm.testing.threads.tasks import FIRE, GO

# A new thread is awaited until it has begun; a semaphore is asked, mostly without a wait.
_HARMLESS = ("started", "acquire")

# Told (operation, on what) when somebody waits on the loop's thread.
OnBlock = Callable[[str, str], None]


class Task(asyncio.Task[Any]):
    """A task that hashes by its number, so that a set of tasks is walked alike in every run."""

    number: int

    def __new__(cls, coro: Any, *, loop: "Loop", **_kwargs: Any) -> "Task":
        self = super().__new__(cls)
        self.number = loop.count()
        return self

    def __hash__(self) -> int:
        return self.number

    def running(self) -> bool:
        """As the kit asks: a task of asyncio is pending until it has ended."""
        return False


class Loop(asyncio.BaseEventLoop):
    """An event loop whose select is a wait of the scheduler. No sockets, pipes or signals.

    Args:
        arena: the run.
        name: for reports.
        ordered: tasks that are ready go on strictly in the order in which they became so, as in
            asyncio; else which of them goes on is a choice.
        on_block: told of waits on its thread; by default the run is told of a trouble.
        idle: what its own waiting is called in reports.

    Attributes:
        errors: what was handed to the loop's exception handler: an exception, or a message.
    """

    def __init__(
        self,
        arena: Arena,
        *,
        name: str = "loop",
        ordered: bool = False,
        on_block: OnBlock | None = None,
        idle: str = "select",
    ) -> None:
        super().__init__()
        self.name = name
        self.errors: list[Any] = []
        self._arena = arena
        self._ordered = ordered
        self._idle = idle
        self._on_block = on_block or self._blocked
        self._made: list[Task] = []
        self._numbers = 0
        self._selecting = self._ending = False
        # The task of the run that it runs on.
        self._runs_on: int | None = None
        _loops_of(arena).append(self)

    def __repr__(self) -> str:
        return self.name

    def run(self, main: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end, end what it left behind, and close: as `asyncio.run`."""
        try:
            try:
                return self.run_until_complete(main)
            finally:
                if not self._arena.over:
                    self._end_all()
        finally:
            main.close()
            self.close()

    def _end_all(self) -> None:
        left = [task for task in self._made if not task.done()]
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        # Where there is nothing to end, each would be two steps more in every picture.
        if self._asyncgens:  # type: ignore[attr-defined]
            self.run_until_complete(self.shutdown_asyncgens())
        if self._default_executor is not None:  # type: ignore[attr-defined]
            self.run_until_complete(self.shutdown_default_executor())

    def close(self) -> None:
        """Also ends coroutines of a run that was given up, which nobody will go on with."""
        for task in self._made:
            if not task.done():
                # asyncio would say that it was destroyed while it was pending.
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with suppress(BaseException):
                    task.get_coro().close()
        self._made.clear()
        super().close()

    def __del__(self) -> None:
        # Of a run that has not begun: nothing is lost that asyncio had to warn of.
        if not self.is_closed():
            self.close()

    # What asyncio asks of a loop.

    def time(self) -> float:
        """Virtual seconds since the run began."""
        return self._arena.now

    def count(self) -> int:
        """The next number of a task, from 1."""
        self._numbers += 1
        return self._numbers

    def create_task(
        self, coro: Any, *, name: object = None, context: Any = None, **kwargs: Any
    ) -> Any:
        """As asyncio's; its name is the same in every run."""
        self._check_closed()  # type: ignore[attr-defined]
        task = Task(coro, loop=self, name=name or f"task {self._numbers + 1}", context=context)
        self._made.append(task)
        return task

    def runs_here(self) -> bool:
        """Whether the calling code runs in it."""
        return self._runs_on is not None and self._arena.current == self._runs_on

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        """As asyncio's; others may go on before it."""
        if not self.runs_here():
            self._arena.point("call_soon_threadsafe", self.name)
        return super().call_soon_threadsafe(callback, *args, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Kept in `errors`, and in the run; what comes of a run that is given up is no error."""
        if self._arena.over:
            return
        error = context.get("exception") or context.get("message")
        self.errors.append(error)
        said = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else error
        self._arena.note(f"the loop's exception handler is told: {said}")
        if self._exception_handler is not None:  # type: ignore[attr-defined]
            super().call_exception_handler(context)

    def _write_to_self(self) -> None:
        """Nothing to write to: whoever selects looks at what is ready."""

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """As asyncio's, which joins a thread that is ending: nobody is kept by that."""
        self._ending = True
        try:
            await super().shutdown_default_executor(*args, **kwargs)
        finally:
            self._ending = False

    def run_forever(self) -> None:
        """As asyncio's, on the task of the run that calls it."""
        arena, before = self._arena, self._arena.on_wait
        self._runs_on = mine = arena.current

        def waits(task: int, op: str, what: Any, timed: bool, lock: Any) -> None:
            if before is not None:
                before(task, op, what, timed, lock)
            quiet = self._selecting or self._ending or op in _HARMLESS
            if task == mine and not quiet:
                self._on_block(op, arena.name_of(what))

        arena.on_wait = waits
        try:
            super().run_forever()
        finally:
            self._runs_on = None
            arena.on_wait = before

    def _blocked(self, op: str, what: str) -> None:
        self._arena.trouble(LOOP_BLOCKED, stands_still(self.name, op, what))

    # Its turns: one callback each.

    def _run_once(self) -> None:
        arena, ready = self._arena, self._ready  # type: ignore[attr-defined]
        self._expire()
        if ready:
            arena.point("run", self.name)
        else:
            self._select()
        self._expire()
        if not ready:
            return
        self._run_one(self._pick())
        if self._stopping:  # type: ignore[attr-defined]
            # What was ready when it was stopped still runs.
            for _ in range(len(ready)):
                self._run_one(0)

    def _select(self) -> None:
        """Wait until something is ready, or a timer expires."""
        first = self._first_timer()
        left = None if first is None else max(0.0, first - self.time())
        self._selecting = True
        try:
            ready = self._ready  # type: ignore[attr-defined]
            self._arena.block(self._idle, self.name, lambda: bool(ready), left)
        finally:
            self._selecting = False

    def _first_timer(self) -> float | None:
        """When the first timer expires that was not cancelled."""
        timers = self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0]._cancelled:
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
            heapq.heappop(timers)._scheduled = False
        return timers[0]._when if timers else None

    def _expire(self) -> None:
        """What is due is ready."""
        now = self.time()
        while (first := self._first_timer()) is not None and first <= now:
            handle = heapq.heappop(self._scheduled)  # type: ignore[attr-defined]
            handle._scheduled = False
            self._ready.append(handle)  # type: ignore[attr-defined]

    def _pick(self) -> int:
        """Which of those that are ready goes on; a timer may expire first."""
        places = self._places()
        first = self._first_timer()
        chosen = _choose(self._arena, len(places), first is not None)
        if chosen < len(places):
            return places[chosen]
        assert first is not None
        # Time passes while somebody computes.
        self._arena.now = max(self._arena.now, first)
        self._arena.note(f"the clock goes on to {first:g} s")
        self._expire()
        return 0

    def _places(self) -> list[int]:
        """For each task the place of its first step; all plain callbacks count as one task."""
        ready = self._ready  # type: ignore[attr-defined]
        if self._ordered:
            return [0]
        first: dict[Any, int] = {}
        for place, handle in enumerate(ready):
            if not handle._cancelled:
                first.setdefault(_task_of(handle), place)
        return list(first.values()) or [0]

    def _run_one(self, place: int) -> None:
        ready = self._ready  # type: ignore[attr-defined]
        handle = ready[place]
        del ready[place]
        if not handle._cancelled:
            if self._arena.detailed:
                self._arena.note(f"run {_said(handle)}")
            handle._run()


def _task_of(handle: Any) -> Task | None:
    """The task that a handle belongs to; None: a plain callback."""
    owner = getattr(handle._callback, "__self__", None)
    return owner if isinstance(owner, Task) else None


def _said(handle: Any) -> str:
    task = _task_of(handle)
    if task is not None:
        return task.get_name()
    callback = getattr(handle._callback, "func", handle._callback)
    return str(getattr(callback, "__qualname__", type(callback).__name__))


def _choose(arena: Arena, ready: int, timer: bool) -> int:
    """One of several ways to go on for the task that runs: the first is benign."""
    me = arena.me
    if me is None or ready + timer < 2:
        return 0
    options = [GO[me.number]] * ready + [FIRE[me.number]] * timer
    index = arena.chosen(options, costs_of(True, ready, int(timer)), me.number)
    arena.me = me
    if index is None:
        # What chooses has raised: the run is over.
        arena.leave()
    return index or 0


def _loops_of(arena: Arena) -> list[Loop]:
    """The loops of a run; they are closed with it.

    With the first one the run learns to hide running loops: that a loop runs is a fact of its
    thread, which tasks that share an OS thread must not see of each other.
    """
    loops: list[Loop] | None = getattr(arena, "loops", None)
    if loops is not None:
        return loops
    mine: list[Loop] = []

    def hidden(act: Callable[..., None]) -> Callable[..., None]:
        def switches(*args: Any) -> None:
            loop = events._get_running_loop()
            events._set_running_loop(None)
            try:
                act(*args)
            finally:
                events._set_running_loop(loop)

        return switches

    conclude = arena.conclude

    def concluded() -> Run:
        for loop in mine:
            loop.close()
        return conclude()

    special: Any = arena
    special.loops = mine
    special.step, special.leave = hidden(arena.step), hidden(arena.leave)
    special.conclude = concluded
    return mine


@contextmanager
def controlled() -> Iterator[None]:
    """`asyncio.run` and `asyncio.new_event_loop` in a run give a `Loop` of that run.

    Whoever is not in a run gets asyncio's own loop meanwhile.
    """
    real = events.new_event_loop

    def new_event_loop() -> Any:
        here = active_arena()
        return real() if here is None else Loop(here)

    places: list[Any] = [events, asyncio]
    for place in places:
        place.new_event_loop = new_event_loop
    try:
        yield
    finally:
        for place in places:
            place.new_event_loop = real
