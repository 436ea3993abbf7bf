import ssl
from pathlib import Path

import pytest
from certificates import authority, local
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_kit import KINDS, client_layers, joined, pair, server_layers, shuttle

from futurefsm.protocol.errors import HandshakeError, ProtocolError
from futurefsm.protocol.transport.layers import Stack, TlsLayer, layers_for
from futurefsm.protocol.transport.layers import server_layers as plain_or_not
from futurefsm.protocol.transport.tls import client_context, server_context
from futurefsm.protocol.transport.websocket import WsLayer


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def tls_server(certificate=None):
    made = certificate or local()
    return TlsLayer(server_context(made.certificate, made.key), server=True)


def test_bytes_go_both_ways(kind):
    client, server = joined(kind)
    client.write(b"there")
    server.write(memoryview(b"back"))
    server.write(bytearray(b" again"))
    assert shuttle(client, server) == (b"back again", b"there")
    assert client.failure is None
    assert not client.eof


@pytest.mark.parametrize("kind", ["tls", "wss"])
def test_nobody_beneath_can_read_it(kind):
    client, server = joined(kind)
    client.write(b"a secret that is long enough")
    wire = client.take()
    assert b"secret" not in wire
    assert b"".join(server.receive(wire)) == b"a secret that is long enough"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_handshake_in_small_pieces(kind, size):
    client, server = pair(kind)
    assert not client.ready
    shuttle(client, server, size)
    client.write(b"x" * 70_000)
    assert shuttle(client, server, 997) == (b"", b"x" * 70_000)


@settings(max_examples=25)
@given(
    st.sampled_from(KINDS),
    st.lists(st.binary(max_size=300), max_size=6),
    st.lists(st.integers(1, 90), min_size=1, max_size=10),
)
def test_however_the_bytes_are_cut(kind, bodies, sizes):
    client, server = pair(kind)
    sent, came, turn = False, [], 0
    for _ in range(40):
        for sender, receiver in ((client, server), (server, client)):
            wire = sender.take()
            while wire:
                size = sizes[turn % len(sizes)]
                parts = receiver.receive(wire[:size])
                assert receiver is server or not parts
                came += parts
                wire, turn = wire[size:], turn + 1
        if client.ready and not sent:
            sent = True
            for body in bodies:
                client.write(body)
    assert b"".join(came) == b"".join(bodies)
    assert server.failure is None


@settings(max_examples=60)
@given(
    st.sampled_from(KINDS), st.booleans(), st.binary(min_size=1, max_size=400), st.integers(1, 50)
)
def test_garbage_instead_of_a_handshake(kind, at_server, garbage, size):
    side = Stack(server_layers(kind) if at_server else client_layers(kind))
    for at in range(0, len(garbage), size):
        assert side.receive(garbage[at : at + size]) == []
    side.take()
    side.ended()
    assert isinstance(side.failure, HandshakeError)
    assert not side.ready


@settings(max_examples=60)
@given(st.sampled_from(KINDS), st.data())
def test_a_stream_that_is_spoilt_anywhere(kind, data):
    client, server = joined(kind)
    client.write(b"m" * 200)
    wire = bytearray(client.take())
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= data.draw(st.integers(1, 255))
    came = b"".join(server.receive(bytes(wire)))
    server.take()
    if kind != "ws":  # TLS lets nothing through that was not sent
        assert came == b""
    assert len(came) <= 200
    assert server.failure is None or isinstance(server.failure, ProtocolError)
    assert server.receive(b"more") == [] or kind == "ws"


def test_after_a_failure_nothing_comes(kind):
    client, server = joined(kind)
    assert server.receive(b"\xff" * 50) == []
    assert isinstance(server.failure, ProtocolError)
    assert not isinstance(server.failure, HandshakeError)
    assert "stream is broken" in str(server.failure)
    assert not server.ready
    first = server.failure
    client.write(b"too late")
    assert server.receive(client.take()) == []
    server.ended()
    server.finish()
    assert server.failure is first


def test_a_goodbye_is_an_orderly_end(kind):
    client, server = joined(kind)
    client.write(b"last")
    wire = client.finish()
    assert b"".join(server.receive(wire)) == b"last"
    assert server.eof
    assert server.failure is None
    assert server.receive(b"more") == []
    server.ended()
    assert server.failure is None
    # Nothing more is said or heard.
    assert client.receive(server.finish()) == []
    assert client.finish() == b""
    assert not client.ready


def test_an_end_without_a_goodbye_is_one_too(kind):
    client, server = joined(kind)
    client.ended()
    server.ended()
    assert client.failure is None
    assert server.failure is None


def test_an_end_during_the_handshake(kind):
    for side in (Stack(client_layers(kind)), Stack(server_layers(kind))):
        side.ended()
        assert isinstance(side.failure, HandshakeError)
        protocol = "WebSocket" if kind == "ws" else "TLS"
        assert f"ended the connection during the {protocol} handshake" in str(side.failure)
        assert side.finish() is not None


def test_layers_for_plain_addresses():
    assert layers_for("tcp", "127.0.0.1") == ()
    assert layers_for("ipc", "/socket") == ()
    with pytest.raises(ValueError, match="scheme 'http': tcp, tls"):
        layers_for("http", "127.0.0.1")


def test_layers_of_a_plain_server():
    assert plain_or_not("tcp") == ()
    with pytest.raises(ValueError, match="scheme 'ipc': a server has"):
        plain_or_not("ipc")
    for scheme in ("tls", "wss"):
        with pytest.raises(ValueError, match=f"{scheme}:// needs a certificate"):
            plain_or_not(scheme)


