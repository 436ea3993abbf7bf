"""Two stacks of layers, joined by nothing but a loop: for tests that need no socket."""

from certificates import authority, local

from futurefsm.protocol.transport import layers
from futurefsm.protocol.transport.layers import Layer, Stack, layers_for
from futurefsm.protocol.transport.tls import server_context

KINDS = ("tls", "ws", "wss")


def client_layers(kind: str, host: str = "127.0.0.1", path: str = "/") -> tuple[Layer, ...]:
    """What a client makes of an address; it trusts the tests' authority."""
    return layers_for(kind, host, path, authority().path, port=1)


def server_layers(kind: str) -> tuple[Layer, ...]:
    """The other side."""
    own = local()
    return layers.server_layers(kind, server_context(own.certificate, own.key))


def shuttle(one: Stack, other: Stack, size: int = 1 << 20) -> tuple[bytes, bytes]:
    """Carry bytes, so many at a time, until both are silent; what came out of each."""
    came = {one: b"", other: b""}
    quiet = 0
    while quiet < 2:
        for sender, receiver in ((one, other), (other, one)):
            wire = sender.take()
            quiet = 0 if wire else quiet + 1
            for at in range(0, len(wire), size):
                came[receiver] += b"".join(receiver.receive(wire[at : at + size]))
    return came[one], came[other]


def pair(kind: str) -> tuple[Stack, Stack]:
    """Both sides, nothing said yet."""
    return Stack(client_layers(kind)), Stack(server_layers(kind))


def joined(kind: str) -> tuple[Stack, Stack]:
    """Both sides, with the handshake done."""
    client, server = pair(kind)
    shuttle(client, server)
    assert client.ready
    assert server.ready
    return client, server
