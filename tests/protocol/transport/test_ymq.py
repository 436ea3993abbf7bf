import os
import select
import socket
import stat
import struct
import threading
import time
from contextlib import suppress

import pytest

from futurefsm.protocol.errors import ProtocolError, TransportClosedError
from futurefsm.protocol.object_store import StoreClient, StoreServerCodec, put_reply
from futurefsm.protocol.transport.buffers import Buffers, Spare, give_back
from futurefsm.protocol.transport.framing import frame_header, opening
from futurefsm.protocol.transport.ymq import (
    YmqStream,
    accept,
    connect_tcp,
    connect_unix,
    listen_tcp,
    listen_unix,
)

# Long enough for any machine; nothing waits for it where the code is right.
BOUND = 60.0


def accepted(listener):
    select.select([listener], [], [], BOUND)
    sock = accept(listener)
    assert sock is not None
    return sock


@pytest.fixture(params=["unix", "tcp"])
def sockets(request, tmp_path):
    if request.param == "unix":
        listener = listen_unix(str(tmp_path / "socket"))
        dialled = connect_unix(str(tmp_path / "socket"))
    else:
        listener = listen_tcp("127.0.0.1")
        dialled = connect_tcp(*listener.getsockname())
    answered = accepted(listener)
    yield dialled, answered
    for sock in (dialled, answered, listener):
        sock.close()


@pytest.fixture
def joined(sockets):
    dialled, answered = sockets
    client, server = YmqStream(dialled, b"Client|1"), YmqStream(answered, b"store")
    yield client, server
    client.close()
    server.close()


def exchange(sender, receiver, count, timeout=BOUND):
    """Pump until the receiver has so many messages."""
    came, deadline = [], time.monotonic() + timeout
    while len(came) < count:
        assert time.monotonic() < deadline, f"only {len(came)} of {count} came"
        if sender.wants_write:
            sender.flush()
        select.select([receiver.poll_item], [], [], 0 if sender.wants_write else 1)
        came += receiver.receive()
    return came


def await_end(stream):
    came = []
    while not stream.eof:
        select.select([stream.poll_item], [], [], BOUND)
        came += stream.receive()
    return came


def test_both_introduce_themselves_at_once(joined):
    client, server = joined
    assert client.wants_write
    assert client.unsent == 12 + len(b"Client|1")
    assert client.flush()
    assert not client.wants_write
    server.flush()
    for stream in (client, server):
        assert stream.peer_identity is None
        select.select([stream.poll_item], [], [], BOUND)
        assert stream.receive() == []
    assert (client.peer_identity, server.peer_identity) == (b"store", b"Client|1")


def test_nothing_there_is_no_wait(joined):
    client, server = joined
    assert client.receive() == []
    assert not client.eof
    server.flush()


def test_messages_of_all_sizes(joined):
    client, server = joined
    bodies = [b"", b"x", bytes(4095), bytes(4096), bytes(4097), b"y" * 65536, b"z" * 65537, b""]
    client.send_frames(bodies)
    assert exchange(client, server, len(bodies)) == bodies
    server.send_frames([memoryview(b"back"), bytearray(b"again")])
    assert exchange(server, client, 2) == [b"back", b"again"]


def test_large_messages_come_in_spare_buffers(joined):
    client, server = joined
    buffers = Buffers()
    client.use(buffers)
    server.send_frames([b"a" * 1_000_000])
    (came,) = exchange(server, client, 1)
    assert came == b"a" * 1_000_000
    assert isinstance(came.obj, Spare)
    # By this the other side is not taken for silent while a large message comes slowly.
    assert client.heard == len(opening(b"store") + frame_header(1_000_000)) + 1_000_000
    give_back(came)
    assert len(buffers) == 1


class Reads:
    """Stands before a socket: into how much room was each piece read."""

    def __init__(self, sock):
        self._sock = sock
        self.rooms = []

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def recv_into(self, room):
        count = self._sock.recv_into(room)
        self.rooms.append((len(room), count))
        return count


def test_a_large_message_is_not_copied_piece_by_piece(joined):
    client, server = joined
    client.use(Buffers())
    reads = client._sock = Reads(client._sock)
    bodies = [os.urandom(1_000_000), b"small", os.urandom(3_000_000), b""]
    server.send_frames(bodies)
    assert exchange(server, client, len(bodies)) == bodies
    direct = [count for room, count in reads.rooms if room > 262_144]
    # All but what came with the first piece of each, and what came last.
    assert sum(direct) > 4_000_000 - 8 * 262_144


def test_hundreds_of_buffers_in_one_flush(joined):
    client, server = joined
    bodies = [bytes([number % 256]) * (5000 if number % 2 else 10) for number in range(700)]
    client.send_frames(bodies)
    assert exchange(client, server, 700) == bodies
    assert client.unsent == 0


def test_views_of_wider_items_count_bytes(joined):
    client, server = joined
    large = memoryview(bytes(80_000)).cast("Q")
    small = memoryview(bytes(80)).cast("Q")
    client.send_frames([large, small])
    assert [len(body) for body in exchange(client, server, 2)] == [80_000, 80]


def test_a_large_payload_both_ways(joined):
    client, server = joined
    body = os.urandom(1 << 20) * 100
    client.send_frames([body])
    (came,) = exchange(client, server, 1)
    assert came == body
    server.send_frames([came])
    (back,) = exchange(server, client, 1)
    assert back == body


