"""A failure as one HTML page that needs nothing else: no network, no other file. PURE.

The picture of the terminal, with all steps: point at a step, or go through them with the arrow
keys, and the page says who holds and who waits just then.
"""

from html import escape
from typing import Any

from futurefsm.fsm.testing import mermaid
from futurefsm.fsm.testing.scene import Row, Scene, scene

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #667; --line: #c4c9d4;
  --hold: #c2410c; --wait: #94a3b8; --mark: #fff3d6; --bad: #b91c1c; --good: #15803d;
  --call: #1d4ed8; --wire: #7e22ce; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --paper: #15181d; --soft: #9aa3b2;
  --line: #414855; --hold: #fb923c; --wait: #64748b; --mark: #2d2a1c; --bad: #f87171;
  --good: #4ade80; --call: #93b4ff; --wire: #d8b4fe; } }
body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; background: var(--paper);
  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; }
h1 b { color: var(--bad); }
h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .2rem 0; }
.soft { color: var(--soft); }
code, pre, td, th { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  font-size: 13px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; padding: .3rem .6rem; border-bottom: 2px solid var(--line);
  vertical-align: bottom; position: sticky; top: 0; background: var(--paper); }
th small { display: block; font-weight: normal; color: var(--soft); }
td { padding: 0 .6rem; vertical-align: top; height: 1.7rem; }
td.number, td.where { color: var(--soft); white-space: nowrap; }
td.number { text-align: right; }
td.lane { padding-left: 1.2rem; position: relative; }
td.lane::before { content: ""; position: absolute; left: .5rem; top: 0; bottom: 0;
  border-left: 2px solid var(--line); }
td.off::before { border-left-color: transparent; }
td.holds::before { border-left: 6px solid var(--hold); left: calc(.5rem - 2px); }
td.waits::before { border-left-style: dashed; border-left-color: var(--wait); }
td.holds.waits::before { border-left: 6px double var(--hold); }
td.state b { color: var(--good); }
tr.step { cursor: default; }
tr.here { background: var(--mark); outline: 1px solid var(--line); }
.item { display: inline-block; margin-right: .7rem; }
.item.call, .item.answer { color: var(--call); }
.item.send, .item.fetch, .item.delete, .item.deliver { color: var(--wire); }
.item.release, .item.sync { color: var(--soft); }
.item.timer { color: var(--hold); }
.item.stuck, .item.trouble { color: var(--bad); font-weight: 600; }
.item.stuck::before { content: "\\2717\\00a0"; }
.item.trouble::before { content: "!!\\00a0"; }
#now { position: sticky; bottom: 0; background: var(--paper); border-top: 2px solid var(--line);
  padding: .5rem 0; min-height: 1.5rem; }
pre { background: color-mix(in srgb, var(--line) 25%, transparent); padding: .6rem .8rem;
  border-radius: 6px; white-space: pre-wrap; word-break: break-all; }
ul { margin: .2rem 0; padding-left: 1.2rem; }
button { font: inherit; font-size: 12px; }
"""

_SCRIPT = """
const rows = [...document.querySelectorAll("tr.step")], now = document.getElementById("now");
let at = -1;
function go(index, scroll) {
  if (index < 0 || index >= rows.length) return;
  if (at >= 0) rows[at].classList.remove("here");
  at = index;
  rows[at].classList.add("here");
  now.textContent = rows[at].dataset.now;
  if (scroll) rows[at].scrollIntoView({block: "nearest"});
}
rows.forEach((row, index) => row.addEventListener("mouseenter", () => go(index, false)));
document.addEventListener("keydown", event => {
  const move = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1}[event.key];
  if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  go(at < 0 ? (move > 0 ? 0 : rows.length - 1) : at + move, true);
});
document.querySelectorAll("button").forEach(button => button.addEventListener("click", () =>
  navigator.clipboard.writeText(document.getElementById(button.dataset.of).textContent)));
