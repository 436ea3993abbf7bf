"""The documentation: its examples run, its generated parts are fresh, its links lead somewhere."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import tidy
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

PAGES = [tidy.ROOT / "README.md", *sorted((tidy.ROOT / "docs").rglob("*.md"))]
OTHER_PAGES = [tidy.ROOT / "CONTRIBUTING.md", tidy.ROOT / "CHANGELOG.md"]
# This one is run as a reader would, by tests/cluster/test_guide.py.
IN_TERMINALS = tidy.ROOT / "docs" / "guides" / "cluster.md"
WITH_EXAMPLES = [page for page in PAGES if "```python" in page.read_text() and page != IN_TERMINALS]


def ids(path: Path) -> str:
    return str(path.relative_to(tidy.ROOT))


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=ids)
def test_examples_run(page: Path) -> None:
    """All examples of a page, in order, as one program."""
    document = Sybil(parsers=[PythonCodeBlockParser()]).parse(page)
    # As in a script: functions of `__main__` travel by value.
    document.namespace["__name__"] = "__main__"
    examples = list(document.examples())
    assert examples
    for example in examples:
        example.evaluate()


def test_the_readme_has_examples() -> None:
    names = {page.name for page in WITH_EXAMPLES}
    assert {"README.md", "tutorial.md", "cancel.md", "authors.md"} <= names


def test_the_promises_name_tests_that_exist() -> None:
    """What a page says is shown by a test is shown by one."""
    page = (tidy.ROOT / "docs" / "guides" / "scaler-promises.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("|") and line.count("|") == 4]
    named = set(re.findall(r"`(test_\w+(?:\.py)?)`", "".join(rows)))
    assert len(named) > 40
    files = [path for path in tidy.everything() if path.parts[0] == "tests"]
    there = {path.name for path in files}
    for path in files:
        there |= set(
            re.findall(r"^(?:async )?def (test_\w+)", (tidy.ROOT / path).read_text(), re.M)
        )
    assert named <= there, f"no such test: {sorted(named - there)}"


def test_generated_parts_are_fresh() -> None:
    script = tidy.ROOT / "docs" / "generate.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"run `make docs`:\n{done.stdout}{done.stderr}"


def test_a_stale_part_is_noticed() -> None:
    script = runpy.run_path(str(tidy.ROOT / "docs" / "generate.py"))
    page = (tidy.ROOT / "README.md").read_text()
    assert script["filled"](page) == page
    spoilt = page.replace("| event \\ state |", "| event \\ State |")
    assert spoilt != page
    assert script["filled"](spoilt) == page


def test_every_lifecycle_has_its_page() -> None:
    from futurefsm.fsm.lifecycles import LIFECYCLES

    for lifecycle in LIFECYCLES:
        page = (tidy.ROOT / "docs" / "reference" / f"{lifecycle.name}.md").read_text()
        for what in ("diagram", "states", "events", "semantics", "reasons"):
            assert f"<!-- generated: {what} {lifecycle.name} -->" in page


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES], ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            path = page.parent / target.partition("#")[0]
            assert path.exists(), f"{ids(page)}: {target} does not exist"


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES], ids=ids)
def test_every_page_has_one_title(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    titles = re.findall(r"^# ", text, re.MULTILINE)
    assert len(titles) == (0 if page.parent.name == "news" else 1)
