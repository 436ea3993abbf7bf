"""A wire that can be cut: a TCP proxy between a client and a server of a test."""

import queue
import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

_PATIENCE_S = 20


class CutWire:
    """Listens at `address` and passes bytes on, both ways, until it is told otherwise.

    One thread has all the sockets; what is asked of it has happened when the call returns.

    Args:
        target: "tcp://host:port" of the server.

    Attributes:
        address: for the client.
        carried: how many connections there were so far.
        swallowing: drop what the server sends, as if it were on its way for ever.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition("/")[2].rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.carried = 0
        self.swallowing = False
        self._accepting = True
        self._down = False
        self._ending = False
        # Where what is read from a socket goes to (None: nowhere); without an entry it has ended.
        self._sinks: dict[socket.socket, socket.socket | None] = {}
        self._servers: set[socket.socket] = set()
        self._asked: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="cut-wire", daemon=True)
        self._thread.start()

    def __enter__(self) -> "CutWire":
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.put(None)
        self._wake.send(b"x")
        self._thread.join(_PATIENCE_S)

    def fin(self) -> None:
        """End all connections in order: 'gone for good'. What still arrives is dropped."""

        def act() -> None:
            for sock in {*self._sinks, *filter(None, self._sinks.values())}:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_WR)
                # Closing at once would say RST where something was not read.
                self._sinks[sock] = None

        self._ask(act)

    def reset(self, *, stay_down: bool = False) -> None:
        """Break all connections, on both sides: 'try again'. `stay_down`: also what dials later."""

        def act() -> None:
            self._down = stay_down
            self._reset_all()

        self._ask(act)

    def resume(self) -> None:
        """Carry again what dials."""
        self._down = False

    def refuse(self) -> None:
        """Accept no further connection. The port stays ours: nobody else answers there."""

        def act() -> None:
            self._accepting = False
            self._listener.shutdown(socket.SHUT_RDWR)

        self._ask(act)

    def _ask(self, act: Callable[[], None]) -> None:
        done = threading.Event()
        self._asked.put(lambda: (act(), done.set())[-1])
        self._wake.send(b"x")
        assert done.wait(_PATIENCE_S), "the wire's thread is stuck or gone"

    def _run(self) -> None:
        while True:
            watched = [self._woken, *self._sinks]
            if self._accepting:
                watched.append(self._listener)
            ready, _, _ = select.select(watched, [], [])
            for sock in ready:
                if sock is self._listener:
                    self._accept()
                elif sock in self._sinks:
                    self._carry(sock)
            # Last: what is asked for may close what was ready.
            if self._woken in ready:
                self._woken.recv(1)
                act = self._asked.get()
                if act is None:
                    break
                act()
        self._end_all()
        for sock in (self._listener, self._wake, self._woken):
            sock.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = None if self._down else socket.create_connection(self._target, _PATIENCE_S)
        except OSError:
            server = None
        if server is None:
            _reset(client)
            return
        client.settimeout(_PATIENCE_S)
        self._sinks[client], self._sinks[server] = server, client
        self._servers.add(server)
        self.carried += 1

    def _carry(self, source: socket.socket) -> None:
        sink = self._sinks[source]
        try:
            if data := source.recv(1 << 16):
                dropped = source in self._servers and (self.swallowing or self._ending)
                if sink and not dropped:
                    sink.sendall(data)
                return
            if sink:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._forget(source, _reset)
            self._forget(sink, _reset)
            return
        # Half an end: the other half may still speak.
        del self._sinks[source]
        if sink not in self._sinks:
            self._forget(source, socket.socket.close)
            self._forget(sink, socket.socket.close)

    def _forget(self, sock: socket.socket | None, end: Callable[[socket.socket], None]) -> None:
        if sock:
            self._sinks.pop(sock, None)
            self._servers.discard(sock)
            end(sock)

    def _end_all(self) -> None:
        """Carry what clients have sent before they closed, and end those connections in order.

        A reset right behind the last words makes Scaler's scheduler overlook these now and then: it
        keeps the client, and its tasks run on in the way of the next test's.
        """
        self._ending = True
        while ready := select.select([*self._sinks], [], [], 0)[0]:
            for sock in ready:
                if sock in self._sinks:
                    self._carry(sock)
        for server, client in list(self._sinks.items()):
            if server in self._servers and client not in self._sinks:
                self._forget(server, socket.socket.close)
                self._forget(client, socket.socket.close)
        self._reset_all()

    def _reset_all(self) -> None:
        for source, sink in list(self._sinks.items()):
            self._forget(source, _reset)
            self._forget(sink, _reset)


def _reset(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
