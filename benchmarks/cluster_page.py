"""The page of `make bench-cluster`: what was measured, as a table in Markdown."""

from dataclasses import dataclass, field
from statistics import median

from benchmarks.measuring import Samples, machine, ratios, versions


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report, all figures per second: more is better. One sample a round.

    Attributes:
        target: at least so many times the rate of Scaler's client.
        probe: what the bare probe has; no round, where it took no turn.
    """

    backend: str
    what: str
    ours: Samples
    theirs: Samples
    target: float
    probe: Samples = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return ratios(self.ours, self.theirs)["median"]

    @property
    def spread(self) -> tuple[float, float]:
        """Between what the ratio lies, round by round."""
        found = ratios(self.ours, self.theirs)
        return found["least"], found["most"]

    @property
    def bound(self) -> float | None:
        """The probe's ratio: roughly the most that any client can have."""
        return ratios(self.probe, self.theirs).get("median") if self.probe else None

    @property
    def close(self) -> bool:
        """Whether some rounds say otherwise of the target than the median does."""
        least, most = self.spread
        return least < self.target <= most

    @property
    def verdict(self) -> str:
        said = "met" if self.ratio >= self.target else "**missed**"
        return f"{said}, but close" if self.close else said


def cells(line: Line) -> tuple[str, ...]:
    least, most = line.spread
    return (
        line.backend,
        line.what,
        f"{median(line.ours):,.0f}",
        f"{median(line.theirs):,.0f}",
        f"{line.ratio:.2f}",
        f"{least:.2f}-{most:.2f}",
        f"{line.target:g}",
        line.verdict,
        f"{median(line.probe):,.0f}" if line.probe else "",
        f"{line.bound:.2f}" if line.bound else "",
    )


HEAD = (
    "backend",
    "per second",
    "ours",
    "Scaler's client",
    "ratio",
    "its spread",
    "target",
    "it is",
    "probe",
    "its ratio",
)
ROW = "{:7} {:38} {:>8} {:>15} {:>6} {:>12} {:>6} {:20} {:>8} {:>9}"


def _said(line: Line) -> str:
    """How far it is behind, in words."""
    wanted = "slower than Scaler's client" if line.ratio < 1 else f"wanted {line.target:g}"
    least, most = line.spread
    said = f"- {line.backend}, {line.what}: {line.ratio:.2f} times ({least:.2f} to {most:.2f}), "
    return said + wanted + (f"; the bare probe: {line.bound:.2f}" if line.bound else "")


def _rounds(lines: list[Line]) -> str:
    counts = [min(len(line.ours), len(line.theirs)) for line in lines]
    return f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else str(min(counts))


def document(lines: list[Line], load: float, minutes: float) -> str:
    """The page, in Markdown."""
    about = machine()
    found = versions(("futurefsm", "opengris-scaler")).items()
    packages = ", ".join(f"{name} {version}" for name, version in found)
    rows = [HEAD, ("---",) * 2 + ("---:",) * 5 + ("---",) + ("---:",) * 2, *map(cells, lines)]
    behind = [_said(line) for line in lines if line.ratio < line.target]
    return "\n".join(
        [
            "# Against Scaler's own client, on a real cluster",
            "",
            "Written by `make bench-cluster` (`benchmarks/cluster.py` says what each line does):",
            "one real cluster with two workers per backend. The clients take turns, in changing",
            "order, each turn with a client that is new and warm, on a cluster that has nothing",
            "else to do: what a client leaves behind, nobody else pays for. All figures are per",
            f"second, the median of {_rounds(lines)} rounds: more is better. A ratio is ours",
            "divided by that of Scaler's client, and its spread is from the least to the most of",
            "the rounds; a target that some rounds meet and others miss is close. Ratios can be",
            "compared with those of other machines, roughly; figures cannot.",
            "",
            "The probe is the least that a client can do (`benchmarks/probe.py`). Most of a task's",
            "time goes by in the cluster, so its ratio is roughly the most that a client can have.",
            "",
            f"{about['date']}; Python {about['python']}, {packages};",
            f"{about['cores']} cores, load {load:.1f} at the start. It took {minutes:.0f} minutes.",
            "",
            *("| " + " | ".join(row) + " |" for row in rows),
            "",
            "Where it is behind what is wanted:" if behind else "Every target is met.",
            *([""] if behind else []),
            *behind,
            "",
        ]
    )
