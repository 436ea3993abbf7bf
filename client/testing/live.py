"""The client's own Future under the race kit: real threads, real callbacks, a home of three lists.

The simulated world looks at the client's messages; here it is the future's threads: users, the
pump that brings the ends of tasks and the bytes of their values, and the callback thread.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future as StandardFuture
from functools import partial
from typing import TYPE_CHECKING, Any

from futurefsm.client.callbacks import CallbackThread
from futurefsm.client.future import Future
from futurefsm.client.home import Phase
from futurefsm.fsm import effects as fx
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.errors import ResultLostError
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.story import WIRE
from futurefsm.fsm.testing.env import FETCH_FAILS, LostError
from futurefsm.fsm.testing.programs import AWAIT
from futurefsm.fsm.testing.shipped import Messaged, listed_by
from futurefsm.fsm.threads import delivering

if TYPE_CHECKING:
    from futurefsm.fsm.testing.env import Env


class _Serializer:
    """The bytes of a value are the value."""

    guarded = False

    def loads(self, payload: Any) -> Any:
        return payload

    loads_error = loads


class _Callbacks(CallbackThread):
    """Says how much it still has to do."""

    owed = 0

    def _put(self, job: Any) -> bool:
        taken = super()._put(job)
        self.owed += taken
        return taken

    def _work(self, job: Any) -> None:
        super()._work(job)
        self.owed -= 1


class _Home:
    """What a client is for its futures, as far as these can tell."""

    name = "live"
    cancel_timeout: float | None = 30.0
    serializer: Any = _Serializer()

    def __init__(self, env: "Env") -> None:
        self._env = env
        self._calling = _Callbacks("live")
        self.callbacks: CallbackThread = self._calling
        # What the pump has to do, and what it has fetched, or deleted.
        self.jobs: deque[tuple[str, Any, str]] = deque()
        self._gone: set[str] = set()
        self._keys: dict[bytes, str] = {}
        self._discarded: set[bytes] = set()

    def stepped(self, task_id: bytes, step: Step, value: Any) -> None:
        """A step's effects: what is sent is sent now, the store is the pump's business."""
        env = self._env
        future = env.futures[int(task_id)]
        for effect in step.effects:
            if effect == fx.SEND_TASK:
                env.send("Task", future)
            elif effect == fx.SEND_CANCEL:
                env.send("TaskCancel", future)
            elif effect == fx.DELETE_RESULT:
                self.jobs.append(("delete", future, env.key(future, step.event)))
            elif effect in (fx.OFFER_VALUE, fx.OFFER_ERROR):
                self._keys[task_id] = value
                if not future._delayed:
                    self.jobs.append(("fetch", future, value))
                if task_id in self._discarded:
                    self.jobs.append(("discard", future, value))
            elif effect == fx.DISCARD_VALUE:
                # Two steps of two threads come in either order.
                self._discarded.add(task_id)
                self.jobs.append(("discard", future, ""))

    def want(self, future: Future[Any]) -> bool:
        """Somebody asks for a delayed value."""
        self.jobs.append(("want", future, ""))
        return True

    def violated(self, task_id: bytes, what: str) -> None:
        """Counted by the table's checks."""

    def check_process(self, *, waits: bool = False) -> None:
        """There is one process."""

    def busy(self) -> bool:
        """Whether somebody may still ask for something: a user, or a callback."""
        return bool(self._env.left or self._calling.owed)

    def work_until(self, came: Callable[[], bool], what: str) -> None:
        """On the pump: do what is asked for, until that came, or nobody is left who could ask."""
        self.work()
        while self.busy() and not came():
            self._env.arena.block(AWAIT, what, lambda: bool(self.jobs) or came() or not self.busy())
            self.work()

    def work(self) -> None:
        """On the pump: fetch and delete."""
        while self.jobs:
            what, future, key = self.jobs.popleft()
            key = key or self._keys.get(future.task_id, "")
            if not key or key in self._gone:
                continue
            if what in ("fetch", "want"):
                env = self._env
                env.arena.point("ask", key)
                if FETCH_FAILS not in env.faults:
                    future.deliver(env.stock[key])
                # It counts as fetched once the future has it: until then a time-out is right.
                try:
                    env.fetch(key)
                except LostError as error:
                    future.lose(b"", str(error))
                    continue
            self._gone.add(key)
            self._env.delete(key)


class LiveFutures(Messaged):
    """Futures of a client, with their callback thread.

    Args:
        future: their class.
        delayed: a value is fetched when somebody asks.
    """

    faults = ("fetch fails",)
    lost = (ResultLostError,)

    def __init__(self, future: type[Future[Any]] = Future, *, delayed: bool = False) -> None:
        self.future = future
        self.delayed = delayed

    @property
    def name(self) -> str:
        """Whether it is delayed, too."""
        return "client.Future" + (", delayed" if self.delayed else "")

    def make(self, env: "Env") -> StandardFuture[Any]:
        home = env.box.get("home")
        if home is None:
            home = env.box["home"] = _Home(env)
        number = len(env.futures)
        return self.future(CONFIRMED, home, b"%d" % number, "live", delayed=self.delayed)

    def deliver(self, env: "Env", future: Any, event: str, value: Any) -> Any:
        future.fire(event, value, WIRE)
        return None

    def pump(self, env: "Env") -> None:
        """Messages, and between them what the store gives; then until nobody asks any more.

        A client's pump stands still for nobody: who awaits a message serves the store meanwhile,
        and it ends behind the last callback, not behind the last user.
        """
        home: _Home = env.box["home"]
        with delivering():
            for number in range(env.program.early, len(env.program.path)):
                move = env.program.path[number]
                if move.event == AWAIT:
                    awaited = (move.message, move.future)
                    home.work_until(partial(env.sent.__contains__, awaited), move.message)
                if not env.move(number):
                    break
                home.work()
            home.work_until(bool, "work")

    def state(self, future: Any) -> str:
        return str(future.state)

    def making(self, future: Any) -> bool:
        return future._phase is Phase.LOADING

    def listed(self, future: Any) -> int:
        return listed_by(future)


LINES = ("futurefsm.client.future", "futurefsm.fsm.core", "futurefsm.fsm.future")
# For `campaign alarms --also`: each with the modules whose lines are switch points.
LIVE: tuple[tuple[LiveFutures, tuple[str, ...]], ...] = (
    (LiveFutures(), ()),
    (LiveFutures(), LINES),
    (LiveFutures(delayed=True), ()),
    (LiveFutures(delayed=True), LINES),
)
