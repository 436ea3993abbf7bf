"""YMQ streams with TLS and WebSocket between, over real sockets."""

import os
import select
import socket
import ssl
import struct
import threading
import time
from contextlib import suppress

import pytest
from certificates import authority, local
from layer_kit import KINDS, client_layers, server_layers

from futurefsm.protocol.errors import HandshakeError, ProtocolError, TransportClosedError
from futurefsm.protocol.transport.buffers import Buffers
from futurefsm.protocol.transport.framing import frame_header, opening
from futurefsm.protocol.transport.layers import layers_for
from futurefsm.protocol.transport.tls import client_context, server_context
from futurefsm.protocol.transport.ymq import YmqStream, accept, connect_tcp, listen_tcp
from futurefsm.protocol.transport.ymq_router import YmqRouter

PATIENCE_S = 60.0


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def sockets():
    listener = listen_tcp("127.0.0.1")
    dialled = connect_tcp(*listener.getsockname())
    select.select([listener], [], [], PATIENCE_S)
    answered = accept(listener)
    yield dialled, answered
    for sock in (dialled, answered, listener):
        sock.close()


@pytest.fixture
def joined(sockets, kind):
    client = YmqStream(sockets[0], b"Client|1", layers=client_layers(kind))
    server = YmqStream(sockets[1], b"store", layers=server_layers(kind))
    yield client, server
    client.close()
    server.close()


def turn(*streams):
    """Wait until one of them is ready; what each received. Writes only where it is wanted."""
    by_fd = {stream.poll_item: stream for stream in streams if not stream.eof}
    writers = [fd for fd, stream in by_fd.items() if stream.wants_write]
    readable, writable, _ = select.select(list(by_fd), writers, [], PATIENCE_S)
    assert readable or writable, "silence"
    for fd in writable:
        by_fd[fd].flush()
    return [
        stream.receive() if not stream.eof and stream.poll_item in readable else []
        for stream in streams
    ]


def carry(sender, receiver, count):
    """Until the receiver has so many messages; none comes the other way."""
    came = []
    while len(came) < count:
        back, forth = turn(sender, receiver)
        assert back == []
        came += forth
    return came


def await_failure(stream, *others):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            turn(stream, *others)
        except (ProtocolError, TransportClosedError):
            if stream.failure is not None:
                assert stream.eof
                return stream.failure
    raise AssertionError("it did not fail")


def test_messages_of_all_sizes_both_ways(joined):
    client, server = joined
    bodies = [b"", b"x", bytes(4096), bytes(4097), b"y" * 65537, b"z" * 300_000, b""]
    client.send_frames(bodies)
    assert carry(client, server, len(bodies)) == bodies
    assert server.peer_identity == b"Client|1"
    server.send_frames([memoryview(bytes(80_000)).cast("Q"), b"back"])
    assert carry(server, client, 2) == [bytes(80_000), b"back"]
    assert client.peer_identity == b"store"
    assert client.unsent == server.unsent == 0
    assert not client.wants_write


def test_large_messages_into_spare_buffers(joined):
    """What comes is not the message itself: it must not be read to where that is to stay."""
    client, server = joined
    server.use(Buffers())
    bodies = [bytes([n]) * 300_000 for n in range(3)]
    client.send_frames(bodies)
    assert [bytes(each) for each in carry(client, server, len(bodies))] == bodies


def test_what_waits_for_the_handshake_does_not_spin(joined):
    client, _ = joined
    client.send_frames([b"early"])
    assert client.wants_write
    assert client.flush()  # the first flight went; polling for writing would not help
    assert not client.wants_write
    assert client.unsent == 12 + 8 + 8 + 5
    assert client.receive() == []


@pytest.mark.slow
def test_large_messages(joined):
    client, server = joined
    body = os.urandom(1 << 20) * 64
    client.send_frames([body, b"behind it"])
    assert carry(client, server, 2) == [body, b"behind it"]
    server.send_frames([body])
    assert carry(server, client, 1) == [body]