go(rows.length - 1, false);
"""


_LEGEND = (
    "Time goes down, one row is one step. A thick bar: the thread holds a lock. A dashed one: it "
    "waits. Arrow keys go through the steps."
)


def page(failure: Any, *, title: str = "") -> str:
    """Make the page of a failure (`futurefsm.fsm.testing.Failure`).

    Args:
        title: of what, for example the id of the test.
    """
    return render(scene(failure), title=title)


def render(shown: Scene, *, title: str = "") -> str:
    """Make the page of a scene; see `page`."""
    name = f"{shown.check}: {title}" if title else shown.check
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Race: {escape(name)}</title>",
        f"<style>{_STYLE}</style></head><body>",
        f"<h1><b>{escape(shown.check)}</b> {escape(shown.words)}</h1>",
        *([f'<p class="soft">{escape(title)}</p>'] if title else []),
        f'<p class="soft">{escape("; ".join(shown.facts))}</p>',
        *_list("Also wrong", shown.also),
        "<h2>What happened</h2>",
        f'<p class="soft">{_LEGEND}</p>',
        f'<div class="wide">{_table(shown)}</div>',
        '<div id="now" class="soft"></div>',
        *_list("Blocked for ever", shown.blocked),
        *_list("The story of each future", [_tale(tale) for tale in shown.tales]),
        *_list(
            "What callers were told",
            [f"step {told.number}: {told.who}: {told.what}" for told in shown.told],
        ),
        *_list("The program", shown.program),
        *_copied("Run it again", "replay", shown.replay),
        *_copied("As a Mermaid sequence diagram", "mermaid", mermaid.render(shown)),
        f"<script>{_SCRIPT}</script></body></html>",
        "",
    ]
    return "\n".join(parts)


def _list(title: str, lines: Any) -> list[str]:
    if not lines:
        return []
    items = "".join(f"<li><code>{escape(line)}</code></li>" for line in lines)
    return [f"<h2>{escape(title)}</h2>", f"<ul>{items}</ul>"]


def _copied(title: str, key: str, words: str) -> list[str]:
    """A text that a button copies."""
    if not words:
        return []
    button = f'<button data-of="{key}">copy</button>'
    return [f"<h2>{escape(title)} {button}</h2>", f'<pre id="{key}">{escape(words)}</pre>']


def _tale(tale: Any) -> str:
    said = [f"{state} (step {number})" if number else state for number, state in tale.states]
    return f"{tale.future}: " + " → ".join(said)


def _table(shown: Scene) -> str:
    lanes = "".join(
        f"<th>{escape(lane.name)}<small>{escape(lane.does)}</small>"
        f"<small>{escape(lane.ended)}</small></th>"
        for lane in shown.lanes
    )
    tales = "".join(f"<th>{escape(tale.future)}</th>" for tale in shown.tales)
    head = f"<thead><tr><th></th>{lanes}{tales}<th>source</th></tr></thead>"
    states = {tale.future: "" for tale in shown.tales}
    states |= {tale.future: tale.states[0][1] for tale in shown.tales if not tale.states[0][0]}
    spans = shown.spans
    rows = []
    for row in shown.rows:
        changed = {future: state for future, state in row.states if states.get(future) != state}
        states |= changed
        cells = "".join(_cell(row, lane, spans) for lane in range(len(shown.lanes)))
        seen = "".join(
            f'<td class="state">{_state(state, future in changed)}</td>'
            for future, state in states.items()
        )
        rows.append(
            f'<tr class="step" data-now="{escape(_now(shown, row, states))}">'
            f'<td class="number">{row.number}</td>{cells}{seen}'
            f'<td class="where">{escape(row.where)}</td></tr>'
        )
    return f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"


def _state(state: str, changed: bool) -> str:
    return f"<b>{escape(state)}</b>" if changed else f'<span class="soft">{escape(state)}</span>'


def _cell(row: Row, lane: int, spans: tuple[range, ...]) -> str:
    kinds = ["lane"]
    if row.number not in spans[lane]:
        kinds.append("off")
    else:
        kinds += ["holds"] * (lane in row.holding)
        kinds += ["waits"] * (lane in row.waiting and lane != row.lane)
    items = ""
    if lane == row.lane:
        items = "".join(
            f'<span class="item {escape(item.kind)}">{escape(item.text)}</span>'
            for item in row.items
        )
    return f'<td class="{" ".join(kinds)}">{items}</td>'


def _now(shown: Scene, row: Row, states: dict[str, str]) -> str:
    """What holds after a step, in words."""
    said = [f"After step {row.number}"]
    said += [f"{future} is {state}" for future, state in states.items() if state]
    for numbers, one, many in (
        (row.holding, "holds a lock", "hold locks"),
        (row.waiting, "waits", "wait"),
    ):
        who = [shown.lanes[lane].name for lane in sorted(numbers)]
        if who:
            said.append(f"{' and '.join(who)} {one if len(who) == 1 else many}")
    return "; ".join(said)
