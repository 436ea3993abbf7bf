"""How a link is left: a FIN behind the last words, never a reset. On real sockets of all kinds."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from time import monotonic

import pytest
from layer_kit import KINDS, client_layers, server_layers

from futurefsm.protocol.errors import TransportClosedError
from futurefsm.protocol.transport import ymq_parting
from futurefsm.protocol.transport.address import parse_address
from futurefsm.protocol.transport.ymq import YmqStream, listen_tcp, listen_unix
from futurefsm.protocol.transport.ymq_link import YmqLink
from futurefsm.protocol.transport.ymq_router import YmqRouter

PATIENCE_S = 60.0
LATE = [b"late" * 1000] * 20
# More than any socket's buffers hold: it is gone only where the other side reads it.
MORE = bytes(24 * 2**20)


class Server:
    """One connection's other end, on a thread of its own: `heard` and `ended` are what it saw."""

    def __init__(self, listener: socket.socket, kind: str, chatty: bool) -> None:
        self.heard: list[bytes] = []
        self.ended = ""
        self._listener = listener
        self._layers = () if kind == "ipc" else server_layers(kind)
        self._chatty = chatty
        self.spoken = threading.Event()
        self.may_end = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        sock = self._listener.accept()[0]
        with closing(YmqStream(sock, b"scheduler", layers=self._layers)) as stream:
            with suppress(TransportClosedError):  # it says what `reset` says
                while not stream.eof:
                    self._serve(sock, stream)
            self.ended = "RST" if stream.reset or self._is_reset(sock) else "FIN"
            self.may_end.wait(PATIENCE_S)

    def _serve(self, sock: socket.socket, stream: YmqStream) -> None:
        writers = [sock] if stream.wants_write else []
        readable, _, _ = select.select([sock], writers, [], PATIENCE_S)
        if writers:
            stream.flush()
        if readable:
            self.heard += [bytes(each) for each in stream.receive()]
            if self.heard and self._chatty:
                # While the other one leaves, or before: it reads none of this.
                stream.send_frames(LATE)
                stream.flush()
                self.spoken.set()

    def _is_reset(self, sock: socket.socket) -> bool:
        """The end of TLS or of a WebSocket has come; now that of the socket, one way only."""
        sock.settimeout(PATIENCE_S)
        try:
            while sock.recv(65536):
                pass
            if self._chatty:
                sock.sendall(MORE)
        except ConnectionError:
            return True
        return False


@contextmanager
def joined(kind: str, path: Path, chatty: bool = True) -> Iterator[tuple[YmqLink, Server]]:
    with ExitStack() as stack:
        where = str(path / "s")
        listener = listen_unix(where) if kind == "ipc" else listen_tcp("127.0.0.1")
        stack.callback(listener.close)
        listener.setblocking(True)
        listener.settimeout(PATIENCE_S)
        server = Server(listener, kind, chatty)
        stack.callback(server.thread.join)
        stack.callback(server.may_end.set)
        port = "" if kind == "ipc" else listener.getsockname()[1]
        text = f"ipc://{where}" if kind == "ipc" else f"tcp://127.0.0.1:{port}"

        def opened(sock: socket.socket) -> YmqStream:
            return YmqStream(sock, b"Client|me", layers=client_layers(kind) if port else ())

        link = YmqLink(parse_address(text), opened, patience_s=PATIENCE_S)
        stack.callback(link.close)
        while not link.up:
            link.turn(monotonic())
            assert link.lost is None
        yield link, server


@pytest.mark.parametrize("kind", ["tcp", "ipc", *KINDS])
def test_the_last_words_are_followed_by_a_fin(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although there is something of the peer's that nobody reads."""
    monkeypatch.setattr(ymq_parting, "PARTING_S", PATIENCE_S)
    with joined(kind, tmp_path) as (link, server):
        server.may_end.set()
        link.send([b"one"])
        link.flush()
        assert server.spoken.wait(PATIENCE_S)
        # Before the peer has read it: what it says to that comes while the link is left.
        link.send([b"good-bye"])
        link.finish(PATIENCE_S)
        link.close()
        server.thread.join(PATIENCE_S)
        assert server.ended == "FIN"
        assert server.heard == [b"one", b"good-bye"]


def test_a_peer_that_never_ends_is_left_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ymq_parting, "PARTING_S", 0.01)
    with joined("tcp", tmp_path, chatty=False) as (link, server):
        link.send([b"good-bye"])
        link.finish(PATIENCE_S)
        link.finish(0.0)  # it was told already
        link.close()
        server.may_end.set()
        server.thread.join(PATIENCE_S)
        assert (server.heard, server.ended) == ([b"good-bye"], "FIN")


def test_a_peer_that_talks_on_is_left_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ymq_parting, "PARTING_S", PATIENCE_S)
    monkeypatch.setattr(ymq_parting, "PARTING_BYTES", 1)
    with joined("tcp", tmp_path) as (link, server):
        link.send([b"good-bye"])
        # The server ends when it may, which is after this.
        link.finish(PATIENCE_S)
        assert not server.may_end.is_set()


def dialled(router: YmqRouter, name: bytes = b"Client|me") -> socket.socket:
    """A peer that the router knows."""
    peer = socket.socket(socket.AF_UNIX) if "ipc:" in router.address else socket.socket()
    peer.settimeout(PATIENCE_S)
    host, port = router.address.partition("://")[2], 0
    if "ipc:" not in router.address:
        host, port = host.split(":")[0], int(host.split(":")[1])
    peer.connect((host, port) if port else host)
    stream = YmqStream(peer, name)
    stream.send_frames([b"hello"])
    stream.flush()
    while not router.receive():
        select.select([router.poll_item], [], [], PATIENCE_S)
    peer.setblocking(True)
    peer.settimeout(PATIENCE_S)
    return peer


@pytest.mark.parametrize("kind", ["tcp", "ipc"])
def test_a_router_that_closes_resets_nobody_who_still_talks(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reset says 'try again', where this is the end."""
    monkeypatch.setattr(ymq_parting, "PARTING_S", PATIENCE_S)
    router = YmqRouter(f"ipc://{tmp_path}/s" if kind == "ipc" else "tcp://127.0.0.1:0")
    peer, other = dialled(router), dialled(router, b"Client|other")
    other.close()
    ended: list[str] = []

    def talks() -> None:
        with peer:
            try:
                while peer.recv(65536):
                    pass
                peer.sendall(MORE)
                ended.append("FIN")
            except ConnectionError:
                ended.append("RST")

    thread = threading.Thread(target=talks)
    thread.start()
    router.close(PATIENCE_S)
    thread.join(PATIENCE_S)
    assert ended == ["FIN"]


def test_a_router_leaves_a_peer_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ymq_parting, "PARTING_S", 0.01)
    router = YmqRouter("tcp://127.0.0.1:0")
    with dialled(router) as peer:
        router.close(PATIENCE_S)
        while peer.recv(65536):
            pass


def test_what_is_closed_says_nothing() -> None:
    one, other = socket.socketpair()
    with other:
        stream = YmqStream(one, b"me")
        stream.close()
        stream.end()
        assert other.recv(9) == b""
