"""What runs around a task's function on a worker of a real cluster.

Such a worker pickles what a task raised with plain pickle: classes of ``__main__`` arrive as a line
of text, causes and tracebacks of classes that were imported late get lost, and `SystemExit` ends
the process. The guard travels with the function (by value: see `portable.py`), catches what comes,
and raises in its place something that pickles as the exception itself.

So nothing here may need this package, and all that it names is imported inside the functions.
"""

from __future__ import annotations

from typing import Any

_TEXT = 64 * 1024
_ENDS = 60


def guard(fn: Any, /, *args: Any, **kwargs: Any) -> Any:
    """``fn(*args, **kwargs)``; what it raises arrives as itself, whatever it is."""
    try:
        return fn(*args, **kwargs)
    except BaseException as error:
        carried = _carried(error)
    raise carried


def guard_named(fn: Any, names: tuple[str, ...], /, *values: Any) -> Any:
    """`guard`, of a call whose last values are those of keyword arguments with these names."""
    cut = len(values) - len(names)
    try:
        return fn(*values[:cut], **dict(zip(names, values[cut:], strict=True)))
    except BaseException as error:
        carried = _carried(error)
    raise carried


def _carried(error: BaseException) -> BaseException:
    """An exception whose pickle is that of `error`, or of a `RemoteError` that tells of it."""
    import pickle
    import traceback

    kind = type(error)
    if error.__traceback__ is not None:
        # Without the guard's own frame.
        error = error.with_traceback(error.__traceback__.tb_next)
    try:
        name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        text = str(error)[:_TEXT]
    except BaseException as why:
        name, text = kind.__name__, f"<its __str__ raised {type(why).__name__}>"
    try:
        trace = "".join(traceback.format_exception(error, limit=-2 * _ENDS))[-_TEXT:]
    except BaseException as why:
        trace = f"<its traceback could not be formatted: {type(why).__name__}>"
    payload, reason = None, ""
    try:
        _shorten_all(error)
        payload = _pickled(error)
    except BaseException as why:
        reason = f"{type(why).__name__}: {why}"[:_TEXT]

    class Carried(Exception):
        """Pickles as what it stands for."""

        def __reduce__(self) -> Any:
            # By hand: this process may not know the function, so plain pickle could not name it.
            inner = pickle.dumps((payload, name, text, reason, trace), 2)[2:-1]
            call = b"\x80\x02cfuturefsm.client.errors\nunpacked\n" + inner + b"R."
            return (pickle.loads, (call,))

    return Carried(f"{name}: {text}").with_traceback(error.__traceback__)


def _pickled(error: BaseException) -> bytes:
    import io
    from importlib import import_module
    from types import TracebackType

    import cloudpickle
    from tblib.pickling_support import pickle_traceback

    class Module:
        def __reduce__(self) -> Any:
            return (import_module, ("futurefsm.client.errors",))

    class ByName:
        """A name of the package that the client has, and this process perhaps not."""

        def __init__(self, name: str) -> None:
            self.name = name

        def __call__(self) -> None: ...

        def __reduce__(self) -> Any:
            return (getattr, (Module(), self.name))

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, BaseException):
                return _reduced(obj, ByName)
            if isinstance(obj, TracebackType):
                return pickle_traceback(obj)
            return super().reducer_override(obj)

    buffer = io.BytesIO()
    Pickler(buffer, 5).dump(error)
    return buffer.getvalue()


def _reduced(error: BaseException, by_name: Any) -> tuple[Any, ...]:
    """How to pickle an exception with its traceback, cause, context and notes."""
    from types import FunctionType, MemberDescriptorType

    from tblib.pickling_support import unpickle_exception

    kind = type(error)
    rest = (
        error.__cause__,
        error.__traceback__,
        error.__context__,
        error.__suppress_context__,
        getattr(error, "__notes__", None),
    )
    own_way = any(
        isinstance(getattr(kind, name), FunctionType) for name in ("__reduce__", "__reduce_ex__")
    )
    if own_way or not isinstance(kind.__init__, FunctionType):
        reduced: Any = error.__reduce_ex__(5)
        function, arguments, *state = reduced
        return (unpickle_exception, (function, arguments, *rest), *state)
    inside = {
        name: getattr(error, name)
        for base in kind.__mro__
        for name, what in vars(base).items()
        if isinstance(what, MemberDescriptorType) and getattr(error, name, None) is not None
    }
    inside["__dict__"] = error.__dict__
    inside["args"] = error.args
    made_of: tuple[Any, ...] = ()
    if isinstance(error, BaseExceptionGroup):
        made_of = (error.message, error.exceptions)
        inside.pop("message", None)
        inside.pop("exceptions", None)
    return (by_name("rebuilt"), (kind, inside, *rest, made_of))


def _shorten_all(error: BaseException) -> None:
    """Cut long tracebacks: pickling is recursive, and nobody reads a thousand frames."""
    from types import TracebackType

    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        todo += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        frames = []
        trace = one.__traceback__
        while trace is not None:
            frames.append(trace)
            trace = trace.tb_next
        if len(frames) > 2 * _ENDS:
            short = None
            for at in reversed(frames[:_ENDS] + frames[-_ENDS:]):
                short = TracebackType(short, at.tb_frame, at.tb_lasti, at.tb_lineno)
            one.__traceback__ = short
