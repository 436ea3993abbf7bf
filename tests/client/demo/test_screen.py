"""How the demo writes."""

import io
import sys

import pytest

from futurefsm.client.demo import screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_not_a_terminal_gets_plain_lines() -> None:
    out = io.StringIO()
    plain = screen.screen_for(out)
    assert type(plain) is screen.Screen
    plain.heading("title")
    with plain.progress("working", 3) as advance:
        advance(3)
    plain.table(["", "n"], [["first", "1"], ["second", "1,234"]])
    assert out.getvalue() == ("\ntitle\n-----\n              n\n  first       1\n  second  1,234\n")


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    out = Terminal()
    shown = screen.screen_for(out)
    assert type(shown) is screen.TerminalScreen
    with shown.progress("working", 4) as advance:
        advance(2)
    assert "working [###############               ] 2/4" in out.getvalue()
    assert out.getvalue().endswith("\r\x1b[K")
    shown.heading("title")
    assert "\x1b[1mtitle\x1b[0m" in out.getvalue()


def test_the_bar_goes_away_also_after_an_error() -> None:
    out = Terminal()
    with pytest.raises(KeyboardInterrupt), screen.TerminalScreen(out).progress("w", 4):
        raise KeyboardInterrupt
    assert out.getvalue().endswith("\r\x1b[K")


def test_rich_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    # On a terminal that can move its cursor, whatever this run of the tests has.
    monkeypatch.setenv("TERM", "xterm")
    for name in ("TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    out = Terminal()
    shown = screen.screen_for(out)
    assert type(shown) is screen.RichScreen
    with shown.progress("working", 4) as advance:
        advance(4)
    assert "working" in out.getvalue()