def test_memory_for_a_large_message_is_bounded(joined):
    client, server = joined
    carry_greetings(client, server)
    body = bytes(32 << 20)
    client.send_frames([body])
    while client.flush():
        pass
    assert len(client._wire) < 2 << 20
    (came,) = carry(client, server, 1)
    assert len(came) == len(body)


def carry_greetings(client, server):
    while client.peer_identity is None or server.peer_identity is None:
        turn(client, server)


def test_both_send_much_at_once(joined):
    client, server = joined
    bodies = [os.urandom(1000) * 1000] * 8
    client.send_frames(bodies)
    server.send_frames(bodies)
    there, back = [], []
    while len(there) + len(back) < 16:
        one, other = turn(client, server)
        back += one
        there += other
    assert there == back == bodies


def test_many_small_messages_in_one_read(joined):
    """They wait in a layer while the socket is silent: one call gives all."""
    client, server = joined
    carry_greetings(client, server)
    bodies = [b"%d" % number for number in range(2000)]
    client.send_frames(bodies)
    while client.wants_write:
        client.flush()
    came = []
    while len(came) < 2000:
        assert select.select([server.poll_item], [], [], PATIENCE_S)[0]
        came += server.receive()
    assert came == bodies


def test_byte_by_byte(sockets, kind):
    """Through a relay that hands on one byte at a time."""
    listener = listen_tcp("127.0.0.1")
    dialled = connect_tcp(*listener.getsockname())
    select.select([listener], [], [], PATIENCE_S)
    answered = accept(listener)
    client = YmqStream(dialled, b"Client|1", layers=client_layers(kind))
    server = YmqStream(sockets[0], b"store", layers=server_layers(kind))
    ends = (answered, sockets[1])
    for end in ends:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stop = threading.Event()

    def relay():
        while not stop.is_set():
            for end in select.select(ends, [], [], 0.05)[0]:
                other = ends[1 - ends.index(end)]
                with suppress(OSError):
                    for byte in end.recv(65536):
                        other.sendall(bytes([byte]))

    thread = threading.Thread(target=relay)
    thread.start()
    try:
        client.send_frames([b"slow", bytes(2000)])
        assert carry(client, server, 2) == [b"slow", bytes(2000)]
        server.send_frames([b"back"])
        assert carry(server, client, 1) == [b"back"]
    finally:
        stop.set()
        thread.join()
        for each in (client, server, listener, answered):
            each.close()


def test_an_orderly_end(joined):
    client, server = joined
    client.send_frames([b"last"])
    assert carry(client, server, 1) == [b"last"]
    carry_greetings(client, server)
    client.close()
    while not server.eof:
        assert turn(server) == [[]]
    assert not server.reset
    assert server.failure is None
    assert server.receive() == []
    assert server._stack.eof  # it said goodbye in every layer


def test_a_goodbye_on_a_connection_that_stays(joined, sockets):
    client, server = joined
    carry_greetings(client, server)
    sockets[0].sendall(client._stack.finish())
    while not server.eof:
        turn(server)
    assert not server.reset
    assert server.failure is None


def test_an_end_without_a_goodbye(joined, sockets):
    client, server = joined
    carry_greetings(client, server)
    sockets[0].shutdown(socket.SHUT_WR)
    while not server.eof:
        turn(server)
    assert not server.reset
    assert server.failure is None


def test_a_reset(joined, sockets):
    client, server = joined
    carry_greetings(client, server)
    sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sockets[0].close()
    while not server.eof:
        turn(server)
    assert server.reset
    assert server.failure is None


def test_a_reset_during_the_handshake_may_be_tried_again(sockets, kind):
    sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream = YmqStream(sockets[1], b"me", layers=client_layers(kind))
    sockets[0].close()
    while not stream.eof:
        with suppress(TransportClosedError):
            turn(stream)
    assert stream.reset
    assert stream.failure is None
    assert stream.receive() == []
    stream.close()


