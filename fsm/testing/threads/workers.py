"""Threads that the code under test starts, and who it believes to be.

The methods of the real `threading.Thread` are replaced, not the class: so subclasses that were made
before (`threading.Timer`, the user's own) are controlled too. A thread started in a run is a task;
elsewhere the real methods run.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures.thread import ThreadPoolExecutor
from typing import Any

from futurefsm.fsm.testing.threads.active import ACTIVE, arena, get_ident, real_start
from futurefsm.fsm.testing.threads.tasks import LOCK, Abort, Task

Thread = threading.Thread
_real_methods: dict[str, Callable[..., Any]] = {
    "start": Thread.start,
    "join": Thread.join,
    "is_alive": Thread.is_alive,
}
real_current_thread = threading.current_thread
real_get_native_id = threading.get_native_id
real_enumerate = threading.enumerate
real_active_count = threading.active_count
real_counter: Any = threading._counter  # type: ignore[attr-defined]
real_executors: Any = ThreadPoolExecutor._counter  # type: ignore[attr-defined]
real_except_hook = threading.excepthook

# Idents of tasks: unlike any of a real thread, which are addresses.
_IDENT = 1_000_001


def task_ident() -> int:
    """`get_ident`: each task has one of its own."""
    here = ACTIVE.arena
    ident = get_ident()
    if here is None or here.ident != ident or here.me is None:
        return ident
    return _IDENT + here.me.number


def native_id() -> int:
    """`get_native_id`, likewise."""
    here = arena()
    if here is None or here.me is None:
        return real_get_native_id()
    return _IDENT + here.me.number


def current_thread() -> Thread:
    """`threading.current_thread`: each task is a thread."""
    here = arena()
    if here is None or here.me is None:
        return real_current_thread()
    return _thread_of(here.me)


def _thread_of(task: Task) -> Thread:
    if task.thread is None:
        task.thread = Thread(name=task.name, daemon=task.daemon)
        _begun(task.thread, task)
    return task.thread  # type: ignore[no-any-return]


def _begun(thread: Any, task: Task) -> None:
    """The real thread object looks as if it had been started."""
    thread._task = task
    task.thread = thread
    thread._ident = thread._native_id = _IDENT + task.number
    thread._started._flag = True


def enumerate_threads() -> list[Thread]:
    """`threading.enumerate`: the main thread, and those of the run."""
    here = arena()
    if here is None:
        return real_enumerate()
    return [threading.main_thread(), *[_thread_of(task) for task in here.live]]


def active_count() -> int:
    """`threading.active_count`, likewise."""
    here = arena()
    return real_active_count() if here is None else 1 + len(here.live)


def count_threads() -> int:
    """Number in the name of the next thread; from 1 in each run."""
    here = arena()
    return int(real_counter()) if here is None else here.serial("Thread")


def count_executors() -> int:
    """Number in the thread names of the next executor; from 0 in each run, as the real one."""
    here = arena()
    return int(real_executors()) if here is None else here.serial("executor") - 1


def start(self: Any) -> None:
    """`Thread.start`. When it returns, the new thread may have run, or not yet."""
    here = arena()
    if here is None:
        _real_methods["start"](self)
        return
    if not self._initialized:
        raise RuntimeError("thread.__init__() not called")
    here.point("start", self.name)
    if self._started._flag:
        raise RuntimeError("threads can only be started once")
    _begun(self, here.add(self.name, lambda: _run(self), self.daemon))
    # The new thread may run before this one goes on, which need not be at an operation.
    here.point("started", self.name)


def _run(thread: Any) -> None:
    try:
        thread.run()
    except (Abort, SystemExit):
        pass
    except BaseException as raised:
        if threading.excepthook is not real_hook():
            arguments = (type(raised), raised, raised.__traceback__, thread)
            threading.excepthook(threading.ExceptHookArgs(arguments))
        raise


def join(self: Any, timeout: float | None = None) -> None:
    """`Thread.join`."""
    task: Task | None = getattr(self, "_task", None)
    here = arena()
    if task is None:
        if here is not None and here.me is not None and not self._started._flag:
            raise RuntimeError("cannot join thread before it is started")
        _real_methods["join"](self, timeout)
        return
    me = None if here is None else here.me
    if me is task:
        raise RuntimeError("cannot join current thread")
    if here is None or me is None:
        if task in task.arena.live and timeout is None:
            raise task.arena.stuck("join", self.name)
        return
    me.op = "join"
    me.what = self.name
    if here.on_wait is not None and task._owner is not None:
        here.tell(here.on_wait, me.number, "join", self.name, timeout is not None, None)
    if timeout is None or timeout > 0:
        me.lock = task
        me.state = LOCK
        if timeout is not None:
            me.timed = True
            me.deadline = here.now + timeout
    here.step(me)


def is_alive(self: Any) -> bool:
    """`Thread.is_alive`; a switch point."""
    task: Task | None = getattr(self, "_task", None)
    if task is None:
        return bool(_real_methods["is_alive"](self))
    here = arena()
    if here is not None:
        here.point("is_alive", self.name)
    return task._owner is not None


methods = {"start": start, "join": join, "is_alive": is_alive}


def start_new_thread(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None = None,
) -> int:
    """`_thread.start_new_thread`: in a run, another task."""
    here = arena()
    if here is None:
        return real_start(function, args, dict(kwargs or {}))
    named = dict(kwargs or {})
    here.point("start", "thread")
    name = f"thread-{here.serial('thread')}"
    return _IDENT + here.add(name, lambda: function(*args, **named), True).number


_hook: list[Any] = [real_except_hook]


def real_hook() -> Any:
    """The hook that stood when the primitives were installed; one set later is the test's own."""
    return _hook[0]


def remember_hook() -> None:
    _hook[0] = threading.excepthook


class local:
    """`threading.local` of a run: one set of attributes for each task."""

    __slots__ = ("__dict__", "__weakref__", "_of_run")

    def __new__(cls, /, *args: Any, **kwargs: Any) -> Any:
        here = arena()
        if here is None and cls is local:
            return real_local(*args, **kwargs)
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError("Initialization arguments are not supported")
        self = object.__new__(cls)
        spaces: dict[int | None, dict[str, Any]] = {_key(): {}}
        object.__setattr__(self, "_of_run", (spaces, args, kwargs))
        object.__setattr__(self, "__dict__", spaces[_key()])
        return self

    def __getattribute__(self, name: str) -> Any:
        _turn_to_own(self)
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "__dict__":
            raise AttributeError(
                f"{type(self).__name__!r} object attribute '__dict__' is read-only"
            )
        _turn_to_own(self)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if name == "__dict__":
            raise AttributeError(
                f"{type(self).__name__!r} object attribute '__dict__' is read-only"
            )
        _turn_to_own(self)
        object.__delattr__(self, name)


real_local = threading.local


def _key() -> int | None:
    here = arena()
    return None if here is None or here.me is None else here.me.number


def _turn_to_own(self: local) -> None:
    """Make the attributes those of the current task; new there: a subclass's `__init__` runs."""
    spaces, args, kwargs = object.__getattribute__(self, "_of_run")
    key = _key()
    space = spaces.get(key)
    if space is None:
        space = spaces[key] = {}
        object.__setattr__(self, "__dict__", space)
        type(self).__init__(self, *args, **kwargs)
    object.__setattr__(self, "__dict__", space)
