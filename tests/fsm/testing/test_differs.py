"""What is said where a future and its table differ."""

from futurefsm.fsm.lifecycles import STRICT
from futurefsm.fsm.table import ignores
from futurefsm.fsm.testing.differs import Differs

ROW = STRICT.row("running", "cancel")


def made(**over: object) -> Differs:
    given = {
        "what": "Mine",
        "lifecycle": "strict",
        "call": "cancel()",
        "expected": "False",
        "got": "True",
        "row": ROW,
        "story": ["1  made"],
    }
    return Differs(**{**given, **over})  # type: ignore[arg-type]


def test_all_is_said() -> None:
    assert str(made()) == (
        "Mine differs from lifecycle 'strict'\n"
        "  call       cancel()\n"
        "  expected   False\n"
        "  got        True\n"
        f"  row        (running, cancel) -: {ROW.why}\n"
        "  story\n"
        "    1  made"
    )


def test_without_a_row_or_a_story() -> None:
    text = str(made(row=None, story=[]))
    assert "row" not in text
    assert "story" not in text


def test_a_row_without_a_reason() -> None:
    row = ignores(ROW.source, ROW.event)
    assert "  row        (running, cancel) -\n" in str(made(row=row))


def test_it_fits_a_screen() -> None:
    long = " ".join(["word"] * 60)
    text = str(made(expected=long, got="x" * 300, story=[f"{n}  {long}" for n in range(50)]))
    lines = text.splitlines()
    assert max(map(len, lines)) == 100
    assert len(lines) <= 40
    assert "... 26 steps before these" in text
    assert lines[-1].startswith("    49  word")
