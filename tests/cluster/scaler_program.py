"""A user's program for `scaler.Client`; the client's class is its second argument.

Prints what it saw as one line of JSON. Run by test_scaler_compat.py.
"""

import concurrent.futures
import functools
import importlib
import json
import math
import operator
import sys
import time
from typing import Any

import psutil
from scaler.utility import exceptions as theirs
from server_tasks import cpu_percent

PATIENCE_S = 60


def defaults(a: int, b: int = 2, c: int = 3) -> list[int]:
    return [a, b, c]


def fail(text: str) -> None:
    raise ValueError(text)


def die() -> None:
    import os

    os._exit(7)


def gives_lambda() -> Any:
    return lambda: 1


class Reversed:
    """A serializer of the user's own."""

    @staticmethod
    def serialize(obj: Any) -> bytes:
        import cloudpickle

        return bytes(cloudpickle.dumps(obj)[::-1])

    @staticmethod
    def deserialize(payload: bytes) -> Any:
        import pickle

        return pickle.loads(payload[::-1])


def said(call: Any, *args: Any, **kwargs: Any) -> str:
    """Which of these errors a call raises."""
    kinds = (
        theirs.ClientQuitException,
        theirs.MissingObjects,
        theirs.ProcessorDiedError,
        concurrent.futures.CancelledError,
        concurrent.futures.TimeoutError,
        KeyError,
        TypeError,
        ValueError,
    )
    try:
        call(*args, **kwargs)
    except kinds as error:
        return next(kind.__name__ for kind in kinds if isinstance(error, kind))
    return "nothing"


def futures(client: Any, seen: dict[str, Any]) -> None:
    future = client.submit(math.sqrt, 16)
    seen["result"] = future.result()
    seen["result again"] = future.result(timeout=1)
    seen["done"] = [future.done(), future.cancelled(), future.running()]
    seen["exception"] = str(future.exception())
    cost = future.profiling_info()
    seen["profile"] = [type(getattr(cost, name)).__name__ for name in ("duration_s", "cpu_time_s")]
    seen["memory"] = type(cost.memory_peak).__name__
    seen["task id"] = [isinstance(future.task_id, bytes), len(future.task_id)]
    seen["cancel after the end"] = [future.cancel(), future.result()]
    slow = client.submit(pause, 100)
    seen["no profile yet"] = said(slow.profiling_info)
    seen["time-out"] = said(slow.result, timeout=0.01)
    seen["cancel"] = [slow.cancel(), slow.cancelled(), slow.done(), slow.cancel()]
    seen["cancelled"] = said(slow.result)
    heard: list[Any] = []
    future = client.submit(operator.add, 1, 2)
    future.result()
    future.add_done_callback(lambda f: heard.append(f.result()))
    concurrent.futures.wait([future], PATIENCE_S)
    deadline = time.monotonic() + PATIENCE_S
    while not heard and time.monotonic() < deadline:
        time.sleep(0.01)
    seen["callback"] = heard
    many = [client.submit(operator.mul, n, n) for n in range(20)]
    # Not as_completed(): Scaler's own futures report their end twice, and it raises KeyError.
    seen["many"] = [f.result() for f in many]


def pause(seconds: float) -> None:
    time.sleep(seconds)


def calls(client: Any, seen: dict[str, Any]) -> None:
    seen["defaults"] = client.submit(defaults, 1).result()
    seen["keywords"] = client.submit(defaults, 1, c=5).result()
    seen["verbose"] = client.submit_verbose(defaults, (1,), {"b": 7}, capabilities={}).result()
    seen["partial"] = client.submit(functools.partial(defaults, 1), 9).result()
    seen["lambda"] = client.submit(gives_lambda).result()()
    seen["map"] = client.map(operator.add, [1, 2, 3], [4, 5, 6])
    seen["starmap"] = client.starmap(operator.add, [(1, 4), (2, 5)])
    seen["map of nothing"] = said(client.map, abs)
    error = client.submit(fail, "text").exception()
    seen["error"] = [type(error).__name__, str(error)]
    died = client.submit(die).exception()
    seen["died"] = isinstance(died, theirs.ProcessorDiedError)
    seen["died says"] = "exitcode=7" in str(died)


def graphs(client: Any, seen: dict[str, Any]) -> None:
    graph = {
        "a": 1,
        "b": 2,
        "c": (operator.add, "a", "b"),
        "d": (operator.mul, "c", "c"),
        "e": (operator.sub, "d", "b"),
    }
    seen["graph"] = client.get(graph, ["e", "c", "a"])
    seen["graph of futures"] = {
        key: future.result() for key, future in client.get(graph, ["d", "e"], block=False).items()
    }
    seen["missing key"] = said(client.get, graph, ["nowhere"])
    seen["a key twice"] = said(client.get, graph, ["c", "c"])
    cycle = {"x": (abs, "y"), "y": (abs, "x")}
    seen["cycle"] = said(client.get, cycle, ["x"])
    reference = client.send_object([1, 2, 3], name="large")
    seen["reference"] = [client.submit(len, reference).result() for _ in range(2)]
    seen["size"] = reference.size > 0
    client.clear()
    seen["after clear"] = client.submit(operator.neg, 5).result()
    seen["a reference that was cleared"] = said(client.submit, len, reference)


def main(address: str, whose: str) -> None:
    module, _, name = whose.rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    seen: dict[str, Any] = {}
    seen["no address"] = said(kind)
    with kind(address=address) as client:
        seen["identity"] = [isinstance(client.identity, bytes), client.identity[:7].decode()]
        futures(client, seen)
        calls(client, seen)
        graphs(client, seen)
        running = client.submit(pause, 100)
    seen["leaving cancels"] = running.cancelled()
    seen["after the end"] = said(client.submit, abs, 1)
    client.disconnect()
    client = kind(address, False, 60, 2, Reversed(), False)
    seen["serializer"] = client.submit(operator.add, [1], [2]).result()
    seen["its error"] = said(client.submit(fail, "text").result)
    seen["protected"] = said(client.shutdown)
    seen["after a refused shutdown"] = said(client.submit, abs, 1)
    print("RESULT " + json.dumps(seen))


if __name__ == "__main__":
    psutil.Process.cpu_percent = cpu_percent
    main(*sys.argv[1:])
