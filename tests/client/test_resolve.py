"""What a worker runs for a call with references: without this package, in a process of its own."""

import io
import pickle
import subprocess
import sys
from typing import Any

import cloudpickle

from futurefsm.client.portable import Portable
from futurefsm.client.resolve import with_references


def planned(args: Any, kwargs: Any, places: dict[str, int]) -> bytes:
    class Planner(pickle.Pickler):
        def persistent_id(self, obj: Any) -> int | None:
            return places.get(obj) if isinstance(obj, str) else None

    buffer = io.BytesIO()
    Planner(buffer, 5).dump((args, kwargs))
    return buffer.getvalue()


def test_objects_stand_where_their_places_were() -> None:
    plan = planned((["a", {"k": "b"}], "a"), {"x": ("b",)}, {"a": 0, "b": 1})
    first, second = [1], [2]

    def show(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    args, kwargs = with_references(plan, show, first, second)
    assert args == ([first, {"k": second}], first)
    assert args[0][0] is args[1] is first
    assert kwargs == {"x": (second,)}


def test_in_a_process_that_does_not_know_this_package() -> None:
    plan = planned((["a", 1],), {}, {"a": 0})
    call = cloudpickle.dumps((Portable(with_references), plan, sum, 41))
    script = (
        "import pickle, sys\n"
        "sys.modules['futurefsm'] = None\n"
        "fn, plan, *rest = pickle.load(sys.stdin.buffer)\n"
        "print(fn(plan, *rest))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=call, capture_output=True, timeout=60, check=False
    )
    assert done.stdout.split() == [b"42"], done.stderr.decode()
