"""A task's exception → bytes, in the worker. Imported when something went wrong, or when idle.

The bytes load with plain ``pickle.loads`` wherever tblib is installed (and cloudpickle, for classes
that nobody can import). Each is loaded once here before it is sent; what does not survive that is
replaced by `RemoteError`, which says what it was.
"""

import pickle
import traceback
from types import FunctionType, MemberDescriptorType, TracebackType
from typing import Any

import cloudpickle
from tblib.pickling_support import (
    pickle_traceback,
    unpickle_exception,
    unpickle_exception_with_attrs,
)

from futurefsm.client.blame import blame, said, text_of, type_name
from futurefsm.client.engine.pieces import PROTOCOL, Pieces
from futurefsm.client.engine.results import Buffer
from futurefsm.client.errors import (
    DeserializationError,
    RemoteError,
    ResultTooLargeError,
    SerializationError,
    rebuilt,
)

_ENDS = 60
"""Frames kept at each end of a traceback: pickling is recursive, and nobody reads a thousand."""

_TEXT = 64 * 1024

# Past what the class of an exception makes of its attributes (a frozen dataclass refuses them).
_TRACE: Any = vars(BaseException)["__traceback__"]


def _reduce(error: BaseException) -> tuple[Any, ...]:
    """How to pickle an exception so that tblib's functions can load it.

    tblib's own reducer makes every class with an `__init__` of its own without calling that, which
    is right for classes written in Python (whose arguments nobody knows any more) and loses the
    exit code of SystemExit, the text of UnicodeDecodeError and the like.
    """
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
        reduced = error.__reduce_ex__(PROTOCOL)
        if isinstance(reduced, str):
            raise TypeError(f"its __reduce__ gives {reduced!r}")
        function, arguments, *state = reduced
        return (unpickle_exception, (function, arguments, *rest), *state)
    inside = {
        name: getattr(error, name)
        for base in kind.__mro__
        for name, what in vars(base).items()
        if isinstance(what, MemberDescriptorType) and getattr(error, name, None) is not None
    }
    inside |= {"__dict__": error.__dict__, "args": error.args}
    arguments = ()
    if isinstance(error, BaseExceptionGroup):
        arguments = (error.message, error.exceptions)
        for name in ("message", "exceptions"):
            inside.pop(name, None)
    slots = any("__slots__" in vars(base) for base in kind.__mro__)
    if slots or isinstance(kind.__setattr__, FunctionType):
        # A frozen dataclass, or the like: tblib's function sets attributes as everybody does.
        return (rebuilt, (kind, inside, *rest, arguments))
    return (unpickle_exception_with_attrs, (kind, inside, *rest, arguments))


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle, with exceptions that keep their traceback, cause, context and notes.

    Done here and not with `tblib.pickling_support.install()`: that changes how everything in the
    user's process is pickled, and knows only the classes that exist when it is called.
    """

    def reducer_override(self, obj: Any) -> Any:
        """How to pickle `obj`; called by pickle for everything but plain data."""
        if isinstance(obj, BaseException):
            return _reduce(obj)
        if isinstance(obj, TracebackType):
            return pickle_traceback(obj)
        return super().reducer_override(obj)


def _family(error: BaseException) -> list[BaseException]:
    """The exception with all its causes, contexts and members, each once."""
    found: dict[int, BaseException] = {}
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in found:
            continue
        found[id(one)] = one
        todo += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            todo += one.exceptions
    return list(found.values())


def _shorten(tb: TracebackType | None) -> TracebackType | None:
    """The first and last frames of a long traceback."""
    frames = []
    while tb is not None:
        frames.append(tb)
        tb = tb.tb_next
    if len(frames) <= 2 * _ENDS:
        return frames[0] if frames else None
    short: TracebackType | None = None
    for one in reversed(frames[:_ENDS] + frames[-_ENDS:]):
        short = TracebackType(short, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return short


def _try(error: BaseException, limit: int) -> bytes:
    """The bytes of an exception that survives being loaded; raises whatever goes wrong."""
    made = Pieces(limit)
    _Pickler(made, PROTOCOL).dump(error)
    if not made.fits:
        raise ValueError(f"it has {made.size:,} bytes when pickled; the limit is {limit:,}")
    data = b"".join(made.pieces)
    if not isinstance(pickle.loads(data), BaseException):
        raise TypeError("what unpickling it gives is no exception")
    return data


def dump_error(error: BaseException, limit: int) -> list[Buffer]:
    """The bytes of an exception that a task raised, without the worker's own frame.

    Never raises, but for an interpreter that cannot allocate any more.
    """
    trace = _TRACE.__get__(error)
    if trace is not None:
        _TRACE.__set__(error, trace.tb_next)
    return [_dump_any(error, limit)]


def _dump_any(error: BaseException, limit: int) -> bytes:
    try:
        for one in _family(error):
            _TRACE.__set__(one, _shorten(_TRACE.__get__(one)))
        return _try(error, limit)
    except BaseException as why:
        reason = said(why)
    try:
        stand_in = RemoteError(type_name(error), text_of(error), reason, _format(error))
        try:
            return _try(stand_in.with_traceback(_TRACE.__get__(error)), limit)
        except BaseException:
            return pickle.dumps(stand_in.with_traceback(None), PROTOCOL)
    except BaseException as why:
        return pickle.dumps(RemoteError(type_name(error), "", said(why), ""), PROTOCOL)


def undeserializable(what: str, function: str, error: BaseException, limit: int) -> list[Buffer]:
    """The error of a task whose `what` could not be loaded."""
    told = DeserializationError(what, function, said(error))
    told.add_note(f"in the worker:\n{_format(error)}")
    return [_dump_any(told, max(limit, _TEXT * 4))]


def too_large(value: Any, function: str, size: int, limit: int) -> list[Buffer]:
    """The error of a task whose value is over the limit."""
    return [_dump_any(ResultTooLargeError(type_name(value), function, size, limit), _TEXT * 4)]


def unserializable(value: Any, function: str, error: BaseException, limit: int) -> list[Buffer]:
    """The error of a task whose value cannot be pickled."""
    reason = said(error)
    where = blame(value, "result")
    told = SerializationError("the result", type_name(value), function, reason, where)
    return [_dump_any(told, _TEXT * 4)]


def _format(error: BaseException) -> str:
    try:
        lines = traceback.format_exception(error, limit=-2 * _ENDS)
        return "".join(lines)[-_TEXT:]
    except BaseException as why:
        return f"<its traceback could not be formatted: {type_name(why)}>"