def test_a_reset_that_sending_meets_first(sockets):
    stream = YmqStream(sockets[1], b"me")
    sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sockets[0].close()
    select.select([stream.poll_item], [], [], PATIENCE_S)
    with pytest.raises(TransportClosedError, match="does not take any more"):
        stream.flush()
    assert stream.reset
    # Asked now, the system calls it an orderly end.
    assert stream.receive() == []
    assert (stream.eof, stream.reset) == (True, True)
    stream.close()


@pytest.mark.parametrize("at_server", [False, True])
def test_half_closed_during_the_handshake(sockets, kind, at_server):
    made = server_layers(kind) if at_server else client_layers(kind)
    stream = YmqStream(sockets[0], b"me", layers=made)
    stream.send_frames([b"never"])
    sockets[1].shutdown(socket.SHUT_WR)
    failure = await_failure(stream)
    assert isinstance(failure, HandshakeError)
    assert "ended the connection during the" in str(failure)
    with pytest.raises(HandshakeError):
        stream.receive()
    with pytest.raises(TransportClosedError, match="ended the connection"):
        stream.flush()
    stream.close()


@pytest.mark.parametrize("at_server", [False, True])
def test_plain_ymq_on_the_other_side(sockets, kind, at_server):
    made = server_layers(kind) if at_server else client_layers(kind)
    stream = YmqStream(sockets[0], b"me", layers=made)
    sockets[1].sendall(opening(b"plain"))
    failure = await_failure(stream)
    assert isinstance(failure, HandshakeError)
    protocol = "speaks YMQ without WebSocket" if kind == "ws" else "speaks plain YMQ, not TLS"
    assert protocol in str(failure)
    stream.close()


