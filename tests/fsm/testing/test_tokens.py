"""Tokens: they come back whole, they are short, and a wrong one says what is wrong."""

import base64
import re
import zlib
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from futurefsm.fsm.testing import Env, Failure, Harness, explore, replay, tokens
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.tokens import Noted, TokenError


class Hasty(Future[Any]):
    """Asks, then acts."""

    def cancel(self) -> bool:
        if self.running() or self.done():
            return False
        with self._condition:
            self._state = "CANCELLED"
            self._condition.notify_all()
        return True


class Hasties(Harness):
    def make(self, env: Env) -> Any:
        return Hasty()


def test_a_token_replays_a_hundred_times() -> None:
    failure = explore(Hasties()).failure
    assert failure is not None
    for _ in range(100):
        with pytest.raises(Failure) as again:
            replay(Hasties(), failure.token)
        assert again.value.run.steps == failure.run.steps
        assert again.value.troubles == failure.troubles
        assert again.value.token == failure.token


PROGRAM = Program(
    ((Call("cancel"), Call("result", 0.0)), (Call("add_done_callback", how="raises"),)),
    (Move("submit"), Move.await_("TaskCancel"), Move("confirm_canceled", 0, "", True)),
    ("fetch fails",),
    1,
    1,
)
STEPS = (
    Noted(0, False, "start", ""),
    Noted(0, False, "acquire", "lock of future 1"),
    Noted(1, False, "start", ""),
    Noted(1, True, "wait", "Event 1"),
    Noted(0, False, "release", "lock of future 1"),
)
CHOICES = (0, 0, 1, 0, 3, 0, 0)

words = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=9)
op = st.from_regex(r"[a-z_]+", fullmatch=True)
noted = st.builds(Noted, st.integers(0, 200), st.booleans(), op, words)
call = st.builds(Call, words, st.none() | st.floats(0, 9), st.integers(0, 3), words)
move = st.builds(Move, words, st.integers(0, 3), words, st.booleans())
program = st.builds(
    Program,
    st.lists(st.lists(call, max_size=3).map(tuple), max_size=3).map(tuple),
    st.lists(move, max_size=4).map(tuple),
    st.lists(words, max_size=2).map(tuple),
    st.integers(1, 4),
    st.integers(0, 4),
)


@settings(max_examples=40)
@given(program, st.lists(st.integers(0, 300)), st.lists(noted))
def test_what_goes_in_comes_out(program: Program, choices: list[int], steps: list[Noted]) -> None:
    token = tokens.decode(tokens.encode(program, choices, steps))
    assert token.program == program
    assert token.steps == tuple(steps)
    # The zeros at the end, to go on, are those of a schedule that has nothing more to say.
    assert token.choices == tuple(choices[: len(token.choices)])
    assert not any(choices[len(token.choices) :])


def test_a_timeout_of_zero_is_not_none() -> None:
    token = tokens.decode(tokens.encode(PROGRAM, CHOICES, STEPS))
    assert token.program.threads[0][1].timeout == 0.0
    assert token.program.threads[0][0].timeout is None


def test_a_token_is_a_short_word_that_a_shell_leaves_alone() -> None:
    """Twenty steps of a usual program fit into a line."""
    usual = Program(
        ((Call("cancel"),), (Call("cancel"),)),
        (Move("submit"), Move.await_("TaskCancel"), Move("confirm_canceled")),
    )
    token = tokens.encode(usual, [0, 1] * 5, STEPS * 4)
    assert re.fullmatch(r"r1_[A-Za-z0-9_-]+", token)
    assert len(token) <= 100


def test_line_breaks_of_a_terminal_do_no_harm() -> None:
    token = tokens.encode(PROGRAM, CHOICES, STEPS)
    assert tokens.decode(f" {token[:20]}\n  {token[20:]}\n").program == PROGRAM


@pytest.mark.parametrize("position", range(3, 40, 4))
def test_a_changed_character_is_noticed(position: int) -> None:
    token = tokens.encode(PROGRAM, CHOICES, STEPS)
    other = "A" if token[position] != "A" else "B"
    with pytest.raises(TokenError, match=r"damaged.*copy the whole of it"):
        tokens.decode(token[:position] + other + token[position + 1 :])


