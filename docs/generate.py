"""Write what the documentation says of the lifecycles from the lifecycles themselves.

`python docs/generate.py` rewrites `docs/generated/` and, in every page, what stands between
`<!-- generated: WHAT LIFECYCLE -->` and `<!-- /generated -->`. `--check` writes nothing, names what
is stale, and exits with 1 if anything is.

`<!-- generated: printed -->` stands behind examples: what they print. An example whose first line
is `# NAME.py` counts as that file, so that line numbers in what is printed are those of the
example. With `printed alone` only the example just before is run.
"""

import argparse
import contextlib
import io
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from futurefsm.fsm import document
from futurefsm.fsm.effects import FUTURE
from futurefsm.fsm.lifecycles import LIFECYCLES
from futurefsm.fsm.outcomes import OUTCOMES
from futurefsm.fsm.table import Lifecycle

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ROOT / "docs" / "generated"
_BY_NAME = {each.name: each for each in LIFECYCLES}
_BLOCK = re.compile(
    r"(?P<begin><!-- generated: (?P<what>[a-z]+)(?: (?P<name>[a-z_]+))? -->\n)"
    r".*?(?P<end><!-- /generated -->)",
    re.DOTALL,
)


def diagram(lifecycle: Lifecycle) -> str:
    """Mermaid, as pages show it."""
    return f"```mermaid\n{lifecycle.to_mermaid().rstrip()}\n```"


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(header)
    body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def states(lifecycle: Lifecycle) -> str:
    """The states: what each means, and what `concurrent.futures` shows for it."""
    rows = [
        [
            f"`{state}`",
            state.means,
            f"`{state.view}`" if state.view else "",
            "for ever" if state.absorbing else "yes" if state.settled else "no",
        ]
        for state in lifecycle.states
    ]
    header = ["state", "means", "`concurrent.futures` view", "settled"]
    if all(state.view is None for state in lifecycle.states):
        return markdown(header[:2], [row[:2] for row in rows])
    return markdown(header, rows)


def events(lifecycle: Lifecycle) -> str:
    """The events, and who fires them."""
    rows = [[f"`{event}`", event.comes_from] for event in lifecycle.events]
    return markdown(["event", "comes from"], rows)


def effects(lifecycle: Lifecycle) -> str:
    """The effects that its rows name, and who performs them."""
    named = {effect for row in lifecycle.rows for effect in row.effects}
    rows = [
        [f"`{effect}`", effect.means, "the future" if effect.performer == FUTURE else "the wire"]
        for effect in lifecycle.effects
        if effect in named
    ]
    return markdown(["effect", "means", "performed by"], rows)


def outcomes() -> str:
    """What can become of a cancel."""
    rows = [[f"`{outcome}`", outcome.means] for outcome in OUTCOMES]
    return markdown(["`future.cancel_outcome`", "means"], rows)


_EXAMPLE = re.compile(r"^```python\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
_PRINTED = re.compile(
    r"(?P<begin><!-- generated: printed(?P<alone> alone)? -->\n).*?(?P<end><!-- /generated -->)",
    re.DOTALL,
)


def with_printed(page: str) -> str:
    """A page with what its examples print, run in order as one program."""
    names: dict[str, object] = {"__name__": "__main__"}
    done = 0

    def fresh(match: re.Match[str]) -> str:
        nonlocal done
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            examples = list(_EXAMPLE.finditer(page, done, match.start()))
            for example in examples[-1:] if match["alone"] else examples:
                code = example["code"]
                file = re.match(r"# (\w+\.py)$", code, re.MULTILINE)
                exec(compile(code, file[1] if file else "example.py", "exec"), names)
        done = match.end()
        # Lines of the standard library are others in each version of Python.
        text = re.sub(r"(\b_base\.py):\d+", r"\1", out.getvalue()).rstrip()
        return f"{match['begin']}\n```text\n{text}\n```\n\n{match['end']}"

    return _PRINTED.sub(fresh, page)


_MAKERS: dict[str, Callable[[Lifecycle], str]] = {
    "semantics": document.table,
    "reasons": document.reason_list,
    "states": states,
    "events": events,
    "effects": effects,
    "diagram": diagram,
}


def block(what: str, name: str | None) -> str:
    """The text of one block.

    Raises:
        KeyError: a page asks for something that is not made here.
    """
    if what == "outcomes":
        return outcomes()
    return _MAKERS[what](_BY_NAME[name or ""])


def filled(page: str) -> str:
    """A page with its blocks made anew."""

    def fresh(match: re.Match[str]) -> str:
        if match["what"] == "printed":
            return match[0]
        made = block(match["what"], match["name"]).rstrip()
        return f"{match['begin']}\n{made}\n\n{match['end']}"

    return _BLOCK.sub(fresh, with_printed(page))


def pages() -> list[Path]:
    """Every page that may have blocks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def wanted() -> dict[Path, str]:
    """Every file that is made here, wholly or in part, and what it should hold."""
    files = {page: filled(page.read_text(encoding="utf-8")) for page in pages()}
    for lifecycle in LIFECYCLES:
        files[GENERATED / f"{lifecycle.name}.mmd"] = lifecycle.to_mermaid().rstrip() + "\n"
        files[GENERATED / f"{lifecycle.name}.dot"] = lifecycle.to_dot().rstrip() + "\n"
    return files


def stale() -> list[Path]:
    """Files that do not hold what they should, and generated ones that nobody makes any more."""
    files = wanted()
    old = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    return [*old, *(path for path in GENERATED.iterdir() if path not in files)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name what is stale")
    check = parser.parse_args().check
    GENERATED.mkdir(exist_ok=True)
    found = stale()
    for path in found:
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
    if check:
        return 1 if found else 0
    files = wanted()
    for path in found:
        if path in files:
            path.write_text(files[path], encoding="utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
