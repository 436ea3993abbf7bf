"""What is said to clients whose link is down."""

import pytest

from futurefsm.client.deadlines import Alarm
from futurefsm.client.engine import mail
from futurefsm.client.engine.mail import AGAIN_S, Mail


class Net:
    """Who is connected, who lives, what arrived."""

    def __init__(self) -> None:
        self.up: set[bytes] = {b"a"}
        self.alive: set[bytes] = {b"a", b"b"}
        self.arrived: list[tuple[bytes, bytes]] = []
        # Full for what nobody waits for.
        self.full: set[bytes] = set()
        self.alarm = Alarm()
        self.mail = Mail(self.send, self.alive.__contains__, self.spare, self.alarm)

    def send(self, client: bytes, data: bytes) -> bool:
        if client in self.up:
            self.arrived.append((client, data))
        return client in self.up

    def spare(self, client: bytes, data: bytes) -> bool:
        return client not in self.full and self.send(client, data)


@pytest.fixture
def net() -> Net:
    return Net()


def test_what_can_go_goes(net: Net) -> None:
    net.mail.send(b"a", b"1", 0.0)
    assert net.arrived == [(b"a", b"1")]
    assert net.mail.deadline() is None
    net.mail.tick(9.0)


def test_what_cannot_waits_in_order(net: Net) -> None:
    net.mail.send(b"b", b"1", 0.0)
    assert net.mail.deadline() == net.alarm.at == AGAIN_S
    net.mail.tick(0.0)
    net.mail.tick(AGAIN_S)
    net.up.add(b"b")
    # Behind the first, although the way is free now.
    net.mail.send(b"b", b"2", 0.3)
    assert net.arrived == []
    net.mail.tick(2 * AGAIN_S)
    assert net.arrived == [(b"b", b"1"), (b"b", b"2")]
    assert (net.mail.deadline(), net.mail.lost) == (None, 0)


def test_nothing_is_kept_for_those_who_left(net: Net) -> None:
    net.mail.send(b"gone", b"1", 0.0)
    assert (net.mail.deadline(), net.mail.lost) == (None, 1)
    net.mail.send(b"b", b"1", 0.0)
    net.alive.clear()
    net.mail.tick(AGAIN_S)
    assert (net.mail.deadline(), net.mail.lost) == (None, 2)


def test_there_is_a_bound(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "KEPT_BYTES", 3)
    for data in (b"12", b"34", b"5"):
        net.mail.send(b"b", data, 0.0)
    net.up.add(b"b")
    net.mail.tick(1.0)
    assert net.arrived == [(b"b", b"12"), (b"b", b"5")]
    assert net.mail.lost == 1


def test_what_nobody_waits_for_is_not_kept(net: Net) -> None:
    net.mail.send(b"a", b"log", 0.0, keep=False)
    net.mail.send(b"b", b"log", 0.0, keep=False)
    assert (net.arrived, net.mail.deadline(), net.mail.lost) == ([(b"a", b"log")], None, 1)
    net.mail.send(b"b", b"answer", 0.0)
    net.up.add(b"b")
    net.mail.send(b"b", b"log", 0.0, keep=False)
    net.mail.tick(1.0)
    assert net.arrived[1:] == [(b"b", b"answer")]
    assert net.mail.lost == 2


def test_what_nobody_waits_for_takes_no_place(net: Net) -> None:
    net.full.add(b"a")
    net.mail.send(b"a", b"log", 0.0, keep=False)
    net.mail.send(b"a", b"answer", 0.0)
    assert net.arrived == [(b"a", b"answer")]
    assert net.mail.lost == 1
