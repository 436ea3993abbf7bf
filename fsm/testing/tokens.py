"""Replay tokens: a program and a schedule in a word that can be copied. PURE.

A token says which threads make which calls, what the wire brings, and for each step which task it
was and which synchronisation operation it stood in front of. No line numbers, no byte code, no
names of files: an edit that leaves the synchronisation operations alone leaves the token valid. If
it does not fit any more, `difference` names the first step that differs.

Form: ``r1_`` and base64 (of URLs) of a two-byte check sum and a deflated body.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from futurefsm.fsm.testing.programs import Call, Move, Program

PREFIX = "r1_"
# More than any program that a person can read; a longer token is not one of ours.
_CHARACTERS_MAX = 20_000
_BODY_MAX = 200_000
_CHECK_BYTES = 2
# What most tokens are made of, the commonest last: it costs a token a few bits, not a word.
_DICTIONARY = (
    b"lines start put get join sleep SimpleQueue 1 Semaphore 1 Barrier 1 Timer 1 Thread 1 "
    b"reconnected connection_lost disconnect add_done_callback as_completed exception "
    b"result_worker_died confirm_not_found confirm_failed result_failed cancel_timed_out "
    b"clear Event 2\nset Event 1\nnotify_all Condition 1\nwait Condition 2\nrelease RLock 2\n"
    b"acquire lock of future 2\nrelease lock of future 1\nacquire lock of future 1\n"
    b"wait Event 1\nwait condition of future 1\nacquire condition of future 1\n"
    b"delete object\nfetch object\nsend Task\nsend TaskCancel\ndeliver confirm_canceled\n"
    b"start\nrelease Lock 1\nacquire Lock 1\n"
    b"release RLock 1\nacquire RLock 1\nacquire Condition 1\n"
    b'null,false,true,["wait",1.0,0,"first"]["add_done_callback",null,0,"cancels"]["running"]'
    b'["result",1.0]["done"]["cancelled"]["result_failed"]["confirm_canceled"]["result"]'
    b'[[[["cancel"]],[["cancel"]]],[["submit"],["await",0,"TaskCancel"],["result_success"]],[],1,1]'
)


class TokenError(ValueError):
    """A replay token cannot be used; the message says why, and what to do."""


class Noted(NamedTuple):
    """A step as a token keeps it: which task, whether its timer fires, and the operation."""

    task: int
    fires: bool
    op: str
    what: str


class Token(NamedTuple):
    """What a token holds.

    Attributes:
        program: what runs.
        choices: indexes for the scheduler, as `Run.choices`; what is missing is 0.
        steps: what they led to.
    """

    program: Program
    choices: tuple[int, ...]
    steps: tuple[Noted, ...]


def encode(program: Program, choices: Iterable[int], steps: Iterable[Any]) -> str:
    """Make a token.

    Args:
        program: what runs.
        choices: `Run.choices`.
        steps: `Run.steps`, or anything with `task`, `fires`, `op` and `what`.
    """
    noted = [Noted(step.task, bool(step.fires), step.op, step.what) for step in steps]
    names = list(dict.fromkeys(f"{step.op} {step.what}" for step in noted))
    said = json.dumps(_trimmed(program.as_data()), separators=(",", ":"), ensure_ascii=False)
    text = "\n".join([said, *names]).encode()
    tasks = max([step.task for step in noted], default=0) + 1
    body = bytearray()
    _put(body, len(text))
    body += text
    _put(body, tasks)
    _put(body, len(noted))
    for step in noted:
        name = names.index(f"{step.op} {step.what}")
        _put(body, (name * tasks + step.task) * 2 + step.fires)
    _put_sparse(body, list(choices))
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=_DICTIONARY)
    packed = squeezer.compress(bytes(body)) + squeezer.flush()
    return PREFIX + base64.urlsafe_b64encode(_check(packed) + packed).rstrip(b"=").decode()


def decode(token: str) -> Token:
    """Read a token.

    Raises:
        TypeError: it is no text.
        TokenError: it is none, it is damaged, or another version made it.
    """
    if not isinstance(token, str):
        raise TypeError(f"a replay token is a str that begins with {PREFIX!r}, not {token!r}")
    token = "".join(token.split())
    if not token.startswith(PREFIX):
        kind, _, _ = token.partition("_")
        if len(kind) < 4 and kind[:1] == "r" and kind[1:].isdigit():
            raise TokenError(
                f"this replay token is of form {kind}, and this version reads {PREFIX[:-1]}; "
                "run the test again without a token to get a new one"
            )
        raise TokenError(
            f"not a replay token: {token[:30]!r}; one begins with {PREFIX!r}, as the report of a "
            "failure prints it behind --race-replay="
        )
    coded = token[len(PREFIX) :]
    try:
        if len(coded) > _CHARACTERS_MAX:
            raise ValueError("too long")
        raw = base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True)
        packed = raw[_CHECK_BYTES:]
        if _check(packed) != raw[:_CHECK_BYTES]:
            raise ValueError("check sum")
        unpacker = zlib.decompressobj(-15, zdict=_DICTIONARY)
        body = unpacker.decompress(packed, _BODY_MAX)
        if not unpacker.eof:
            raise ValueError("unfinished")
        return _read(body)
    except (ValueError, ArithmeticError, LookupError, RecursionError, zlib.error) as error:
        raise TokenError(
            "this replay token is damaged (a character is missing or changed); copy the whole of "
            "it, without the line breaks that a terminal adds"
        ) from error


def difference(token: Token, steps: Sequence[Any], names: Sequence[str] = ()) -> str | None:
    """Where a replay left the way that the token describes.

    Args:
        steps: those of the replay.
        names: the tasks' names by number, to speak of them.

    Returns:
        None: nowhere. Else a sentence that names the first differing step.
    """
    for number, (was, now) in enumerate(zip(token.steps, steps, strict=False), 1):
        if was != Noted(now.task, bool(now.fires), now.op, now.what):
            return (
                f"step {number} was {_words(was, names)} and is {_words(now, names)} now: "
                "the synchronisation operations of the code have changed"
            )
    known, seen = len(token.steps), len(steps)
    if known == seen:
        return None
    if seen < known:
        return f"step {seen + 1} was {_words(token.steps[seen], names)}; now the run ends before it"
    return f"step {known} was the last; now {_words(steps[known], names)} follows"


def _words(step: Any, names: Sequence[str]) -> str:
    name = names[step.task] if step.task < len(names) else f"task {step.task}"
    late = ", its timer fires" if step.fires else ""
    return f"{name}: {step.op} {step.what}".strip() + late


def _check(packed: bytes) -> bytes:
    return (zlib.crc32(packed) & 0xFFFF).to_bytes(_CHECK_BYTES, "big")


def _put(body: bytearray, number: int) -> None:
    """A number, seven bits a byte, the lowest first."""
    while number > 127:
        body.append(number & 127 | 128)
        number >>= 7
    body.append(number)


def _put_sparse(body: bytearray, choices: list[int]) -> None:
    """Most choices are 0, to go on: only the others are kept, each with its distance."""
    others = [(index, choice) for index, choice in enumerate(choices) if choice]
    _put(body, len(others))
    last = -1
    for index, choice in others:
        _put(body, index - last - 1)
        _put(body, choice)
        last = index


class _Reader:
    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def number(self) -> int:
        found = shift = 0
        while True:
            byte = self.body[self.at]
            self.at += 1
            found |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return found

    def take(self, count: int) -> bytes:
        found = self.body[self.at : self.at + count]
        self.at += count
        return found


def _read(body: bytes) -> Token:
    reader = _Reader(body)
    said, *names = reader.take(reader.number()).decode().split("\n")
    tasks, count = reader.number(), reader.number()
    steps = []
    for _ in range(count):
        rest, fires = divmod(reader.number(), 2)
        name, task = divmod(rest, tasks)
        op, _, what = names[name].partition(" ")
        steps.append(Noted(task, bool(fires), op, what))
    choices: list[int] = []
    for _ in range(reader.number()):
        gap = reader.number()
        if gap > _BODY_MAX:
            raise ValueError("too far")
        choices += [0] * gap + [reader.number()]
    if reader.at != len(body):
        raise ValueError("more than a token")
    return Token(Program.from_data(json.loads(said)), tuple(choices), tuple(steps))


def _trimmed(data: list[Any]) -> list[Any]:
    """Calls and moves without the defaults at their ends, which they get back by themselves."""
    threads, path, *rest = data
    calls = [[_short(call, Call._field_defaults) for call in calls] for calls in threads]
    return [calls, [_short(move, Move._field_defaults) for move in path], *rest]


def _short(values: list[Any], defaults: Mapping[str, Any]) -> list[Any]:
    ends = list(defaults.values())[::-1]
    kept = len(values)
    for value, end in zip(reversed(values), ends, strict=False):
        if value is not end and value != end:
            break
        kept -= 1
    return values[:kept]