def test_a_link_that_takes_no_more_says_so(joined):
    client, server = joined
    client.send_frames([bytes(50 << 20)])
    assert not client.flush()
    assert client.wants_write
    assert 0 < client.unsent < 51 << 20
    assert len(exchange(client, server, 1)[0]) == 50 << 20


def test_one_call_reads_a_bounded_amount(joined):
    client, server = joined
    client.send_frames([bytes(1000)] * 20_000)
    thread = threading.Thread(
        target=lambda: [client.flush() for _ in iter(lambda: client.wants_write, False)]
    )
    thread.start()
    most, total = 0, 0
    while total < 20_000:
        select.select([server.poll_item], [], [], BOUND)
        came = len(server.receive())
        most, total = max(most, came), total + came
    thread.join()
    assert most <= (4 << 20) // 1000 + 300


def test_an_orderly_end(joined):
    client, server = joined
    client.send_frames([b"last"])
    client.flush()
    server.flush()
    exchange(server, client, 0)
    select.select([client.poll_item], [], [], BOUND)
    client.receive()
    client.close()
    assert await_end(server) == [b"last"]
    assert server.eof
    assert not server.reset
    assert server.receive() == []


def test_a_reset_is_told_from_an_end(sockets):
    dialled, answered = sockets
    if dialled.family == socket.AF_UNIX:
        answered.sendall(b"unread")  # then the close of the other side resets
    dialled.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream = YmqStream(answered, b"store")
    dialled.close()
    await_end(stream)
    assert stream.reset
    stream.close()


def test_sending_to_nobody(sockets):
    dialled, answered = sockets
    stream = YmqStream(answered, b"store")
    dialled.close()
    stream.send_frames([bytes(1 << 20)])
    with pytest.raises(TransportClosedError, match="does not take any more"):
        all(stream.flush() is not None for _ in iter(int, 1))
    assert not stream.wants_write
    stream.close()


def test_closed_is_closed(joined):
    client, _ = joined
    client.close()
    client.close()
    for act in (client.receive, client.flush, lambda: client.send_frames([b""])):
        with pytest.raises(TransportClosedError, match="the stream is closed"):
            act()
    assert client.poll_item == -1
    assert not client.wants_write


def until_refused(stream):
    came = []
    while not stream.eof:
        select.select([stream.poll_item], [], [], BOUND)
        with suppress(ProtocolError):
            came += stream.receive()
    assert not stream.reset
    with pytest.raises(ProtocolError) as raised:
        stream.receive()
    assert raised.value is stream.failure
    return came, raised.value


def test_another_protocol_is_refused(sockets):
    dialled, answered = sockets
    stream = YmqStream(answered, b"store")
    dialled.sendall(b"GET / HTTP/1.1\r\n\r\n")
    came, error = until_refused(stream)
    assert came == []
    assert error.head.startswith(b"GET")


def test_messages_before_the_fault_are_delivered_first(sockets):
    dialled, answered = sockets
    stream = YmqStream(answered, b"store", max_message=100)
    dialled.sendall(opening(b"me") + frame_header(2) + b"ok" + frame_header(2**40))
    came, error = until_refused(stream)
    assert came == [b"ok"]
    assert "a message of 1099511627776 bytes announced" in error.reason


def test_a_fault_behind_a_full_read_is_kept_for_the_next_call(sockets):
    dialled, answered = sockets
    stream = YmqStream(answered, b"store", max_message=300_000)
    wire = opening(b"me") + frame_header(300_000) + bytes(300_000) + frame_header(2**40)
    thread = threading.Thread(target=dialled.sendall, args=(wire,))
    thread.start()
    came, _ = until_refused(stream)
    thread.join()
    assert [len(body) for body in came] == [300_000]


def test_byte_by_byte_over_a_real_link(sockets):
    dialled, answered = sockets
    stream, came = YmqStream(answered, b"store"), []
    for byte in (
        opening(b"me") + frame_header(3) + b"abc" + frame_header(0) + frame_header(1) + b"d"
    ):
        dialled.sendall(bytes([byte]))
        select.select([stream.poll_item], [], [], BOUND)
        came += stream.receive()
    assert came == [b"abc", b"", b"d"]


def test_requests_and_answers_over_a_real_link(joined):
    client, server = joined
    requests, codec = StoreClient(), StoreServerCodec()
    for number in range(2000):
        client.send_frames(requests.put(number.to_bytes(32, "big"), b"%d" % number))
    for message in exchange(client, server, 4000):
        request = codec.receive(message)
        if request is not None:
            server.send_frames(put_reply(request))
    events = [
        event for answer in exchange(server, client, 2000) for event in requests.receive(answer)
    ]
    assert len(events) == 2000
    assert requests.outstanding == 0


def test_accepting_when_nobody_calls(tmp_path):
    listener = listen_unix(str(tmp_path / "socket"))
    assert accept(listener) is None
    listener.close()
    with pytest.raises(OSError):
        accept(listener)


def test_dialling_where_nobody_listens(tmp_path):
    with pytest.raises(FileNotFoundError):
        connect_unix(str(tmp_path / "nothing"))
    with pytest.raises(OSError):
        connect_unix("x" * 500)
    listener = listen_tcp("127.0.0.1")
    address = listener.getsockname()
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        connect_tcp(*address)


def test_listening_where_somebody_does(tmp_path):
    path = tmp_path / "socket"
    listener = listen_unix(str(path))
    assert stat.S_ISSOCK(path.stat().st_mode)
    with pytest.raises(OSError):
        listen_unix(str(path))
    listener.close()