@pytest.mark.parametrize(
    ("token", "says"),
    [
        ("", "not a replay token: ''"),
        ("abc", "not a replay token: 'abc'; one begins with 'r1_'"),
        ("AXicY2BkYGRgYGQA", "not a replay token"),
        ("r2_abcd", "form r2, and this version reads r1; run the test again"),
        ("r1_", "damaged"),
        ("r1_äöü", "damaged"),
        ("r1_ab cd!", "damaged"),
        ("r1_" + "A" * 30_000, "damaged"),
    ],
)
def test_what_is_no_token(token: str, says: str) -> None:
    with pytest.raises(TokenError, match=re.escape(says)):
        tokens.decode(token)


def test_a_missing_end_is_noticed() -> None:
    token = tokens.encode(PROGRAM, CHOICES, STEPS)
    for length in range(4, len(token)):
        with pytest.raises(TokenError):
            tokens.decode(token[:length])


def forged(body: bytes, *, end: int = zlib.Z_FINISH) -> str:
    """A token with a right check sum and a wrong body."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=tokens._DICTIONARY)
    packed = squeezer.compress(body) + squeezer.flush(end)
    check = (zlib.crc32(packed) & 0xFFFF).to_bytes(2, "big")
    return tokens.PREFIX + base64.urlsafe_b64encode(check + packed).decode().rstrip("=")


BAD_BODIES = [
    b"",
    b"\x02[]\x01\x00\x00",  # no program
    b"\x03abc\x01\x00\x00",  # no JSON
    b"\x0d[[],[],[],1,0]\x01\x00\x00",  # a text that ends too early
    b"\x0e[[],[],[],1,0]\x01\x01\x02\x00",  # a step of no known operation
    b"\x0e[[],[],[],1,0]\x00\x01\x00\x00",  # no tasks
    b"\x0e[[],[],[],1,0]\x01\x00\x01\xff\xff\xff\xff\x7f\x01",  # a schedule for the stars
    b"\x0e[[],[],[],1,0]\x01\x00\x00more",
]


@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_forged_body_is_refused(body: bytes) -> None:
    with pytest.raises(TokenError, match="damaged"):
        tokens.decode(forged(body))


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(TokenError, match="damaged"):
        tokens.decode(forged(b"\0" * 10_000_000))
    with pytest.raises(TokenError, match="damaged"):
        tokens.decode(forged(b"\x0e[[],[],[],1,0]\x01\x00\x00", end=zlib.Z_SYNC_FLUSH))
    assert tokens.decode(forged(b"\x0e[[],[],[],1,0]\x01\x00\x00")).program == Program(())


def replayed(*changes: tuple[int, Noted]) -> list[Noted]:
    steps = list(STEPS)
    for index, step in changes:
        steps[index] = step
    return steps


NAMES = ("user 1", "pump")
TOKEN = tokens.decode(tokens.encode(PROGRAM, CHOICES, STEPS))


def test_the_same_steps_do_not_differ() -> None:
    # More than a token keeps (notes, lines) does not count.
    steps = [SimpleNamespace(**step._asdict(), where="a.py:3", notes=("x",)) for step in STEPS]
    assert tokens.difference(TOKEN, steps, NAMES) is None


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (
            replayed((1, Noted(0, False, "wait", "Event 1")), (2, STEPS[0])),
            "step 2 was user 1: acquire lock of future 1 and is user 1: wait Event 1 now: ",
        ),
        (replayed((3, Noted(1, False, "wait", "Event 1"))), "step 4 was pump: wait Event 1, its"),
        (list(STEPS[:3]), "step 4 was pump: wait Event 1, its timer fires; now the run ends befo"),
        ([*STEPS, Noted(7, False, "start", "")], "step 5 was the last; now task 7: start follows"),
    ],
)
def test_the_first_differing_step_is_named(steps: list[Noted], says: str) -> None:
    said = tokens.difference(TOKEN, steps, NAMES)
    assert said is not None
    assert said.startswith(says)
