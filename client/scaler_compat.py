"""A drop-in for `scaler.Client` 2.9: a user of OpenGRIS Scaler switches by changing one import.

The same arguments, methods and results; the exceptions are also Scaler's own where Scaler is
installed. What differs on purpose is told in docs/guides/from-scaler.md.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import TracebackType
from typing import Any, TypeVar

from futurefsm.client import client as own
from futurefsm.client import closing, scaler_errors
from futurefsm.client import future as base
from futurefsm.client.errors import InvalidReferenceError
from futurefsm.client.nested import surroundings
from futurefsm.client.references import ObjectReference
from futurefsm.fsm import errors
from futurefsm.fsm.threads import must_not_wait

__all__ = ["Client", "DefaultSerializer", "ObjectReference", "ProfileResult", "ScalerFuture"]

T = TypeVar("T")

# Ours → Scaler's name for it.
_ALSO: dict[type[BaseException], str] = {
    errors.ClientClosedError: "ClientQuitException",
    errors.ConnectionLostError: "DisconnectedError",
    errors.WorkerDiedError: "WorkerDiedError",
    InvalidReferenceError: "MissingObjects",
}


class DefaultSerializer:
    """cloudpickle, as without a serializer."""

    @staticmethod
    def serialize(obj: Any) -> bytes:
        """The object as bytes."""
        import cloudpickle

        return bytes(cloudpickle.dumps(obj, protocol=5))

    @staticmethod
    def deserialize(payload: bytes) -> Any:
        """The object that the bytes stand for."""
        import pickle

        return pickle.loads(payload)


_DEFAULT = DefaultSerializer()


@dataclass(frozen=True, slots=True)
class ProfileResult:
    """What a task cost: seconds, growth of the memory's peak in bytes, processor seconds."""

    duration_s: float = 0.0
    memory_peak: int = 0
    cpu_time_s: float = 0.0


