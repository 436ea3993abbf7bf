import sys

import pytest
from layer_kit import joined, pair, shuttle

from futurefsm.protocol.errors import HandshakeError, ProtocolError
from futurefsm.protocol.transport.layers import Stack, layers_for
from futurefsm.protocol.transport.websocket import MAX_HEAD, WsLayer

REQUEST = (
    b"GET /some/path HTTP/1.1\r\nHost: 127.0.0.1:2345\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
WRONG_TOKEN = (
    b"HTTP/1.1 101 a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: wrong\r\n\r\n"
)
# An unmasked and a masked frame: 'abc'.
UNMASKED = b"\x82\x03abc"
MASKED = b"\x82\x83\x00\x00\x00\x00abc"


def open_server(path=None):
    server = WsLayer(server=True, path=path)
    assert server.receive(REQUEST) == []
    assert server.ready
    return server, server.take()


def open_client():
    client, server = WsLayer(host="a:1"), WsLayer(server=True)
    server.receive(client.take())
    assert client.receive(server.take()) == []
    assert client.ready
    return client


def test_the_upgrade_as_the_standard_shows_it():
    _, answer = open_server()
    assert answer.startswith(b"HTTP/1.1 101 ")
    # The nonce and its answer are those of RFC 6455, section 1.3.
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
    assert b"extensions" not in answer.lower()


def test_what_a_client_asks():
    request = WsLayer(host="[::1]:80", path="/a/b?c=d").take()
    assert request.startswith(b"GET /a/b?c=d HTTP/1.1\r\n")
    assert b"Host: [::1]:80\r\n" in request
    assert b"protocol:" not in request.lower()


@pytest.mark.parametrize(
    ("host", "port", "line"),
    [("::1", 80, b"[::1]:80"), ("[::1]", None, b"[::1]"), ("a.example", 7, b"a.example:7")],
)
def test_the_host_line(host, port, line):
    (layer,) = layers_for("ws", host, "", port=port)
    request = layer.take()
    assert b"Host: " + line + b"\r\n" in request
    assert request.startswith(b"GET / HTTP/1.1")


@pytest.mark.parametrize("path", ["/a b", "/a\r\nb", "/\x00"])
def test_a_path_that_cannot_be(path):
    with pytest.raises(ValueError, match="no host and path for HTTP"):
        WsLayer(path=path)


def test_only_clients_mask():
    client, server = joined("ws")
    client.write(b"abc")
    server.write(b"abc")
    assert server.take() == UNMASKED
    masked = client.take()
    assert masked[:2] == MASKED[:2]
    assert masked[6:] != b"abc" or masked[2:6] == bytes(4)


def test_the_wrong_mask_is_a_fault():
    server, _ = open_server()
    assert server.receive(UNMASKED) == []
    assert "unexpected unmasked frame" in str(server.failure)
    client = open_client()
    assert client.receive(MASKED) == []
    assert "unexpected masked frame" in str(client.failure)
    closing = client.take()
    assert closing[:2] == b"\x88\x82"  # a close frame with a code, masked
    assert client.take() == b""


def test_frame_boundaries_mean_nothing():
    server, _ = open_server()
    parts = []
    # Two fragments of one message with a ping between, and an empty frame.
    wire = (
        b"\x02\x83\0\0\0\0abc" + b"\x89\x81\0\0\0\0p" + b"\x80\x82\0\0\0\0de" + b"\x82\x80\0\0\0\0"
    )
    for at in range(len(wire)):
        parts += server.receive(wire[at : at + 1])
    assert b"".join(parts) == b"abcde"
    assert all(parts)
    assert server.take() == b"\x8a\x01p"


def test_one_pong_for_many_pings():
    server, _ = open_server()
    assert server.receive(b"".join(b"\x89\x81\0\0\0\0%d" % (n % 10) for n in range(10_000))) == []
    assert server.take() == b"\x8a\x019"
    assert server.take() == b""
    assert server.receive(b"\x8a\x80\0\0\0\0" + MASKED) == [b"abc"]  # a pong nobody asked for


def test_a_close_frame_is_the_end():
    server, _ = open_server()
    wire = MASKED + b"\x89\x80\0\0\0\0" + b"\x88\x82\0\0\0\0\x03\xe8" + MASKED
    assert server.receive(wire) == [b"abc"]
    assert server.eof
    assert server.failure is None
    assert server.take() == b"\x88\x02\x03\xe8"
    assert not server.ready
    server.finish()
    assert server.take() == b""


def test_a_close_frame_without_a_code():
    server, _ = open_server()
    server.receive(b"\x88\x80\0\0\0\0")
    assert server.eof
    assert server.take() == b"\x88\x00"


def test_text_is_not_ours():
    server, _ = open_server()
    assert server.receive(MASKED + b"\x81\x81\0\0\0\0a" + MASKED) == [b"abc"]
    assert "a text frame" in str(server.failure)
    assert not isinstance(server.failure, HandshakeError)


def test_data_right_behind_the_request():
    server = WsLayer(server=True)
    assert server.receive(REQUEST + MASKED) == [b"abc"]
    assert server.ready


@pytest.mark.parametrize("path", ["/some/path", None])
def test_the_right_path(path):
    open_server(path)


def refused(data, **kwargs):
    server = WsLayer(server=True, **kwargs)
    assert server.receive(data) == []
    assert isinstance(server.failure, HandshakeError)
    assert not server.ready
    return str(server.failure), server.take()


def test_the_wrong_path():
    text, answer = refused(REQUEST, path="/other")
    assert "the client asks for '/some/path', not '/other'" in text
    assert answer.startswith(b"HTTP/1.1 404 ")
    client = WsLayer(path="/some/path")
    client.receive(answer)
    assert "refuses the WebSocket at '/some/path' with HTTP status 404" in str(client.failure)
    assert "is the path of the address right?" in str(client.failure)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"YMQ\x02", "speaks YMQ without WebSocket: use the ws:// or wss:// address"),
        (b"\x16\x03\x01", "does not speak HTTP"),
        (b"POST / HTTP/1.1\r\n", "does not speak HTTP"),
        (b"GET / HTTP/1.1\r\n\r\n", "not an HTTP upgrade to WebSocket: Bad HTTP message"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "Missing header, 'Connection: Upgrade'"),
        (REQUEST.replace(b"13", b"12"), "Missing header, 'Sec-WebSocket-Version'"),
        (REQUEST.replace(b"Host: 127", b"Host: \xff"), "not an HTTP upgrade"),
        (b"GET /" + bytes(MAX_HEAD), "the HTTP head has more than 16384 bytes"),
    ],
)
def test_what_a_server_refuses(data, says):
    text, answer = refused(data)
    assert says in text
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"YMQ\x02", "speaks YMQ without WebSocket: use the tcp:// or tls:// address"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "HTTP status 200"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "HTTP status 100"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "not an HTTP upgrade to WebSocket"),
        (WRONG_TOKEN, "Bad accept token"),
    ],
)
def test_what_a_client_refuses(data, says):
    client = WsLayer()
    client.take()
    assert client.receive(data) == []
    assert isinstance(client.failure, HandshakeError)
    assert says in str(client.failure)
    assert client.take() == b""
    client.ended()
    assert says in str(client.failure)


def test_a_slow_head_costs_little():
    server = WsLayer(server=True)
    for _ in range(MAX_HEAD + 6):
        server.receive(b"GET /"[:1] if server._head == b"" else b"a")
        if server.failure:
            break
    assert server.failure is not None


def test_the_library_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "wsproto", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'futurefsm\[ws\]'"):
        layers_for("ws", "127.0.0.1")
    assert layers_for("tcp", "127.0.0.1") == ()


def test_large_writes_come_out_whole():
    client, server = joined("ws")
    body = bytes(range(256)) * 2000
    client.write(body)
    assert shuttle(client, server, 65_536) == (b"", body)


def test_a_refused_stack_says_so_below_tls():
    client, _ = pair("wss")
    strict = Stack([*pair("tls")[1]._layers, WsLayer(server=True, path="/elsewhere")])
    shuttle(client, strict)
    assert "HTTP status 404" in str(client.failure)
    assert isinstance(strict.failure, ProtocolError)
