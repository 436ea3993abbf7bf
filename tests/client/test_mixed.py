"""A thousand mixed tasks: they return, raise, sleep, die, and are cancelled at random moments.

`FUTUREFSM_ROUNDS` repeats it, each round with a seed of its own (`make campaign`).
"""

import concurrent.futures
import os
import random
import time
from collections import Counter
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.future import Future
from futurefsm.fsm.errors import CancelledError, WorkerDiedError
from tests.client.processes import engines
from tests.client.storage import stored_objects

TASKS = 1000
USERS = 6
ROUNDS = int(os.environ.get("FUTUREFSM_ROUNDS", "0"))
SEEDS = [random.SystemRandom().randrange(2**32) for _ in range(ROUNDS)] or [1, 2]
PATIENCE_S = 120.0


def give_back(value: int) -> int:
    return value * 3


def fail(value: int) -> None:
    raise LookupError(value)


def nap(value: int, seconds: float) -> int:
    time.sleep(seconds)
    return value


def die(value: int, code: int) -> None:
    os._exit(code)


KINDS = ("return", "raise", "sleep", "die")


def submit(client: Client, kind: str, n: int, dice: random.Random) -> Future[Any]:
    if kind == "return":
        return client.submit(give_back, n)
    if kind == "raise":
        return client.submit(fail, n)
    if kind == "sleep":
        return client.submit(nap, n, dice.random() * 0.02)
    return client.submit(die, n, 1 + n % 100)


def check(future: Future[Any], kind: str, n: int, *, asked: bool) -> str:
    """The answer has to be the one that this task gives; says how it ended."""
    try:
        value = future.result(PATIENCE_S)
    except CancelledError:
        ended = f"cancelled, {future.cancel_outcome}"
    except LookupError as error:
        ended = f"raised {error.args}"
    except WorkerDiedError as error:
        ended = f"died with {error.exit_code}"
    else:
        ended = f"returned {value}"
    if asked:
        assert ended.startswith("cancelled"), f"{ended}: {future.story}"
        return ended
    right = {
        "return": f"returned {n * 3}",
        "sleep": f"returned {n}",
        "raise": f"raised ({n},)",
        "die": f"died with {1 + n % 100}",
    }
    assert ended == right[kind], f"{ended}: {future.story}"
    return ended.split()[0]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_thousand_mixed_tasks(seed: int) -> None:
    print(f"seed {seed}")
    told: Counter[int] = Counter()
    ends: Counter[str] = Counter()
    with Client(workers=2, cancel_timeout=PATIENCE_S) as client:

        def use_it(mine: range) -> None:
            """One user: a few tasks at a time, some of them cancelled at some moment."""
            dice = random.Random(f"{seed} {mine}")
            held: list[tuple[Future[Any], str, int, bool]] = []
            for n in mine:
                (kind,) = dice.choices(KINDS, weights=(60, 20, 15, 5))
                future = submit(client, kind, n, dice)
                future.add_done_callback(lambda _, n=n: told.update([n]))
                asked = dice.random() < 0.3
                if asked:
                    time.sleep(dice.choice([0, 0, dice.random() * 0.01, dice.random() * 0.1]))
                    assert future.cancel(timeout=dice.choice([0, 0.001, PATIENCE_S]))
                held.append((future, kind, n, asked))
                if len(held) > dice.randrange(1, 9):
                    one, its_kind, its_n, its_asked = held.pop(dice.randrange(len(held)))
                    ends[check(one, its_kind, its_n, asked=its_asked)] += 1
            for one, its_kind, its_n, its_asked in held:
                ends[check(one, its_kind, its_n, asked=its_asked)] += 1

        with concurrent.futures.ThreadPoolExecutor(USERS) as users:
            list(users.map(use_it, [range(k, TASKS, USERS) for k in range(USERS)]))
        # Callbacks run behind the futures.
        deadline = time.monotonic() + PATIENCE_S
        while told.total() < TASKS and time.monotonic() < deadline:
            time.sleep(0.01)
        assert client.violations == 0
        client.clear()
        # The last deletions are on their way behind the last answers.
        deadline = time.monotonic() + PATIENCE_S
        while (left := stored_objects(client)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert left == 0, "objects are left in the store when every future has settled"
    print(dict(ends))
    assert sum(ends.values()) == TASKS
    assert told == Counter(range(TASKS)), "each callback runs once"
    assert engines() == []