def test_a_context_made_once_serves_many(kind):
    context = client_context(authority().path)
    for _ in range(2):
        client = Stack(layers_for(kind, "127.0.0.1", None, context))
        server = Stack(server_layers(kind))
        shuttle(client, server)
        assert client.ready


def meet(client, server):
    ours, theirs = Stack([client]), Stack([server])
    shuttle(ours, theirs)
    return ours, theirs


@pytest.mark.parametrize(
    ("host", "certified"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("[::1]", "::1")],
)
def test_the_name_that_was_dialled_is_what_counts(host, certified):
    made = authority().sign(certified)
    (layer,) = layers_for("tls", host, tls=authority().path)
    client, _ = meet(layer, tls_server(made))
    assert client.ready


@pytest.mark.parametrize(
    ("host", "trusted", "expired", "says"),
    [
        ("127.0.0.1", "other", False, r"not trusted here: .*tls='ca.pem'"),
        ("127.0.0.1", None, False, "not trusted here"),
        ("127.0.0.2", "ours", False, "of 127.0.0.2 is for another host"),
        ("example.org", "ours", False, "of example.org is for another host"),
        ("127.0.0.1", "ours", True, "of another time: certificate has expired"),
    ],
)
def test_a_wrong_certificate(host, trusted, expired, says):
    tls = None if trusted is None else authority(trusted).path
    (layer,) = layers_for("tls", host, tls=tls)
    client, server = meet(layer, tls_server(local(expired)))
    assert isinstance(client.failure, HandshakeError)
    with pytest.raises(HandshakeError, match=says):
        raise client.failure
    # The server hears nothing of it: see TlsLayer.take.
    assert server.failure is None
    assert client.take() == b""


def test_a_certificate_that_signed_itself_may_be_its_own_authority():
    # Not even an authority: the leaf itself is trusted, and nothing else of who signed it.
    own = authority().sign("localhost")
    leaf = Path(own.certificate).read_text()
    (layer,) = layers_for("tls", "localhost", tls=leaf)
    client, _ = meet(layer, tls_server(own))
    assert client.ready
    (layer,) = layers_for("tls", "localhost", tls=leaf)
    client, _ = meet(layer, tls_server(local()))
    assert isinstance(client.failure, HandshakeError)


def test_the_server_is_told_by_other_clients_that_they_refuse():
    context = client_context(authority("other").path)
    bio = ssl.MemoryBIO(), ssl.MemoryBIO()
    stranger = context.wrap_bio(*bio, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        stranger.do_handshake()
    server = tls_server()
    server.receive(bio[1].read())
    bio[0].write(server.take())
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.do_handshake()
    server.receive(bio[1].read())
    with pytest.raises(HandshakeError, match="does not accept our certificate: it does not trust"):
        raise server.failure


def test_a_server_that_wants_to_know_its_client():
    made = local()
    strict = server_context(made.certificate, made.key)
    strict.verify_mode = ssl.CERT_REQUIRED
    strict.load_verify_locations(authority().path)
    (layer,) = layers_for("tls", "127.0.0.1", tls=authority().path)
    client, _ = meet(layer, TlsLayer(strict, server=True))
    assert isinstance(client.failure, HandshakeError)
    assert "wants a certificate of the client" in str(client.failure)
    known = client_context(authority().path)
    known.load_cert_chain(made.certificate, made.key)
    (layer,) = layers_for("tls", "127.0.0.1", tls=known)
    client, server = meet(layer, TlsLayer(strict, server=True))
    assert server.ready


def test_no_host_to_check():
    with pytest.raises(ValueError):
        layers_for("tls", "", tls=authority().path)


def test_writing_may_have_to_wait_for_reading():
    """Old TLS can make a writer read first: what was written waits in the layer."""

    class Moody(ssl.SSLObject):
        refusals = 0

        def write(self, data):
            if Moody.refusals:
                Moody.refusals -= 1
                raise ssl.SSLWantReadError
            return super().write(data)

    mine = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    mine.load_verify_locations(cadata=Path(authority().path).read_text())
    mine.sslobject_class = Moody
    client, server = meet(TlsLayer(mine, server_hostname="localhost"), tls_server())
    Moody.refusals = 1
    client.write(b"patience")
    assert not client.ready
    assert client.take() == b""
    server.write(b"go on")
    assert b"".join(client.receive(server.take())) == b"go on"
    assert client.ready
    assert b"".join(server.receive(client.take())) == b"patience"


def test_writing_into_what_was_ended():
    client, _ = joined("tls")
    client.finish()
    client.write(b"more")
    assert isinstance(client.failure, ProtocolError)
    assert not client.ready


def test_tls_below_is_not_yet_ready_for_the_upgrade():
    client, server = pair("wss")
    first = client.take()
    assert b"GET" not in first
    assert first[0] == 22  # a TLS handshake
    assert not isinstance(client._layers[0], WsLayer)
    shuttle(client, server)


def test_the_end_of_tls_ends_an_upgrade():
    client, server = pair("wss")
    for _ in range(2):
        server.receive(client.take())
        client.receive(server.take())
    server = Stack(server_layers("tls"))
    client = Stack(client_layers("wss"))
    shuttle(client, server)
    assert client.receive(server.finish()) == []
    assert client.eof
    client.ended()
    assert "during the WebSocket handshake" in str(client.failure)
