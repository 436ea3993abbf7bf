"""From a call to a task on its way: options, bytes, the outgoing queue, the future."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from futurefsm.client import mapping, nested
from futurefsm.client.blame import shown
from futurefsm.client.errors import ObjectStoreFullError
from futurefsm.client.future import Future
from futurefsm.client.getting import Gets
from futurefsm.client.inputs import Packed, pack
from futurefsm.client.references import ObjectReference
from futurefsm.client.sending import Sending, Terms
from futurefsm.client.serializer import name_of
from futurefsm.client.uploads import Blob
from futurefsm.fsm.errors import ClientClosedError
from futurefsm.fsm.table import Lifecycle
from futurefsm.protocol.ids import IdSource
from futurefsm.protocol.messages import TaskCapability
from futurefsm.protocol.task_flags import PRIORITY_MAX, TaskFlags

if TYPE_CHECKING:
    from futurefsm.client.agent import Agent

T = TypeVar("T")

_INT64_MAX = 2**63 - 1
_NO_FLAGS = TaskFlags().pack()


class Options(NamedTuple):
    """How a task is to be run.

    Attributes:
        capabilities: what its worker must have, for a scheduler that looks.
        priority: larger is more urgent; None: one more than that of the task that submits, and 0
            outside of tasks.
        delayed: its value is fetched only when somebody asks for it.
        stream_output: what it prints is printed here, while it runs.
    """

    capabilities: tuple[TaskCapability, ...] = ()
    priority: int | None = None
    delayed: bool = False
    stream_output: bool = False

    def terms(self, needed_by: int | None = None) -> Terms:
        """How a task that is submitted here and now is to be run. `needed_by` as in `Call`."""
        return Terms(self._flags(), self.delayed, self.capabilities, needed_by)

    def _flags(self) -> bytes:
        priority = self.priority
        if priority is None:
            priority = nested.priority()
        if not priority and not self.stream_output:
            return _NO_FLAGS
        return TaskFlags(priority=priority, stream_output=self.stream_output).pack()


def checked(
    base: Options,
    *,
    capabilities: "Mapping[str, int] | Iterable[str] | None" = None,
    priority: int | None = None,
    delayed: bool | None = None,
    stream_output: bool | None = None,
) -> Options:
    """`base`, with what is not None put in its place.

    Raises:
        TypeError, ValueError: an option that cannot be; says which. A worker of a real cluster
            dies of some of them, and the next one after it.
    """
    changed: dict[str, Any] = {}
    if capabilities is not None:
        changed["capabilities"] = _capabilities(capabilities)
    if priority is not None:
        if isinstance(priority, bool) or not isinstance(priority, int):
            raise TypeError(f"priority must be a whole number, not {shown(priority)}")
        if not 0 <= priority <= PRIORITY_MAX:
            raise ValueError(f"priority must lie between 0 and {PRIORITY_MAX}, not {priority}")
        changed["priority"] = priority
    for name, flag in (("delayed", delayed), ("stream_output", stream_output)):
        if flag is not None:
            if not isinstance(flag, bool):
                raise TypeError(f"{name} must be True or False, not {shown(flag)}")
            changed[name] = flag
    return base._replace(**changed) if changed else base


def _capabilities(given: "Mapping[str, int] | Iterable[str]") -> tuple[TaskCapability, ...]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise TypeError(f"capabilities must be a dict or a list of names, not {shown(given)}")
    pairs = given.items() if isinstance(given, Mapping) else ((name, -1) for name in given)
    made = []
    for name, value in pairs:
        if not isinstance(name, str) or not name:
            raise TypeError(f"the name of a capability must be a string, not {shown(name)}")
        if not name.isprintable():
            raise ValueError(f"the name of a capability must be printable text, not {name!r}")
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"capability {name!r} must be a whole number, not {shown(value)}")
        if not -1 <= value <= _INT64_MAX:
            raise ValueError(f"capability {name!r} must be -1 (any) or more, not {value}")
        made.append(TaskCapability(name, value))
    return tuple(made)


class Submitter:
    """Makes tasks of calls, for one client. Safe to use from many threads.

    Args:
        agent: the client's connection.
        ids: makes task ids.
        lifecycle: what the futures obey.
        timeout: seconds to wait for room in the outgoing queue.
        store_bytes: what one object may have, at most; None where nobody knows.
        make: the class of the futures.
    """

    def __init__(
        self,
        agent: "Agent",
        ids: IdSource,
        lifecycle: Lifecycle,
        *,
        timeout: float,
        store_bytes: int | None = None,
        make: type[Future[Any]] = Future,
    ) -> None:
        self._agent = agent
        self._ids = ids
        self._lifecycle = lifecycle
        self._timeout = timeout
        self._store_bytes = store_bytes
        self._make = make

    def submit(
        self,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: Options,
    ) -> Future[T]:
        """See `Client.submit`."""
        self.check()
        _check_callable(fn)
        return self._send(fn, None, args, kwargs, options.terms())

    def prepared(
        self, fn: Callable[..., T], options: Options
    ) -> Callable[[tuple[Any, ...]], Future[T]]:
        """`submit` of one function many times: it is pickled once, when it is first called."""
        self.check()
        _check_callable(fn)
        terms = options.terms()
        made: list[Blob] = []

        def submit(args: tuple[Any, ...]) -> Future[T]:
            self.check()
            if not made:
                made.append(self._agent.serializer.function(fn, {}))
            return self._send(fn, made[0], args, {}, terms)

        return submit

    def check(self) -> None:
        """Whether anything can be submitted at all.

        Raises:
            ClientClosedError, ForkedClientError: as `Client.submit`.
        """
        agent = self._agent
        agent.check_process()
        if agent.inbox.closed is not None:
            raise ClientClosedError(agent.inbox.closed)

    def _send(
        self,
        fn: Callable[..., T],
        function: Blob | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        terms: Terms,
    ) -> Future[T]:
        sending = self.sending(fn, function, args, kwargs, terms)
        sending.claim()
        sending.put(self._timeout)
        return sending.future

    def put(self, sending: Sending) -> None:
        """Into the outgoing queue, what was claimed."""
        sending.put(self._timeout)

    def function(self, fn: Any) -> Blob:
        """Pickle a function. Raises as `Client.submit`."""
        _check_callable(fn)
        return self._agent.serializer.function(fn, {})

    def argument(self, value: Any, place: str) -> Blob:
        """Pickle an argument; `place` names it in errors. Raises as `Client.submit`."""
        return self._agent.serializer.argument(value, place, self.argument)

    def sending(
        self,
        fn: Callable[..., Any],
        function: Blob | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        terms: Terms,
        *,
        future: Future[Any] | None = None,
    ) -> Sending:
        """Pickle a call; nothing is sent yet.

        Args:
            function: `fn` with `kwargs`, where they are pickled already.
            terms: how it is to be run.
            future: of the task, where it is made already.
        """
        packed = pack(self._agent.serializer, fn, function, args, kwargs)
        # What its function is called was found out when that was pickled.
        name = packed.function.name
        self._check_sizes(packed, name)
        future = future or self._future(name, terms.delayed)
        return Sending(self._agent, future, fn, packed, terms)

    def future(self, fn: Callable[..., Any], options: Options) -> Future[Any]:
        """A new one, pending."""
        return self._future(name_of(fn), options.delayed)

    def _future(self, name: str, delayed: bool) -> Future[Any]:
        task_id = self._ids.task_id()
        return self._make(self._lifecycle, self._agent, task_id, name, delayed=delayed)

    def send_object(self, obj: Any, name: str | None) -> ObjectReference:
        """See `Client.send_object`."""
        self.check()
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of an object must be a string, not {shown(name)}")
        place = "the object" if name is None else name
        blob = self._agent.serializer.argument(obj, place, self.send_object)
        self._check_sizes(Packed(blob, (), plain=True), "send_object")
        return self._agent.references.send(blob, self._ids.object_id, self._timeout)

    def _check_sizes(self, packed: Packed, name: str) -> None:
        """An object that can never fit is refused here, where its name is known."""
        limit = self._store_bytes
        if limit is None:
            return
        for blob in (packed.function, *packed.arguments):
            if isinstance(blob, Blob) and len(blob.payload) > limit:
                what = name if blob is packed.function else f"{blob.name} of {name}"
                raise ObjectStoreFullError(what, len(blob.payload), 0, limit)


def _check_callable(fn: Any) -> None:
    if not callable(fn):
        raise TypeError(f"submit() needs a callable, not {type(fn).__name__}: {shown(fn)}")


class Submits(Gets):
    """What a client and its views have in common: all ways to submit."""

    _submitter: Submitter
    _options: Options

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run ``fn(*args, **kwargs)`` in a worker. All keywords are the function's.

        Returns:
            its future; under CONFIRMED it is running when this returns, for the task is on its way.

        Raises:
            ClientClosedError: the client is closed (a RuntimeError, as in `concurrent.futures`).
            UnsendableError: the function or an argument cannot be pickled; says which part.
            ObjectStoreFullError: an argument is larger than `store_bytes`.
            QueueFullError: no room in the outgoing queue within the client's time-out.
            ForkedClientError: called in a child of a fork.
        """
        return self._submitter.submit(fn, args, kwargs, self._options)

    def submit_verbose(
        self,
        fn: Callable[..., T],
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        capabilities: "Mapping[str, int] | Iterable[str] | None" = None,
        priority: int | None = None,
        delayed: bool | None = None,
        stream_output: bool | None = None,
    ) -> Future[T]:
        """`submit` with options for this one task: see `options` for what they mean."""
        options = checked(
            self._options,
            capabilities=capabilities,
            priority=priority,
            delayed=delayed,
            stream_output=stream_output,
        )
        return self._submitter.submit(fn, tuple(args), dict(kwargs or {}), options)

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """``map(fn, *iterables)`` in the workers; yields in order.

        Args:
            timeout: seconds from this call until the last result; then TimeoutError.
            chunksize: calls that travel as one task.
            buffersize: at most so many tasks ahead of the consumer; None submits all at once.

        Raises:
            TypeError, ValueError: chunksize or buffersize is no whole number, or below 1.
        """
        how = {"timeout": timeout, "chunksize": chunksize, "buffersize": buffersize}
        return self._map(fn, iterables, **how, columns=True)

    def starmap(
        self,
        fn: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        *,
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """``itertools.starmap(fn, iterable)`` in the workers; yields in order. Else as `map`."""
        how = {"timeout": timeout, "chunksize": chunksize, "buffersize": buffersize}
        return self._map(fn, iterable, **how)

    def _map(self, fn: Callable[..., T], calls: Iterable[Iterable[Any]], **how: Any) -> Iterator[T]:
        prepared = self._submitter.prepared
        return mapping.map_calls(lambda call: prepared(call, self._options), fn, calls, **how)

    def options(
        self,
        *,
        capabilities: "Mapping[str, int] | Iterable[str] | None" = None,
        priority: int | None = None,
        delayed: bool | None = None,
        stream_output: bool | None = None,
    ) -> "View":
        """This client, with options for all that is submitted through what this returns.

        Args:
            capabilities: what a worker must have (``{"gpu": 2}``; -1, or a list of names: any
                amount). Schedulers with the policy `capability` look at it; others do not.
            priority: 0 to 2**31 - 1; larger is more urgent. By default 0, and inside a task one
                more than the task's own.
            delayed: fetch a value only when somebody asks for it: `result()`, `exception()`, a
                callback, an `await`.
            stream_output: print here, while it runs, what the task prints.

        Raises:
            TypeError, ValueError: an option that cannot be.
        """
        options = checked(
            self._options,
            capabilities=capabilities,
            priority=priority,
            delayed=delayed,
            stream_output=stream_output,
        )
        return View(self, self._submitter, options)


class View(Submits):
    """A client with options: what is submitted through it has them. Made by `Client.options`."""

    __slots__ = ("_of", "_options", "_submitter")

    def __init__(self, of: Submits, submitter: Submitter, options: Options) -> None:
        # Holds the client: that ends when nobody holds it any more.
        self._of = of
        self._submitter = submitter
        self._options = options

    def __repr__(self) -> str:
        return f"<{self._of!r} with {self._options}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _viewed, (self._of, self._options)


def _viewed(of: Submits, options: Options) -> View:
    return View(of, of._submitter, options)
