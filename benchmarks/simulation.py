"""How fast the simulated world is: deliveries a second on one core, with all invariants on.

    python benchmarks/simulation.py

A delivery is a message that arrives: between a client and the scheduler, or one storage request or
answer. Processor time, so that a busy machine shows less of its other work; the loop at the end
says how fast this processor is at the moment.
"""

import random
from time import process_time

from futurefsm.client.testing import ALL, HARSH, LOSSY, NONE, ROGUE, Faults, World
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.table import Lifecycle

_WORLDS = 100
_ROUNDS = 5
_CHOICES = 400


def rate(lifecycle: Lifecycle, clients: int, faults: Faults, *, encode: bool) -> tuple[float, int]:
    """Deliveries a second, the best of some rounds, and how many there were in each."""
    tapes = [random.Random(seed).randbytes(_CHOICES) for seed in range(_WORLDS)]
    best, deliveries = 0.0, 0
    for _ in range(_ROUNDS):
        deliveries = 0
        began = process_time()
        for tape in tapes:
            world = World(lifecycle, clients, 2, faults, tape, encode=encode, logs=False)
            world.run()
            deliveries += world.deliveries
        best = max(best, deliveries / (process_time() - began))
    return best, deliveries


def main() -> None:
    """Print the rates."""
    named = {"none": NONE, "harsh": HARSH, "lossy": LOSSY, "rogue": ROGUE, "all": ALL}
    print("lifecycle  clients faults messages deliveries  a second")
    for lifecycle in (CONFIRMED, STRICT):
        for clients in (1, 3):
            for name, faults in named.items():
                fast, count = rate(lifecycle, clients, faults, encode=False)
                about = f"{lifecycle.name:10} {clients:7} {name:6} {'values':8}"
                print(f"{about} {count:10,} {fast:9,.0f}")
    fast, count = rate(CONFIRMED, 3, NONE, encode=True)
    print(f"{'confirmed':10} {3:7} {'none':6} {'bytes':8} {count:10,} {fast:9,.0f}")
    began = process_time()
    for _ in range(10_000_000):
        pass
    print(f"an empty loop of 10,000,000 turns takes {process_time() - began:.2f} s here")


if __name__ == "__main__":
    main()
