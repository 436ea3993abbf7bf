"""Task graphs, computed: each node is a task, sent when what it needs is there.

The graph is resolved here, in the client: the results stay in the object store, and only their ids
come and go. No graph is ever sent to the scheduler, whose own graphs can hang.
"""

import concurrent.futures
import os
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from futurefsm.client.closing import ask
from futurefsm.client.future import Future
from futurefsm.client.graph import Key, Plan, plan
from futurefsm.client.inputs import INPUTS
from futurefsm.client.meeting import met
from futurefsm.client.sending import Sending
from futurefsm.client.uploads import Blob
from futurefsm.fsm import events as ev

if TYPE_CHECKING:
    from futurefsm.client.references import ObjectReference
    from futurefsm.client.submitting import Options, Submitter


class Gets:
    """What a client and its views have in common: graphs, and objects that are kept."""

    _submitter: "Submitter"
    _options: "Options"

    def get(
        self, graph: Mapping[Any, Any], keys: Iterable[Hashable], block: bool = True
    ) -> dict[Any, Any]:
        """Compute a graph of tasks: ``client.get({"a": 1, "b": (inc, "a")}, ["b"])``.

        Args:
            graph: key → ``(function, *arguments)``, or a constant. A string among the arguments is
                a key of the graph; anything else that is no key is a constant, references and
                futures too. Containers are refused: nothing looks for keys inside them.
            keys: the results that are wanted. Nothing is run that they do not need.
            block: wait for the results.

        Returns:
            key → result, or with ``block=False`` key → future, in the order of `keys`. A node that
            fails or is cancelled takes those that depend on it with it. Cancelling all futures
            cancels all that runs for them.

        Raises:
            MissingKeyError, GraphCycleError: (a KeyError, a ValueError) of the graph; nothing was
                sent then.
            Exception: as `submit`; with `block` also the first error of a node: the other nodes
                are cancelled, and the client is as good as before.
        """
        wanted = keys if isinstance(keys, (str, bytes)) else list(keys)
        futures = _submitted(self._submitter, graph, wanted, self._options)
        return _results(futures) if block else futures

    def send_object(self, obj: Any, name: str | None = None) -> "ObjectReference":
        """Put an object into the store, once, for many tasks.

        Args:
            name: shown by monitors.

        Returns:
            what stands for it: as an argument of a task, or anywhere inside one. The task gets the
            object; nothing is sent again. See `ObjectReference` for how long it stays.

        Raises:
            UnsendableError, ObjectStoreFullError, QueueFullError, ClientClosedError: as `submit`.
        """
        return self._submitter.send_object(obj, name)


def _results(futures: dict[Any, Future[Any]]) -> dict[Any, Any]:
    try:
        waiting = set(futures.values())
        done = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_EXCEPTION).done
        for future in futures.values():
            if future in done:
                future.result()
        return {key: future.result() for key, future in futures.items()}
    except BaseException:
        for future in futures.values():
            ask(future)
        raise


def _submitted(
    submitter: "Submitter",
    graph: Mapping[Any, Any],
    keys: Collection[Hashable],
    options: "Options",
) -> dict[Any, Future[Any]]:
    submitter.check()
    made = plan(graph, keys)
    sendings = _pickled(submitter, made, set(keys), options)
    futures = {}
    for key in keys:
        if key in sendings:
            futures[key] = sendings[key].future
        else:
            futures[key] = _known(submitter, made.constants[key], options)
    _send(submitter, list(sendings.values()))
    return futures


def _pickled(
    submitter: "Submitter", made: Plan, wanted: set[Hashable], options: "Options"
) -> dict[Hashable, Sending]:
    """All nodes, as bytes; in order."""
    needed = {part.key for call in made.calls for part in call.arguments if isinstance(part, Key)}
    values = {
        key: _constant(submitter, key, value)
        for key, value in made.constants.items()
        if key in needed
    }
    inner = options._replace(delayed=True)
    functions: dict[int, Blob] = {}
    sendings: dict[Hashable, Sending] = {}
    for call in made.calls:
        blob = functions.get(id(call.fn))
        if blob is None:
            blob = functions[id(call.fn)] = submitter.function(call.fn)
        mine = options if call.key in wanted else inner
        future = submitter.future(call.fn, mine)
        args = tuple(
            [values[part.key] if isinstance(part, Key) else part for part in call.arguments]
        )
        needed_by = None if call.key in wanted else made.needed_by[call.key]
        sendings[call.key] = submitter.sending(
            call.fn, blob, args, {}, mine.terms(needed_by), future=future
        )
        values[call.key] = future
    return sendings


def _constant(submitter: "Submitter", key: Hashable, value: Any) -> Any:
    """A node that is no call: its bytes, which all who need it share."""
    if isinstance(value, INPUTS):
        return value
    with met() as found:
        blob = submitter.argument(value, f"node {key!r}")
    if found:
        return value
    return blob if blob.digest is not None else blob._replace(digest=os.urandom(16))


def _known(submitter: "Submitter", value: Any, options: "Options") -> Future[Any]:
    """A wanted node that is no call."""
    if isinstance(value, Future):
        return value
    future = submitter.future(_known, options._replace(delayed=False))
    future.settle_here(ev.RESULT_SUCCESS, value)
    return future


def _send(submitter: "Submitter", sendings: list[Sending]) -> None:
    """All or nothing: every input is claimed before the first task leaves."""
    done = 0
    try:
        for sending in sendings:
            sending.claim()
        for sending in sendings:
            submitter.put(sending)
            done += 1
    except BaseException:
        for sending in sendings[done:]:
            sending.withdraw()
        for sending in sendings[:done]:
            sending.abandon()
        raise
