"""Messages of a shape that was seen before, without pycapnp. PURE.

Most messages are a Task or its TaskResult. Their shape is how long their fields of bytes are, and
what else they say; two messages of one shape differ in those fields only, which lie at the same
places. So a message is written by putting its fields into the gaps of one of its shape. And bytes
are read by cutting the fields out, if what would be written for these are the very same bytes: for
then the codec would read the same. All else is left to the codec, which is asked once for each
shape where the gaps are.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from futurefsm.protocol import messages as m

SHAPES_MAX = 256
"""So many are remembered."""

FIELDS_BYTES_MAX = 4096
"""Of all fields together; what has more is not copied one time more than it must be."""

ITEMS_MAX = 16
"""Arguments of a task, or results: with more of them the codec is not much slower."""

_BYTES = frozenset({bytes})
_ARGUMENT, _ARGUMENT_TYPE = frozenset({m.Argument}), frozenset({m.ArgumentType})
_TYPE, _DATA = attrgetter("type"), attrgetter("data")


class Shape(NamedTuple):
    """A message with gaps.

    Attributes:
        text: with ``%b`` in each gap.
        gaps: where they are in the message.
        rest: what the message says beside its fields of bytes.
        made: makes a message of `rest` and the fields.
    """

    text: bytes
    gaps: tuple[slice, ...]
    rest: Any
    made: Callable[[Any, Sequence[bytes]], m.Message]


def _task_parts(task: m.Task) -> tuple[Any, tuple[bytes, ...]] | None:
    arguments = task.function_args
    plain = arguments.__class__ is tuple and len(arguments) <= ITEMS_MAX
    if not plain or task.capabilities != () or not _ARGUMENT.issuperset(map(type, arguments)):
        return None
    kinds = tuple(map(_TYPE, arguments))
    if not _ARGUMENT_TYPE.issuperset(map(type, kinds)):
        return None
    own = task.task_id, task.source, task.metadata, task.func_object_id
    return kinds, (*own, *map(_DATA, arguments))


def _task(kinds: Any, fields: Sequence[bytes]) -> m.Task:
    task_id, source, metadata, function, *data = fields
    return m.Task(task_id, source, metadata, function, tuple(map(m.Argument, kinds, data)))


def _result_parts(result: m.TaskResult) -> tuple[Any, tuple[bytes, ...]] | None:
    kind, results, code = result.result_type, result.results, result.worker_exit
    plain = results.__class__ is tuple and len(results) <= ITEMS_MAX
    if not plain or kind.__class__ is not m.TaskResultType or code.__class__ is not int or code:
        return None
    return kind, (result.task_id, result.metadata, *results)


def _result(kind: Any, fields: Sequence[bytes]) -> m.TaskResult:
    task_id, metadata, *results = fields
    return m.TaskResult(task_id, kind, metadata, tuple(results))


_KINDS: dict[type, tuple[Callable[[Any], Any], Callable[[Any, Sequence[bytes]], m.Message]]] = {
    m.Task: (_task_parts, _task),
    m.TaskResult: (_result_parts, _result),
}


class Shapes:
    """Those that were seen. For many threads.

    Args:
        encode: the codec's.
    """

    def __init__(self, encode: Callable[[m.Message], bytes]) -> None:
        self._encode = encode
        # What a message says, and the lengths of its fields → its shape.
        self._known: dict[Any, Shape] = {}
        # Bytes of a message → the shapes that have so many.
        self._sizes: dict[int, tuple[Shape, ...]] = {}

    def write(self, message: m.Message) -> bytes | None:
        """The bytes of a message; None where the codec is to be asked."""
        kind = _KINDS.get(message.__class__)
        parts = kind[0](message) if kind is not None else None
        if kind is None or parts is None:
            return None
        rest, fields = parts
        if not _BYTES.issuperset(map(type, fields)):
            return None
        key = rest, tuple(map(len, fields))
        shape = self._known.get(key) or self._learn(key, kind[1])
        return shape.text % fields if shape is not None else None

    def read(self, data: bytes) -> m.Message | None:
        """The message in these bytes; None where the codec is to be asked."""
        for shape in self._sizes.get(len(data), ()):
            fields = tuple(map(data.__getitem__, shape.gaps))
            if shape.text % fields == data:
                return shape.made(shape.rest, fields)
        return None

    def came(self, message: m.Message, data: bytes) -> None:
        """The codec has read a message out of these bytes: the next of its shape is read here."""
        # Once for each size: who writes in a way of his own would be asked for ever.
        new = len(data) not in self._sizes and len(self._sizes) < SHAPES_MAX
        if new and len(data) <= 2 * FIELDS_BYTES_MAX and message.__class__ in _KINDS:
            self._sizes[len(data)] = ()
            self.write(message)

    def _learn(self, key: Any, made: Callable[[Any, Sequence[bytes]], m.Message]) -> Shape | None:
        rest, lengths = key
        if len(self._known) >= SHAPES_MAX or sum(lengths) > FIELDS_BYTES_MAX:
            return None
        zeros = [bytes(length) for length in lengths]
        plain = self._encode(made(rest, zeros))
        text, gaps, at = b"", [], 0
        for place, length in enumerate(lengths):
            start = at
            if length:
                ones = [*zeros[:place], b"\xff" * length, *zeros[place + 1 :]]
                marked = self._encode(made(rest, ones))
                start = next(i for i in range(at, len(plain)) if plain[i] != marked[i])
            gaps.append(slice(start, start + length))
            text += plain[at:start].replace(b"%", b"%%") + b"%b"
            at = start + length
        text += plain[at:].replace(b"%", b"%%")
        shape = Shape(text, tuple(gaps), rest, made)
        self._add(key, len(plain), shape)
        return shape

    def _add(self, key: Any, size: int, shape: Shape) -> None:
        self._known[key] = shape
        self._sizes[size] = (*self._sizes.get(size, ()), shape)

    def told(self) -> list[tuple[Any, int, Shape]]:
        """All of them, for `know` in another process. They can be pickled."""
        return [
            (key, len(shape.text % tuple(map(bytes, key[1]))), shape)
            for key, shape in self._known.items()
        ]

    def know(self, told: list[tuple[Any, int, Shape]]) -> None:
        """Know what another has `told`."""
        for each in told:
            self._add(*each)