def test_truncated_in_the_handshake(sockets, kind):
    stream = YmqStream(sockets[0], b"me", layers=client_layers(kind))
    peer = server_layers(kind)
    stream.flush()
    for part in peer[0].receive(sockets[1].recv(65536)):
        assert not part
    answer = peer[0].take()
    sockets[1].sendall(answer[: len(answer) // 2])
    sockets[1].shutdown(socket.SHUT_WR)
    assert isinstance(await_failure(stream), HandshakeError)
    stream.close()


def test_a_fault_of_ymq_inside_the_layers(joined):
    client, server = joined
    client._tail[:] = opening(b"me") + frame_header(2) + b"ok" + frame_header(2**60)
    client._unsent = len(client._tail)
    came = []
    while server.failure is None:
        came += turn(client, server)[1]
    assert came == [b"ok"]
    assert server.eof
    with pytest.raises(ProtocolError, match="bytes announced"):
        server.receive()


def test_a_client_that_does_not_trust_says_no_word(sockets):
    context = client_context(authority("other").path)
    client = YmqStream(sockets[0], b"me", layers=layers_for("tls", "127.0.0.1", tls=context))
    server = YmqStream(sockets[1], b"store", layers=server_layers("tls"))
    failure = await_failure(client, server)
    assert isinstance(failure, HandshakeError)
    assert "is not trusted here" in str(failure)
    client.close()
    # An alert would be polite, and end a whole cluster of Scaler 2.9.
    told = await_failure(server)
    assert "ended the connection during the TLS handshake" in str(told)
    server.close()


def test_another_tls_client_hears_why(sockets):
    """The other way round: a server of ours tells a client, as the standard wants it."""
    context = ssl.create_default_context(cafile=authority("other").path)
    server = YmqStream(sockets[1], b"store", layers=server_layers("tls"))
    errors = []

    def dial():
        try:
            context.wrap_socket(sockets[0], server_hostname="127.0.0.1").close()
        except ssl.SSLError as error:
            errors.append(error)

    thread = threading.Thread(target=dial)
    thread.start()
    failure = await_failure(server)
    thread.join()
    assert "does not accept our certificate" in str(failure)
    assert len(errors) == 1
    server.close()


def test_a_peer_that_reads_nothing_and_pings(sockets):
    """What waits for it stays small, whatever it asks for."""
    server = YmqStream(sockets[1], b"store", layers=server_layers("ws"))
    (peer,) = client_layers("ws")
    sockets[0].sendall(peer.take())
    while not peer.ready:
        turn(server)
        if select.select([sockets[0]], [], [], 0)[0]:
            peer.receive(sockets[0].recv(65536))
    server.send_frames([bytes(1 << 20)] * 16)
    while server.wants_write and server.flush():
        pass
    before = server.unsent
    for _ in range(50):
        sockets[0].sendall(b"\x89\x81\0\0\0\0p" * 2000)
        turn(server)
    assert server.unsent <= before + 20
    server.close()


def test_patience_waits_for_the_peer_to_begin(sockets):
    stream = YmqStream(sockets[0], b"me", patient=True)
    stream.send_frames([b"first"])
    assert not stream.wants_write
    assert stream.flush()
    assert stream.unsent
    sockets[1].sendall(b"YM")
    select.select([stream.poll_item], [], [], PATIENCE_S)
    stream.receive()
    assert not stream.wants_write
    assert select.select([sockets[1]], [], [], 0)[0] == []
    sockets[1].sendall(b"Q\x02")
    select.select([stream.poll_item], [], [], PATIENCE_S)
    stream.receive()
    assert stream.wants_write
    assert stream.flush()
    whole = opening(b"me") + frame_header(5) + b"first"
    assert sockets[1].recv(1000) == whole
    stream.close()


def test_patience_with_another_protocol(sockets):
    stream = YmqStream(sockets[0], b"me", patient=True)
    sockets[1].sendall(b"\xff\0\0\0\0\0\0\0\1\x7f")  # how ZeroMQ begins
    assert isinstance(await_failure(stream), ProtocolError)
    assert select.select([sockets[1]], [], [], 0)[0] == []
    stream.close()


def test_closing_at_any_time(joined):
    client, server = joined
    client.close()
    assert client.unsent == 0
    with pytest.raises(TransportClosedError, match="the stream is closed"):
        client.flush()
    assert not client.wants_write
    assert isinstance(await_failure(server), HandshakeError)


def test_a_scheduler_with_layers(kind):
    own = local()
    context = server_context(own.certificate, own.key)
    router = YmqRouter(f"{kind}://127.0.0.1:0", b"router", tls=context)
    scheme, _, where = router.address.partition("://")
    host, port = where.split(":")
    assert scheme == kind
    clients = [
        YmqStream(connect_tcp(host, int(port)), b"Client|%d" % n, layers=client_layers(kind))
        for n in range(2)
    ]
    for client in clients:
        client.send_frames([b"hello", bytes(300_000)])
    heard, answers = [], []
    while len(answers) < 2:
        items = [router.poll_item, *(client.poll_item for client in clients)]
        assert select.select(items, [], [], PATIENCE_S)[0]
        while (message := router.receive()) is not None:
            heard.append(message)
            if message[1] == b"hello":
                assert router.send(message[0], b"welcome " + message[0])
        for client in clients:
            answers += client.receive()
            client.flush()
    assert sorted(answers) == [b"welcome Client|0", b"welcome Client|1"]
    while len(heard) < 4:
        select.select([router.poll_item], [], [], PATIENCE_S)
        clients[0].flush()
        clients[1].flush()
        while (message := router.receive()) is not None:
            heard.append(message)
    plain = connect_tcp(host, int(port))
    plain.sendall(opening(b"plain"))
    while not router.dropped:
        assert select.select([router.poll_item], [], [], PATIENCE_S)[0]
        assert router.receive() is None
    router.close()
    for client in clients:
        while not client.eof:
            turn(client)
        assert not client.reset
        client.close()
    plain.close()


def test_a_scheduler_without_a_certificate():
    with pytest.raises(ValueError, match="needs a certificate"):
        YmqRouter("tls://127.0.0.1:0")
