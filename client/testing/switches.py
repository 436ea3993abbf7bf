"""What may go wrong in a simulated world. PURE.

ZeroMQ and TCP keep order and lose nothing while a link lives, and a process dies whole: `HARSH` is
what production may meet. The lossy faults show that even a network or a scheduler that breaks its
promises cannot contradict what callers were told, nor stop the pump.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Faults:
    """Switches; all off is a fair network with honest peers that all live.

    Attributes:
        die: workers die by themselves.
        silence: the scheduler stops, for a while or for ever.
        cut: a link ends for good.
        preempt: a user's thread is interrupted between its step and telling the pump.
        starve: no worker can be started any more.
        overtake: a dead worker's last answer is found after its death was reported.
        reorder: messages of one channel overtake each other.
        duplicate: messages of a scheduler channel arrive twice.
        lose: messages of a scheduler channel never arrive.
        rogue: the scheduler also says what no correct one says: answers late, twice, of each kind,
            for unknown tasks, results without an object.
    """

    die: bool = False
    silence: bool = False
    cut: bool = False
    preempt: bool = False
    starve: bool = False
    overtake: bool = False
    reorder: bool = False
    duplicate: bool = False
    lose: bool = False
    rogue: bool = False

    @property
    def reliable(self) -> bool:
        """Each message arrives once, in order, and is true."""
        return not (self.reorder or self.duplicate or self.lose or self.rogue)

    @property
    def fair(self) -> bool:
        """Every future settles without anybody's closing anything."""
        return self.reliable and not (self.silence or self.cut)

    def __or__(self, other: "Faults") -> "Faults":
        """What goes wrong with either."""
        both = {each.name: getattr(self, each.name) or getattr(other, each.name) for each in _ALL}
        return Faults(**both)

    def __str__(self) -> str:
        on = [each.name for each in fields(self) if getattr(self, each.name)]
        return "+".join(on) or "none"

    @classmethod
    def named(cls, names: Iterable[str]) -> "Faults":
        """Those with these names.

        Raises:
            ValueError: one is unknown; says which there are.
        """
        known = [each.name for each in fields(cls)]
        chosen = list(names)
        for name in chosen:
            if name not in known:
                raise ValueError(f"no fault is called {name!r}; there are {', '.join(known)}")
        return cls(**dict.fromkeys(chosen, True))


_ALL = fields(Faults)
# Which of them are the network's, and which are those of who speaks through it.
NETWORK = ("cut", "reorder", "duplicate", "lose")
PEERS = tuple(each.name for each in _ALL if each.name not in NETWORK)

NONE = Faults()
HARSH = Faults(die=True, silence=True, cut=True, preempt=True, starve=True)
LOSSY = Faults(die=True, preempt=True, reorder=True, duplicate=True, lose=True, overtake=True)
ROGUE = Faults(die=True, preempt=True, rogue=True)
ALL = Faults(*[True] * len(fields(Faults)))
