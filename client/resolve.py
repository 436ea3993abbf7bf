"""What a worker runs for a call whose arguments hold references. It travels by value.

Imports nothing but the standard library: the worker need not have this package.
"""

import io
import pickle
from collections.abc import Callable
from typing import Any


def with_references(plan: bytes, fn: Callable[..., Any], *objects: Any) -> Any:
    """Call `fn` with the arguments that `plan` describes.

    Args:
        plan: a pickle of positional and keyword arguments in which the objects are persistent ids:
            their places in `objects`.
        objects: what the references stand for, and the arguments that hold none.
    """

    # Made by a call: what a class body names is not found again by what travels by value.
    load = {"persistent_load": lambda loader, place: objects[place]}
    loader = type("Loader", (pickle.Unpickler,), load)
    args, kwargs = loader(io.BytesIO(plan)).load()
    return fn(*args, **kwargs)
