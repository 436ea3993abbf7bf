"""Pictures as a user sees them: whole ones, and the bounds that hold for all."""

import shlex

import pytest
import race_scenes
from hypothesis import given, settings
from hypothesis import strategies as st
from race_scenes import Sketch

from futurefsm.fsm.testing.picture import picture
from futurefsm.fsm.testing.programs import Call, Program

TOKEN = "r1_" + "abcdefgh" * 10

DEADLOCK = """\
RACE  released: user 2 and the pump wait for each other: cancel() holds _lock
      found after 1,234 schedules; seed 0; 8 steps; 0 preemptions; 3 switches; 1 timer fired
      user 1: cancel() | user 2: cancel() | before: submit | pump: await TaskCancel,
      confirm_canceled

     user 1         user 2         pump                              future 1
  1  │ calls cancel()                                                running
  2  ┃ takes _lock                                                   :                  client.py:90
  3  │ sends TaskCancel, frees _lock, waits for _event               cancel_requested   client.py:95
  4  ┊              │ calls cancel()                                 :
  5  ┊              ┃ takes _lock, ✗ waits for _event                :                  client.py:90
  6  ┊              ┇              │ starts, waits for TaskCancel    :
  7  ┊              ┇              │ saw TaskCancel, delivers        :
     ┊              ┇              │ confirm_canceled, ✗ wants _lock
  8  │ time-out: _event, cancel() = True                             :                  client.py:97
     ┃ holds a lock   ┊ waits   ┇ waits and holds a lock

Blocked: user 2 waits for _event  (client.py:97)
         pump wants _lock, held by user 2  (client.py:120)
Story:   future 1: running → cancel_requested (step 3)
Replay:  pytest tests/test_mine.py::test_races --race-replay=r1_abc"""

CLOSER = """\
RACE  waiters once: a waiter heard twice
      62 steps; 0 preemptions; 18 switches
      user 1: wait() | user 2: wait() | user 3: wait() | pump: result_success of future 2
     user 1  user 2  user 3  pump                                 states
     … steps 1 to """


def test_a_deadlock() -> None:
    failure = race_scenes.deadlock()
    failure.replay = "pytest tests/test_mine.py::test_races --race-replay=r1_abc"
    assert picture(failure) == DEADLOCK
    assert str(failure) == DEADLOCK


def test_what_is_too_long_is_drawn_closer_and_says_what_is_missing() -> None:
    drawn = picture(race_scenes.two_futures(4), lines=30)
    assert drawn.startswith(CLOSER)
    assert len(drawn.splitlines()) == 30


def test_of_what_goes_round_the_beginning_is_shown() -> None:
    failure = race_scenes.two_futures(4)
    failure.run.end = "livelock"
    drawn = picture(failure, lines=30).splitlines()
    assert len(drawn) == 30
    assert drawn[5].startswith("  4  │ takes and frees lock of future 2")
    assert "     … and so on, up to step 62; --race-report=DIR shows all" in drawn


def test_of_a_round_that_is_always_the_same_three_are_enough() -> None:
    sketch = Sketch("user 1")
    for _ in range(900):
        sketch.step("user 1", "line", "spin.py:10")
    run = sketch.done()
    run.end = "livelock"
    words = "result() of user 1 goes round for ever"
    drawn = picture(race_scenes.failure(run, Program(((Call("result"),),)), "released", words))
    assert drawn.count("│ line spin.py:10") in (3, 4)
    assert "… and so on, up to step 900" in drawn


def test_where_there_is_room_every_step_is_shown() -> None:
    drawn = picture(race_scenes.two_futures(), lines=60)
    assert "takes and frees lock of future 2" in drawn
    for number in range(1, 21):
        assert f"\n{number:>3}  " in drawn


@pytest.mark.parametrize("length", [10, *range(82, 96), 180, 300])
def test_the_command_can_be_copied_into_a_shell(length: int) -> None:
    failure = race_scenes.deadlock()
    token = "r1_" + ("0123456789" * 30)[:length]
    failure.replay = f"pytest tests/test_mine.py::test_races --race-replay={token}"
    drawn = picture(failure)
    assert max(map(len, drawn.splitlines())) <= 100
    copied = drawn.partition("Replay:")[2]
    # pytest loses less.
    assert len(copied.splitlines()[-1]) > 4
    assert shlex.split(copied.replace("\\\n", "")) == [
        "pytest",
        "tests/test_mine.py::test_races",
        f"--race-replay={token}",
    ]


def test_without_states_there_is_no_column_for_them() -> None:
    sketch = Sketch("a", "b").step("a", "start").step("b", "acquire", "Lock 1").ends("a", "b")
    drawn = picture(race_scenes.failure(sketch.done(), Program(()), "value", "words"))
    assert "\n     a                     b\n  1  │ starts\n  2  " in drawn
    assert "Story" not in drawn


def test_without_steps() -> None:
    found = race_scenes.failure(Sketch().done(), Program(()), "value", "the words")
    assert picture(found).startswith("RACE  value: the words\n")


def test_a_bare_run() -> None:
    class Bare:
        run = Sketch("a").step("a", "start").ends("a").done()

    assert "\n  1  │ starts" in picture(Bare())


@pytest.mark.parametrize("lines", range(20, 50))
def test_never_more_lines_than_asked_for(lines: int) -> None:
    for failure in (race_scenes.deadlock(), race_scenes.two_futures()):
        assert len(picture(failure, lines=lines).splitlines()) <= lines


def test_more_tasks_blocked_than_anybody_reads() -> None:
    names = [f"user {number}" for number in range(1, 8)]
    sketch = Sketch(*names)
    for name in names:
        sketch.step(name, "start").blocked(name, "wait", "Event 1", "", "a.py:1")
    drawn = picture(race_scenes.failure(sketch.done(), Program(()), "released", "words"))
    assert "Blocked: user 1 waits for Event 1  (a.py:1)" in drawn
    assert "         and 3 more" in drawn


words = st.text("abc ä→\n\t", max_size=70)
notes = st.builds(
    "{} {}".format,
    st.sampled_from(["call", "answer", "state of future 2", "hold", "release", "x"]),
    words,
)


@settings(max_examples=60)
@given(
    st.integers(1, 6),
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["acquire", "wait", "x"]), words, notes),
        max_size=60,
    ),
    words,
    st.integers(1, 2),
    st.sets(st.integers(0, 5)),
)
def test_it_always_fits(
    tasks: int, steps: list[tuple[int, str, str, str]], said: str, futures: int, ended: set[int]
) -> None:
    """40 lines, 100 columns, and the last step is there."""
    names = [f"user {number}" for number in range(tasks)]
    sketch = Sketch(*names)
    for number, op, what, note in steps:
        sketch.step(names[number % tasks], op, what, note, where=f"{len(what) * 'x'}.py:1")
    for name in sketch.names:
        if int(name[5:]) in ended:
            sketch.ends(name)
        elif any(names[step[0] % tasks] == name for step in steps):
            sketch.blocked(name, "wait", said, name, "a.py:3")
    program = Program(((),) * tasks, futures=futures)
    failure = race_scenes.failure(sketch.done(), program, "value", said)
    failure.replay = f"pytest a --race-replay={TOKEN}"
    lines = picture(failure).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert not steps or any(line.startswith(f"{len(steps):>3}  ") for line in lines)
    assert all(line == line.rstrip() for line in lines)
