"""The story of a failure: lanes of at most 100 columns, each future's way, Mermaid on request."""

import pytest

from futurefsm.client.testing.hunting import Setting, hunt
from futurefsm.client.testing.invariants import SETTLES, Broken
from futurefsm.client.testing.parts import Parts
from futurefsm.client.testing.report import lanes, mermaid
from futurefsm.client.testing.switches import LOSSY
from futurefsm.client.testing.world import World
from futurefsm.fsm.lifecycles import CONFIRMED
from tests.client.testing.play import submit


@pytest.fixture
def world() -> World:
    made = World(clients=2)
    record = submit(made, client=1)
    made.settle()
    made.note("A", "hello")
    assert record.settled
    return made


def test_arrows_go_from_lane_to_lane(world: World) -> None:
    text = lanes(world)
    assert text[0] == "lanes: clients A, B; S scheduler, O object store, W workers"
    assert text[1].split() == ["step", "A", "B", "S", "O", "W"]
    task = next(line for line in text if line.endswith("Task a") or "Task a (" in line)
    assert "│    ├───▶│    │    │" in task
    result = next(line for line in text if "TaskResult success a: result of a" in line)
    assert "│    │◀───┤" in result
    assert any("get result of a" in line and "├────┼───▶│" in line for line in text)
    assert any("get ok result of a" in line and "│◀───┼────┤" in line for line in text)
    assert text[-1].endswith("hello")
    assert "●" in text[-1]


def test_real_bytes_are_told_like_values() -> None:
    world = World(encode=True)
    submit(world)
    world.settle()
    assert any("Task a" in line for line in lanes(world))


def test_a_long_story_is_told_from_its_end(world: World) -> None:
    world.log = world.log * 50
    text = lanes(world)
    assert len(text) < 210
    assert "earlier lines left out" in text[2]


def test_mermaid(world: World) -> None:
    text = mermaid(world)
    assert text.startswith("sequenceDiagram\n    participant A as client A\n")
    assert "    B->>S: Task a" in text
    assert "    Note over A: hello" in text


def test_a_lost_message_has_a_cross() -> None:
    world = World(faults=LOSSY)
    record = submit(world)
    record.party.run_inbox()
    world.log.append((1, 0.0, "A", "S✗", record.party.to_scheduler.flight[0].what, 1))
    assert lanes(world)[-1].endswith("which is lost")
    assert "✗" in lanes(world)[-1]
    assert "A--xS:" in mermaid(world)


def test_a_failure_tells_everything_in_100_columns() -> None:
    found = hunt(
        lambda _: Setting(CONFIRMED, 3, 2, LOSSY, Parts("shaky", pump=_Shaky)), worlds=50
    ).found
    assert isinstance(found, Broken)
    text = str(found)
    for part in ("The pump survives", "the invariant:", "lanes:", "future a of client", "replay:"):
        assert part in text
    *story, call = text.split("\n")
    assert all(len(line) <= 100 for line in story)
    assert call.endswith(", parts=shaky)")


class _Shaky(Parts().pump):  # type: ignore[misc]
    """Cannot bear results."""

    def receive(self, message: object, now: float) -> None:
        if type(message).__name__ == "TaskResult":
            raise RuntimeError("no")
        super().receive(message, now)


def test_a_world_without_a_log_tells_it_all_the_same() -> None:
    world = World(tape=bytes([160]), logs=False)
    broken = world.broken(SETTLES, "made up")
    assert "ClientDisconnect" in str(broken)
