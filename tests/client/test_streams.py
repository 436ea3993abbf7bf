import select
import socket
import ssl
from time import monotonic

import pytest
from certificates import authority, local

from futurefsm.client.streams import stream_opener
from futurefsm.protocol.errors import HandshakeError, ProtocolError
from futurefsm.protocol.transport.address import parse_address
from futurefsm.protocol.transport.layers import server_layers
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.tls import server_context
from futurefsm.protocol.transport.ymq import YmqStream
from futurefsm.protocol.transport.ymq_link import YmqLink
from tests.protocol.transport.peers import drive, listening

BOUND = 60


@pytest.fixture
def sockets():
    pair = socket.socketpair()
    yield pair
    for sock in pair:
        sock.close()


def meet(client, server):
    """Let both work until both know the other, or one fails."""
    streams = [client, server]
    while any(stream.peer_identity is None and not stream.eof for stream in streams):
        for stream in streams:
            if stream.wants_write:
                stream.flush()
        if not any(stream.wants_write for stream in streams):
            assert select.select([stream.poll_item for stream in streams], [], [], BOUND)[0]
        for stream in streams:
            stream.receive()


def served(sock, scheme):
    own = local()
    context = server_context(own.certificate, own.key)
    return YmqStream(sock, b"store", layers=server_layers(scheme, context))


@pytest.mark.parametrize("scheme", ["tcp", "tls", "ws", "wss"])
def test_each_address_gets_its_layers(sockets, scheme):
    where = parse_address(f"{scheme}://127.0.0.1:1")
    tls = authority().path if scheme in ("tls", "wss") else None
    opened = stream_opener(b"Client|1", tls, where, None)
    client, server = opened(where, sockets[0]), served(sockets[1], scheme)
    meet(client, server)
    assert (client.peer_identity, server.peer_identity) == (b"store", b"Client|1")
    client.close()
    server.close()


def test_layers_are_fresh_for_each_connection():
    where = parse_address("wss://127.0.0.1:1")
    opened = stream_opener(b"Client|1", authority().path, where)
    for _ in range(2):
        one, other = socket.socketpair()
        client, server = opened(where, one), served(other, "wss")
        meet(client, server)
        client.close()
        server.close()


def test_the_host_of_the_address_is_verified(sockets):
    where = parse_address("tls://127.0.0.2:1")
    client = stream_opener(b"Client|1", authority().path, where)(where, sockets[0])
    server = served(sockets[1], "tls")
    with pytest.raises(HandshakeError, match=r"127\.0\.0\.2 is for another host"):
        meet(client, server)
    client.close()
    server.close()


def test_a_store_that_becomes_known_later(sockets):
    """The scheduler's own channel is plain; the store that it names has TLS."""
    storage = parse_address("tls://127.0.0.1:2")
    opened = stream_opener(b"Client|1", None, parse_address("tcp://127.0.0.1:1"))
    client, server = opened(storage, sockets[0]), served(sockets[1], "tls")
    with pytest.raises(HandshakeError, match="is not trusted here"):  # by this system
        meet(client, server)
    client.close()
    server.close()


def test_on_plain_tcp_the_listener_begins(sockets):
    where = parse_address("tcp://127.0.0.1:1")
    client = stream_opener(b"Client|1", None, where)(where, sockets[0])
    assert client.flush()
    assert select.select([sockets[1]], [], [], 0)[0] == []
    sockets[1].sendall(b"\xff")
    select.select([client.poll_item], [], [], BOUND)
    with pytest.raises(ProtocolError):
        client.receive()
    assert select.select([sockets[1]], [], [], 0)[0] == []
    client.close()


def test_on_a_socket_of_this_machine_nobody_waits(sockets):
    where = parse_address("ipc:///socket")
    client = stream_opener(b"Client|1")(where, sockets[0])
    client.flush()
    assert sockets[1].recv(4) == b"YMQ\x02"
    client.close()


def test_settings_that_protect_nothing():
    plain = parse_address("tcp://127.0.0.1:1")
    secure = parse_address("tls://127.0.0.1:2")
    with pytest.raises(ValueError, match=r"nothing is encrypted with tcp://127\.0\.0\.1:1: use"):
        stream_opener(b"c", authority().path, plain, None)
    with pytest.raises(ValueError, match="nothing is encrypted with the embedded engine"):
        stream_opener(b"c", authority().path)
    assert stream_opener(b"c", authority().path, plain, secure)


def test_what_is_wrong_is_said_at_once(tmp_path):
    secure = parse_address("tls://127.0.0.1:2")
    with pytest.raises(ValueError, match="cannot be read"):
        stream_opener(b"c", tmp_path / "none.pem", secure)
    with pytest.raises(ValueError, match="no host and path for HTTP"):
        stream_opener(b"c", None, parse_address("ws://127.0.0.1:1/a b"))
    assert stream_opener(b"c", ssl.create_default_context(), secure)


def linked(scheme, peer):
    where = parse_address(f"{scheme}://127.0.0.1:{peer.port}")
    opened = stream_opener(b"Client|1", authority().path, where)
    link = YmqLink(where, lambda sock: opened(where, sock), patience_s=BOUND)
    poller = Poller()
    link.attach(poller)
    return link, poller


def test_a_handshake_that_fails_is_final_and_says_what_to_do():
    with listening() as peer:
        link, poller = linked("tls", peer)
        drive(link, poller, lambda: link.trouble.startswith("it accepts"), [])
        peer.accept()  # plain YMQ
        drive(link, poller, lambda: link.lost, [])
        assert link.lost.startswith("the server at 127.0.0.1 speaks plain YMQ, not TLS")
        link.close()


@pytest.mark.parametrize("scheme", ["tls", "wss"])
def test_a_reset_is_followed_by_another_connection(scheme):
    with listening() as peer:
        link, poller = linked(scheme, peer)
        for times in (1, 2):
            drive(link, poller, lambda: link.trouble.startswith("it accepts"), [])
            peer.accept(greet=False)
            peer.stream = served(peer.sock, scheme)

            def greeted(times=times):
                if peer.stream.wants_write:
                    peer.stream.flush()
                if select.select([peer.sock], [], [], 0.02)[0]:
                    peer.stream.receive()
                link.turn(monotonic())
                return link.connections == times and peer.stream.peer_identity is not None

            deadline = monotonic() + BOUND
            while not greeted():
                assert monotonic() < deadline
            peer.reset()
            drive(link, poller, lambda: not link.up, [])
        assert link.lost is None
        link.close()
