"""Sequence diagrams: a whole one, and what Mermaid would stumble over."""

import re

import pytest
import race_scenes
from race_scenes import Sketch

from futurefsm.fsm.testing.mermaid import mermaid
from futurefsm.fsm.testing.programs import Program

DEADLOCK = """\
sequenceDiagram
    participant T0 as user 1
    participant T1 as user 2
    participant T2 as pump
    participant F0 as future 1
    participant W as wire
    Note over T0,F0: released: user 2 and the pump wait for each other: cancel() holds _lock
    T0->>F0: 1. calls cancel()
    Note over F0: running
    Note right of T0: 2. takes _lock
    activate T0
    T0-)W: 3. sends TaskCancel
    Note right of T0: 3. frees _lock
    Note right of T0: 3. waits for _event
    Note over F0: cancel_requested
    deactivate T0
    T1->>F0: 4. calls cancel()
    Note right of T1: 5. takes _lock
    T1-xT1: 5. waits for _event
    activate T1
    Note right of T2: 6. waits for TaskCancel
    Note right of T2: 7. saw TaskCancel
    T2->>F0: 7. delivers confirm_canceled
    T2-xT2: 7. wants _lock
    T0-xT0: 8. time-out: _event
    F0-->>T0: 8. cancel() = True
    Note over T0,F0: user 2 waits for _event (client.py:97)
    Note over T0,F0: pump wants _lock, held by user 2 (client.py:120)
    deactivate T1
"""


def test_a_deadlock() -> None:
    assert mermaid(race_scenes.deadlock()) == DEADLOCK


def test_each_future_has_its_line() -> None:
    drawn = mermaid(race_scenes.two_futures())
    assert "participant F1 as future 2" in drawn
    assert "T3->>F1: 13. delivers result_success of future 2" in drawn
    assert "Note over F1: running" in drawn
    assert "participant W" not in drawn


def test_bars_begin_before_they_end() -> None:
    """Mermaid refuses to end what has not begun."""
    for failure in (race_scenes.deadlock(), race_scenes.two_futures(3)):
        active: set[str] = set()
        for word, task in re.findall(r"^    (activate|deactivate) (T\d)$", mermaid(failure), re.M):
            assert (task in active) == (word == "deactivate")
            active ^= {task}
        assert not active


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("a; b", "a#59; b"),
        ("50 # of", "50 #35; of"),
        ("<b>bold</b>", "#60;b#62;bold#60;/b#62;"),
        ("to the end of it", "to the en\N{WORD JOINER}d of it"),
        ("two\nlines", "two lines"),
    ],
)
def test_words_that_mermaid_reads_as_code(words: str, said: str) -> None:
    failure = race_scenes.shown_notes([f"something {words}"])
    failure.words = words
    drawn = mermaid(failure)
    assert f"1. something {said}" in drawn
    assert f": value: {said}\n" in drawn


def test_without_threads() -> None:
    found = race_scenes.failure(Sketch().done(), Program(()), "value", "words")
    assert "Note over F0,F0: value: words" in mermaid(found)
