"""What is said where a future and its table differ: the call, what was expected by which row, what
came, and the story up to there. PURE."""

from collections.abc import Sequence

from futurefsm.fsm.table import Row

_WIDTH = 100
# More steps than these say nothing that a shrunk example does not say.
_STEPS = 24


class Differs(AssertionError):
    """A future did not do what the row of its table says.

    Attributes:
        call: the call or the message after which it showed.
        expected: what the table says, in words.
        got: what came, in words.
        row: the entry of the table; None where none is concerned.
        story: every step up to there, one line each.
    """

    def __init__(
        self,
        what: str,
        lifecycle: str,
        call: str,
        expected: str,
        got: str,
        row: Row | None,
        story: Sequence[str],
    ) -> None:
        self.what = what
        self.lifecycle = lifecycle
        self.call = call
        self.expected = expected
        self.got = got
        self.row = row
        self.story = tuple(story)
        super().__init__(what, lifecycle, call, expected, got)

    def __str__(self) -> str:
        lines = [
            f"{self.what} differs from lifecycle {self.lifecycle!r}",
            *_field("call", self.call),
            *_field("expected", self.expected),
            *_field("got", self.got),
        ]
        if self.row is not None:
            why = f": {self.row.why}" if self.row.why else ""
            lines += _field("row", f"{self.row}{why}")
        told = self.story
        if told:
            lines.append("  story")
            if len(told) > _STEPS:
                lines.append(f"    ... {len(told) - _STEPS} steps before these")
            lines += [_cut(f"    {line}") for line in told[-_STEPS:]]
        return "\n".join(lines)


def _field(name: str, text: str) -> list[str]:
    """One field, wrapped at words."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > _WIDTH - 13:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    return [_cut(f"  {name if not number else '':10} {each}") for number, each in enumerate(lines)]


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
