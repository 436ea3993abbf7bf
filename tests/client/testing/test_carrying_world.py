"""Simulated worlds whose clients and engine let small objects travel with the messages, as they do
with the embedded engine: the same invariants, and both ends' real code."""

from random import Random
from typing import Any

import pytest

from futurefsm.client.carrying import Carrying
from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.carrying import Carrying as Door
from futurefsm.client.outputs import Send
from futurefsm.client.testing import world as worlds
from futurefsm.client.testing.engine import Engine
from futurefsm.client.testing.party import Party
from futurefsm.client.testing.switches import HARSH, NONE, Faults
from futurefsm.client.testing.world import World
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.protocol import messages as m
from futurefsm.protocol.piggyback import carry

RUNS = 60


class Copy(str):
    """An object on its way beside the messages; as a text, what a story says of it."""

    message: bytes


def copy_of(message: bytes) -> Copy:
    made = Copy("an object, beside the messages")
    made.message = message
    return made


class CarryingParty(Party):
    """A client of an engine of its own."""

    def __init__(self, world: World, index: int) -> None:
        super().__init__(world, index)
        self.tracker.announces = False  # type: ignore[attr-defined]
        self.copies = [0, 0]
        self.carrying = Carrying(self.pump, self, self)

    def perform(self, outputs: list[Any]) -> None:
        self.carrying.perform(outputs)

    def send(self, message: m.Message) -> None:
        if isinstance(message, m.ObjectInstruction):
            assert message.instruction_type is m.InstructionType.DELETE
            for object_id in message.object_metadata.object_ids:
                if object_id in self.world.engine.results:
                    self._deletes(object_id)
        self._look_at(message)
        self.world.put(self.to_scheduler, message)

    def carry(self, object_id: bytes, payload: bytes) -> None:
        self.world.put(self.to_scheduler, copy_of(carry(object_id, payload)))

    def ask(self, requests: Any) -> None:
        super().perform(list(requests))

    def receive(self, message: Any) -> None:
        if isinstance(message, Copy):
            assert self.carrying.receive(message.message)
            self.copies[0] += 1
            return
        self.copies[1] += len(self.carrying._came)
        super().receive(message)


class CarryingEngine(Engine):
    """An engine that serves as its own store at the door for messages."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.door = Door(self.store, self._reply, self._copy)

    def _copy(self, client: bytes, message: bytes) -> bool:
        party = self.world.by_identity[client]
        if not party.gone:
            self.world.put(party.from_scheduler, copy_of(message))
        return True

    def received(self, client: bytes, message: Any) -> None:
        if not isinstance(message, Copy):
            super().received(client, message)
            return
        assert self.door.receive(client, message.message)
        if client not in self.scheduler._clients:
            self.late.update(self.store._objects)
        self._changed()

    def _keep(self, object_id: bytes, payload: bytes) -> None:
        super()._keep(object_id, payload)
        self.door.stored(object_id, payload)

    def _perform(self, outputs: list[out.Output]) -> None:
        super()._perform(outputs)
        for output in outputs:
            if isinstance(output, out.Bar):
                self.door.gone(output.owner)


class CarryingWorld(World):
    """A world in which a heartbeat comes before all counts as being at rest."""

    def settle(self) -> None:
        super().settle()
        for party in self.parties:
            assert isinstance(party, CarryingParty)
            if not party.gone and party.carrying._deleted:
                party.perform([Send(m.ClientHeartbeat(m.Resource(), 0, ""))])
                assert not party.carrying._deleted
        super().settle()


@pytest.fixture(autouse=True)
def _carrying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "Party", CarryingParty)
    monkeypatch.setattr(worlds, "Engine", CarryingEngine)


@pytest.mark.parametrize("faults", [NONE, HARSH], ids=str)
@pytest.mark.parametrize("clients", [1, 2])
@pytest.mark.parametrize("lifecycle", [CONFIRMED, STRICT], ids=lambda each: each.name)
def test_all_that_holds_of_other_worlds_holds(lifecycle: Any, clients: int, faults: Faults) -> None:
    chance = Random(f"{lifecycle.name} {clients} {faults}")
    came = used = 0
    for _ in range(RUNS):
        world = CarryingWorld(lifecycle, clients, 2, faults, chance.randbytes(300)).run()
        for party in world.parties:
            assert isinstance(party, CarryingParty)
            came += party.copies[0]
            used += party.copies[1]
    # Values came so, and some were still there when their TaskResults came.
    assert came > RUNS
    assert used > RUNS // 2
