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

    class Loader(pickle.Unpickler):
        def persistent_load(self, place: Any) -> Any:
            return objects[place]

    args, kwargs = Loader(io.BytesIO(plan)).load()
    return fn(*args, **kwargs)
