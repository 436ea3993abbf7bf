"""Channels are lists of what is in flight."""

from futurefsm.client.testing.network import Channel, Packet


def test_a_channel_keeps_its_order_until_the_world_decides() -> None:
    came: list[str] = []
    channel = Channel("A", "S", came.append, lossy=True)
    channel.flight.extend([Packet(1, 0, "first"), Packet(2, 0, "second")])
    assert repr(channel) == "<Channel A→S: 2 in flight>"
    channel.receive(channel.flight.popleft().what)
    assert came == ["first"]
