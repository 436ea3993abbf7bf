"""The HTML page: it is whole, it needs nothing else, and a real browser runs it."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
import race_scenes
from race_scenes import Sketch

from futurefsm.fsm.testing.page import page

VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Checks that what is opened is closed, and keeps the texts of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value or "" for key, value in attrs if key in ("src", "href")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += f"{data} "


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open
    return reader


def test_it_is_whole_and_needs_nothing_else() -> None:
    text = page(race_scenes.two_futures(2), title="tests/test_x.py::test_races")
    assert read(text).links == []
    assert "://" not in text
    assert "tests/test_x.py::test_races" in text
    assert text.isprintable() or "\x00" not in text


def test_every_step_with_the_state_at_it() -> None:
    rows = [[cell.strip() for cell in row] for row in read(page(race_scenes.deadlock())).rows]
    head, *steps = rows
    assert head == [
        "",
        "user 1 cancel() ended",
        "user 2 cancel() never ended",
        "pump await TaskCancel, confirm_canceled never ended",
        "future 1",
        "source",
    ]
    assert [row[0] for row in steps] == [str(number) for number in range(1, 9)]
    assert steps[1] == ["2", "takes _lock", "", "", "running", "client.py:90"]
    assert steps[2][4] == "cancel_requested"
    assert steps[7][1] == "time-out: _event cancel() = True"


def test_what_holds_after_each_step_is_said() -> None:
    text = page(race_scenes.deadlock())
    assert "After step 2; future 1 is running; user 1 holds a lock" in text
    assert "user 2 holds a lock; user 2 and pump wait" in text
    two = page(race_scenes.two_futures())
    assert "future 1 is running; future 2 is pending" in two


def test_who_is_blocked_the_stories_and_how_to_replay() -> None:
    failure = race_scenes.deadlock()
    failure.replay = "pytest x --race-replay=r1_abc"
    text = page(failure)
    assert "pump wants _lock, held by user 2  (client.py:120)" in text
    assert "future 1: running → cancel_requested (step 3)" in text
    assert '<pre id="replay">pytest x --race-replay=r1_abc</pre>' in text
    assert '<pre id="mermaid">sequenceDiagram' in text


def test_what_looks_like_html_is_not() -> None:
    failure = race_scenes.shown_notes(['answer result: <script>alert("x")</script> & more'])
    failure.words = "<img src=x>"
    failure.replay = "</pre><b>"
    text = page(failure, title="<i>")
    assert text.count("<script>") == 1
    assert "<img" not in text
    assert "<b>x" not in text
    assert read(text).links == []


def test_a_bare_run() -> None:
    class Bare:
        run = Sketch("a").step("a", "start").ends("a").done()

    text = page(Bare())
    assert 'id="replay"' not in text
    assert 'id="mermaid"' in text


def chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed")
    return found


@pytest.mark.system("chromium")
@pytest.mark.slow
def test_a_real_browser_shows_it(tmp_path: Path) -> None:
    """The script has run: the last step is marked, and said in words."""
    path = tmp_path / "race.html"
    path.write_text(page(race_scenes.deadlock()), encoding="utf-8")
    done = subprocess.run(
        [
            chromium(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path}/profile",
            "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r'<tr class="step here"[^>]*><td class="number">(\d+)', done.stdout) == ["8"]
    assert re.search(r'<div id="now"[^>]*>After step 8; future 1 is cancel_requested', done.stdout)
    assert "Uncaught" not in done.stderr
