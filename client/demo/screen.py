"""How the demo writes: plain text, a progress bar where somebody looks, rich where installed."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

Advance = Callable[[int], None]

WIDTH = 100
_PERIOD_S = 0.1


class Screen:
    """Plain text. No bar: what is not a terminal gets lines only."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def line(self, text: str = "") -> None:
        self.out.write(text + "\n")
        self.out.flush()

    def heading(self, text: str) -> None:
        self.line()
        self.line(text)
        self.line("-" * min(len(text), WIDTH))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns two spaces apart; the first to the left, the others to the right."""
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        for row in (header, *rows):
            cells = [
                cell.ljust(width) if index == 0 else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.line("  " + "  ".join(cells).rstrip())

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Advance]:
        """A bar while the block runs; call what it gives with the number of steps made."""
        yield lambda steps: None


class TerminalScreen(Screen):
    """A terminal without rich: one line that is written over."""

    def heading(self, text: str) -> None:
        self.line()
        self.line(f"\x1b[1m{text}\x1b[0m")

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Advance]:
        done, shown = 0, 0.0

        def advance(steps: int) -> None:
            nonlocal done, shown
            done += steps
            now = time.monotonic()
            if now - shown >= _PERIOD_S:
                shown = now
                bar = "#" * (30 * done // max(total, 1))
                self.out.write(f"\r  {label} [{bar:<30}] {done:,}/{total:,}")
                self.out.flush()

        try:
            yield advance
        finally:
            self.out.write("\r\x1b[K")
            self.out.flush()


class RichScreen(TerminalScreen):
    """A terminal with rich."""

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Advance]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), Elapsed())
        console = Console(file=self.out)
        with Progress(*columns, console=console, transient=True) as progress:
            bar = progress.add_task(label, total=total)
            yield lambda steps: progress.advance(bar, steps)


def screen_for(out: TextIO | None = None) -> Screen:
    """The best that this output and this installation allow."""
    out = sys.stdout if out is None else out
    if not out.isatty():
        return Screen(out)
    try:
        import rich  # noqa: F401
    except ImportError:
        return TerminalScreen(out)
    return RichScreen(out)
