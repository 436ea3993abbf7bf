"""Races that users of other projects have reported, as far as they are about futures.

Each is a few lines of ours that go wrong as the report tells, beside the same put right. Those of
event loops are in `asyncio_reports.py`.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from futurefsm.fsm.effects import ANNOUNCE, NOTIFY
from futurefsm.fsm.events import CANCEL, RESULT_FAILED, SUBMIT
from futurefsm.fsm.lifecycles import STRICT
from futurefsm.fsm.states import CANCELLED, PENDING, RUNNING
from futurefsm.fsm.story import WIRE
from futurefsm.fsm.table import goes, ignores
from futurefsm.fsm.testing.gallery import pools
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.exhibits import Exhibit
from futurefsm.fsm.testing.harness import DEFAULT_CALLS, Harness
from futurefsm.fsm.testing.programs import Call

if TYPE_CHECKING:
    from futurefsm.fsm.testing.env import Env

# What runs can be cancelled, without asking anybody.
POOL = STRICT.derive(
    "pool",
    goes(PENDING, CANCEL, CANCELLED, NOTIFY, ANNOUNCE, why="it never started", answer=True),
    goes(RUNNING, CANCEL, CANCELLED, NOTIFY, ANNOUNCE, why="its worker is killed", answer=True),
    ignores(CANCELLED, SUBMIT, why="told already", answer=False),
)

# An attempt that fails is followed by another.
RETRIED = POOL.derive(
    "retried",
    goes(RUNNING, RESULT_FAILED, PENDING, why="it is tried again"),
    ignores(PENDING, RESULT_FAILED, why="no attempt is under way"),
)

Settle = Callable[[Future[Any], str, Any], None]


class PoolFutures(Harness):
    """A pool that settles its futures with one of the functions of `pools`."""

    lifecycle = POOL
    source = WIRE
    deliverable: tuple[str, ...] | None = (
        "submit",
        "result_success",
        "result_failed",
        "result_worker_died",
    )

    def __init__(self, settle: Settle) -> None:
        self._settle = settle

    @property
    def name(self) -> str:
        """That function's name."""
        return getattr(self._settle, "__name__", "?")

    def make(self, env: "Env") -> Future[Any]:
        return pools.PoolFuture()

    def deliver(self, env: "Env", future: Future[Any], event: str, value: Any) -> Any:
        if event == "submit":
            return future.set_running_or_notify_cancel()
        self._settle(future, event, value)
        return None


class PlainFutures(PoolFutures):
    """The same of futures that are never marked as running."""

    lifecycle = STRICT
    deliverable = ("result_success", "result_failed")

    def make(self, env: "Env") -> Future[Any]:
        return Future()


class RetriedFutures(PoolFutures):
    """The same of futures whose failed attempts are tried again.

    Args:
        future: their class.
    """

    lifecycle = RETRIED
    deliverable = ("submit", "result_success", "result_failed")

    def __init__(self, future: type[pools.RetriedFuture]) -> None:
        super().__init__(pools.settle_if_it_can_be)
        self._future = future

    @property
    def name(self) -> str:
        return self._future.__name__

    def make(self, env: "Env") -> Future[Any]:
        return self._future()

    def deliver(self, env: "Env", future: Any, event: str, value: Any) -> Any:
        if event == "result_failed":
            return future.try_again()
        return super().deliver(env, future, event, value)


class Mailboxes(Harness):
    """A mailbox for each future; the pump puts items in."""

    source = WIRE
    deliverable = ("result_success",)

    def __init__(self, mailbox: type[pools.Mailbox]) -> None:
        self._mailbox = mailbox

    @property
    def name(self) -> str:
        return self._mailbox.__name__

    def make(self, env: "Env") -> Future[Any]:
        mailbox = self._mailbox()
        future = mailbox.get()
        env.box[f"mailbox {len(env.futures) + 1}"] = mailbox
        return future

    def deliver(self, env: "Env", future: Future[Any], event: str, value: Any) -> None:
        env.box[f"mailbox {env.number(future) + 1}"].put(event, value)


class KeyedFutures(Harness):
    """Futures of one key: each forgets the one before."""

    source = WIRE
    deliverable = ("result_success", "result_failed")

    def __init__(self, keyed: type[pools.Keyed]) -> None:
        self._keyed = keyed

    @property
    def name(self) -> str:
        return self._keyed.__name__

    def make(self, env: "Env") -> Future[Any]:
        keyed = env.box.setdefault("keyed", self._keyed())
        generation, future = keyed.submit("key")
        env.box[f"generation {len(env.futures) + 1}"] = generation
        return future  # type: ignore[no-any-return]

    def deliver(self, env: "Env", future: Future[Any], event: str, value: Any) -> None:
        generation = env.box[f"generation {env.number(future) + 1}"]
        env.box["keyed"].on_result("key", generation, event, value)