class ScalerFuture(base.Future[T]):
    """A future of a drop-in `Client`."""

    __slots__ = ()

    def profiling_info(self) -> Any:
        """What the task cost, a `ProfileResult`.

        Raises:
            ValueError: it has not ended, or nobody told.
        """
        cost = super().profiling_info() if self.done() else None
        if cost is None:
            raise ValueError(f"nothing is known yet of what {self.describe()} cost")
        return ProfileResult(cost.seconds, cost.peak_bytes, cost.cpu_seconds)

    def cancel(self, timeout: float | None = None) -> bool:
        """Ask for its end, and wait for the answer.

        Args:
            timeout: seconds; None waits without bound; 0 only asks.

        Returns:
            False where it had finished: its result stays. Else True, and it will have no result.

        Raises:
            TimeoutError: no answer in time; the request stands.
        """
        if self.done() and not self._node.state.is_cancelled:
            return False
        said = super().cancel(timeout)
        if timeout != 0 and not self.done() and must_not_wait() is None:
            raise errors.FutureTimeoutError(
                f"{self.describe()}: no answer to its cancel within {timeout} s", self.story
            )
        return said

    def result(self, timeout: float | None = None) -> T:
        """As in the base class."""
        try:
            return super().result(timeout)
        except tuple(_ALSO) as error:
            raise _also_theirs(error) from error.__cause__

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As in the base class."""
        error = super().exception(timeout)
        return error if error is None else _also_theirs(error)


class _Client(own.Client):
    """The client behind the face."""

    future_class = ScalerFuture

    @property
    def identity(self) -> bytes:
        return self._agent.pump.tracker.identity

    @property
    def address(self) -> Any:
        return self._made_with["address"]

    @property
    def closed(self) -> bool:
        return self._agent.inbox.closed is not None

    def cancel_everything(self) -> None:
        closing.cancel_all(closing.unsettled(self._agent), self._agent.timeout)


class Client:
    """A client of a Scaler cluster, with the face of `scaler.Client`.

    Args:
        address: of the scheduler; None only inside a task, whose own scheduler it is then.
        profiling: nothing: a cluster tells what tasks cost in any case.
        timeout_seconds: of silence, after which the scheduler counts as lost.
        heartbeat_interval_seconds: between two signs of life.
        serializer: an instance with ``serialize(obj) -> bytes``, ``deserialize(bytes) -> obj``.
        stream_output: print here what tasks print.
        object_storage_address: where the one that the scheduler names cannot be reached.
        security_config: its `tls_cert` names a certificate to trust, for ``tls://`` addresses.

    Raises:
        ValueError: no address, and this is no task.
        ConnectionLostError: nobody answers at the address; Scaler's DisconnectedError too.
    """

    def __init__(
        self,
        address: str | None = None,
        profiling: bool = False,
        timeout_seconds: int = 60,
        heartbeat_interval_seconds: int = 2,
        serializer: Any = _DEFAULT,
        stream_output: bool = False,
        object_storage_address: str | None = None,
        security_config: Any = None,
    ) -> None:
        if address is None and surroundings() is None:
            raise ValueError(
                "no scheduler address, and this is no task of a cluster: pass the address"
            )
        self._made_with = (
            address,
            profiling,
            timeout_seconds,
            heartbeat_interval_seconds,
            serializer,
            stream_output,
            object_storage_address,
            security_config,
        )
        self._client = _theirs(
            _Client,
            address,
            cancel_timeout=None,
            timeout=timeout_seconds,
            heartbeat_interval=heartbeat_interval_seconds,
            serializer=None if _is_default(serializer) else serializer,
            stream_output=stream_output,
            object_storage_address=object_storage_address,
            tls=getattr(security_config, "tls_cert", None),
        )

    @property
    def identity(self) -> bytes:
        """What the scheduler knows this client by."""
        return self._client.identity

    def __repr__(self) -> str:
        return repr(self._client)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.disconnect()

    def __reduce__(self) -> tuple[Any, ...]:
        address = self._client.address
        return type(self), (address, *self._made_with[1:])

    def submit(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> ScalerFuture[T]:
        """Run ``fn(*args, **kwargs)`` in a worker; keyword-only arguments arrive too."""
        return self.submit_verbose(fn, args, kwargs)

    def submit_verbose(
        self,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        capabilities: dict[str, int] | None = None,
        reserialize: bool = False,
    ) -> ScalerFuture[T]:
        """`submit`, on a worker with these capabilities.

        Args:
            reserialize: nothing: arguments are serialised each time, and equal bytes sent once.
        """
        made: Any = _theirs(
            self._client.submit_verbose, fn, args, kwargs, capabilities=capabilities
        )
        return made  # type: ignore[no-any-return]

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        capabilities: dict[str, int] | None = None,
        reserialize: bool = False,
    ) -> list[T]:
        """``list(map(fn, *iterables))``, in the workers.

        Raises:
            TypeError: no iterable.
            Exception: of the first call that failed; the others are cancelled, the client lives on.
        """
        if not iterables:
            raise TypeError("map() needs at least one iterable")
        return self.starmap(fn, zip(*iterables, strict=False), capabilities, reserialize)

    def starmap(
        self,
        fn: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        capabilities: dict[str, int] | None = None,
        reserialize: bool = False,
    ) -> list[T]:
        """``list(itertools.starmap(fn, iterable))``, in the workers. Raises as `map`."""
        view = self._client.options(capabilities=capabilities)
        return _theirs(lambda: list(view.starmap(fn, iterable)))

    def get(
        self,
        graph: Mapping[str, Any],
        keys: list[str],
        block: bool = True,
        capabilities: dict[str, int] | None = None,
        reserialize: bool = False,
    ) -> dict[str, Any]:
        """Compute a graph of tasks: key → result, or key → future where it shall not `block`."""
        if len(set(keys)) < len(keys):
            raise KeyError(f"a key is there twice: {keys}")
        view = self._client.options(capabilities=capabilities)
        return _theirs(view.get, graph, keys, block)

    def send_object(self, obj: Any, name: str | None = None) -> ObjectReference:
        """Put an object into the store, once, for many tasks."""
        return _theirs(self._client.send_object, obj, name)

    def clear(self) -> None:
        """Cancel what is unfinished, and drop all objects of this client."""
        _theirs(self._client.clear)

    def disconnect(self) -> None:
        """Cancel what is unfinished, and leave. The cluster goes on."""
        self._client.disconnect()

    def shutdown(self) -> None:
        """Cancel what is unfinished, end the cluster with all its workers, and leave.

        Raises:
            ValueError: the scheduler is protected, and goes on. This client has left.
        """
        client = self._client
        if client.closed:
            return
        client.cancel_everything()
        try:
            accepted = client.shutdown_cluster()
        except errors.ClientClosedError:
            return
        finally:
            client.disconnect()
        if not accepted:
            raise ValueError("the scheduler is protected: it cannot be shut down by a client")


def _is_default(serializer: Any) -> bool:
    kind = serializer if isinstance(serializer, type) else type(serializer)
    theirs = "scaler.client.serializer.default"
    return kind is DefaultSerializer or (kind.__module__, kind.__name__) == (
        theirs,
        "DefaultSerializer",
    )


def _theirs(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """``call(...)``; what it raises is Scaler's own error too, where that has one."""
    try:
        return call(*args, **kwargs)
    except tuple(_ALSO) as error:
        raise _also_theirs(error) from error.__cause__


def _also_theirs(error: BaseException) -> BaseException:
    kind: Any = type(error)
    joined = _joined(kind)
    if joined is not None:
        error.__class__ = joined
    return error


@cache
def _joined(kind: Any) -> Any:
    name = _ALSO.get(kind)
    theirs = getattr(_exceptions(), name, None) if name is not None else None
    if theirs is None:
        return None
    inside = {"__doc__": kind.__doc__, "__module__": kind.__module__, "__reduce__": _as_ours}
    return type(kind.__name__, (kind, theirs), inside)


def _as_ours(error: BaseException) -> Any:
    # The class is made on demand: no pickle could find it by its name.
    plain = type(error).__mro__[1]
    state = {k: v for k, v in error.__dict__.items() if k != "story"}
    # Its text, with the story that stays behind.
    return plain, (str(error),), state


@cache
def _exceptions() -> Any:
    try:
        return import_module(scaler_errors.THEIRS)
    except ImportError:
        return None


# So that what a cluster sends becomes Scaler's own class as well, where there is one.
_exceptions()
