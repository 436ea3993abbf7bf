"""The simulated world: clients, scheduler, store and workers in one thread; chance is a tape.

`World` runs one, `replay` runs a printed one again, `hunt` looks for a failure and makes it small,
`tapes()` and `faults()` are strategies for Hypothesis (extra: testing). `GALLERY` holds parts that
are broken on purpose, to show that each kind of mistake is found.
"""

from futurefsm.fsm._lazy import attach

_HERE = "futurefsm.client.testing"

__getattr__, __all__ = attach(
    __name__,
    {
        "ALL": f"{_HERE}.switches",
        "Broken": f"{_HERE}.invariants",
        "Faults": f"{_HERE}.switches",
        "GALLERY": f"{_HERE}.gallery",
        "HARSH": f"{_HERE}.switches",
        "Hunt": f"{_HERE}.hunting",
        "INVARIANTS": f"{_HERE}.invariants",
        "LOSSY": f"{_HERE}.switches",
        "NETWORK": f"{_HERE}.switches",
        "NONE": f"{_HERE}.switches",
        "PEERS": f"{_HERE}.switches",
        "Parts": f"{_HERE}.parts",
        "ROGUE": f"{_HERE}.switches",
        "Setting": f"{_HERE}.hunting",
        "TrackerLike": f"{_HERE}.trackers",
        "World": f"{_HERE}.world",
        "faults": f"{_HERE}.strategies",
        "hunt": f"{_HERE}.hunting",
        "mermaid": f"{_HERE}.report",
        "networks": f"{_HERE}.strategies",
        "peers": f"{_HERE}.strategies",
        "replies": f"{_HERE}.strategies",
        "replay": f"{_HERE}.tokens",
        "tapes": f"{_HERE}.strategies",
        "worlds": f"{_HERE}.strategies",
    },
)