class ExecutorFutures(Harness):
    """An executor for each future; "disconnect" is its shutdown, which waits."""

    calls = (*DEFAULT_CALLS, "disconnect")
    untimed = (*Harness.untimed, "disconnect")
    events: Mapping[str, tuple[str, ...]] = {"cancel": ("cancel",), "disconnect": ()}

    def __init__(self, executor: type[pools.Executor]) -> None:
        self._executor = executor

    @property
    def name(self) -> str:
        return self._executor.__name__

    def make(self, env: "Env") -> Future[Any]:
        executor = self._executor()
        future = executor.submit()
        env.box[f"executor {len(env.futures) + 1}"] = executor
        return future

    def deliver(self, env: "Env", future: Future[Any], event: str, value: Any) -> Any:
        if event == "submit":
            return super().deliver(env, future, event, value)
        return env.box[f"executor {env.number(future) + 1}"].end(future, event, value)

    def call(self, env: "Env", future: Future[Any], call: Call) -> Any:
        if call.name == "disconnect":
            return env.box[f"executor {env.number(future) + 1}"].shutdown()
        return super().call(env, future, call)


class DispatcherFutures(Harness):
    """Callbacks are added by a dispatcher."""

    def __init__(self, dispatcher: type[pools.Dispatcher]) -> None:
        self._dispatcher = dispatcher

    @property
    def name(self) -> str:
        return self._dispatcher.__name__

    def make(self, env: "Env") -> Future[Any]:
        env.box.setdefault("dispatcher", self._dispatcher())
        return Future()

    def call(self, env: "Env", future: Future[Any], call: Call) -> Any:
        if call.name == "add_done_callback":
            return env.box["dispatcher"].watch(future, env.callback(call))
        return super().call(env, future, call)


_GITHUB = "https://github.com/"

REPORTS: tuple[Exhibit, ...] = (
    Exhibit(
        "pebble-75",
        "cancel() between the look and set_exception() kills the pool's thread",
        ("pump raises",),
        PoolFutures(pools.settle_unless_cancelled),
        PoolFutures(pools.settle_if_it_can_be),
        source=_GITHUB + "noxdafox/pebble/issues/75",
    ),
    Exhibit(
        "vllm-omni-5793",
        "a time-out cancels between done() and set_result(): the only pump dies",
        ("pump raises",),
        PlainFutures(pools.settle_unless_done),
        PlainFutures(pools.settle_if_it_can_be),
        source=_GITHUB + "vllm-project/vllm-omni/issues/5793",
        seed=3,
    ),
    Exhibit(
        "curio-374",
        "a getter is cancelled between the look and set_result()",
        ("pump raises",),
        Mailboxes(pools.HastyMailbox),
        Mailboxes(pools.Mailbox),
        source=_GITHUB + "dabeaz/curio/issues/374",
        seed=3,
    ),
    Exhibit(
        "more-executors-150",
        "cancel() between the look and the next attempt: it is tried again all the same",
        ("absorbing", "linearizable", "agreement"),
        RetriedFutures(pools.RetriedAfterCancel),
        RetriedFutures(pools.RetriedFuture),
        source=_GITHUB + "rohanpm/more-executors/issues/150",
    ),
    Exhibit(
        "more-executors-337",
        "a result for a future that was cancelled is an error",
        ("pump raises",),
        PoolFutures(pools.settle),
        PoolFutures(pools.settle_if_it_can_be),
        source=_GITHUB + "rohanpm/more-executors/issues/337",
    ),
    Exhibit(
        "dask-294",
        "the late result of a forgotten task is taken for that of a new one of the same key",
        ("value", "released", "linearizable", "agreement"),
        KeyedFutures(pools.KeyedByKeyOnly),
        KeyedFutures(pools.Keyed),
        futures=2,
        source=_GITHUB + "dask/distributed/pull/294",
    ),
    Exhibit(
        "cpython-94440",
        "submit, cancel at once: the shutdown hangs",
        ("released",),
        ExecutorFutures(pools.ExecutorThatCountsResults),
        ExecutorFutures(pools.Executor),
        source=_GITHUB + "python/cpython/issues/94440",
        seed=3,
    ),
    Exhibit(
        "cpython-105829",
        "a blocking write into a pipe while the shutdown lock is held",
        ("nothing under a lock",),
        ClientFutures(manager=pools.SendsUnderTheManagersLock),
        ClientFutures(),
        source=_GITHUB + "python/cpython/issues/105829",
    ),
    Exhibit(
        "cpython-125492",
        "the shutdown waits for its thread while it holds the lock that this thread wants",
        ("nothing under a lock", "released"),
        ExecutorFutures(pools.ExecutorThatWaitsUnderItsLock),
        ExecutorFutures(pools.Executor),
        source=_GITHUB + "python/cpython/pull/125492",
    ),
    Exhibit(
        "joblib-875",
        "dispatch holds the lock that the callback wants",
        ("nothing under a lock", "timed calls end", "released"),
        DispatcherFutures(pools.DispatcherThatHoldsItsLock),
        DispatcherFutures(pools.Dispatcher),
        source=_GITHUB + "joblib/joblib/issues/875",
        seed=3,
    ),
    Exhibit(
        "parsl-2960",
        "a second exception for a settled future kills the queue's thread",
        ("pump raises",),
        PoolFutures(pools.settle_results_twice),
        PoolFutures(pools.settle_if_it_can_be),
        source=_GITHUB + "Parsl/parsl/issues/2960",
    ),
)
