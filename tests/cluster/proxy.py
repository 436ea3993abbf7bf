"""A TCP proxy that cuts: in order (FIN), or not (RST)."""

import select
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType


class Proxy:
    """Carries bytes between whoever dials `address` and the target. One thread.

    Args:
        target: "tcp://127.0.0.1:port".

    Attributes:
        address: to dial.
        connections: how many were carried so far.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("tcp://").rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._all: list[socket.socket] = []
        self._stop = False
        self._read, self._write = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop = True
        self._write.send(b"x")
        self._thread.join(20)
        for sock in (*self._all, self._listener, self._read, self._write):
            sock.close()

    def reset(self, *, stay_down: bool = False) -> None:
        """RST on both sides of everything; `stay_down`: whoever dials again is reset as well."""
        with self._lock:
            if stay_down:
                self._open.clear()
            for sock in self._pairs:
                _reset(sock)
            self._pairs.clear()
        self._write.send(b"x")

    def finish(self) -> None:
        """FIN on both sides of everything."""
        with self._lock:
            for sock in self._pairs:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_WR)

    def resume(self) -> None:
        """Carry again what dials."""
        self._open.set()

    def _run(self) -> None:
        while not self._stop:
            with self._lock:
                watched = [self._listener, self._read, *self._pairs]
            ready, _, _ = select.select(watched, [], [], 1.0)
            for sock in ready:
                if sock is self._listener:
                    self._accept()
                elif sock is self._read:
                    sock.recv(100)
                else:
                    self._carry(sock)

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        with self._lock:
            if not self._open.is_set():
                _reset(sock)
                return
            other = socket.create_connection(self._target, 20)
            self._pairs[sock], self._pairs[other] = other, sock
            self._all += (sock, other)
            self.connections += 1

    def _carry(self, sock: socket.socket) -> None:
        with self._lock:
            other = self._pairs.get(sock)
            if other is None:
                return
            try:
                data = sock.recv(1 << 16)
                if data:
                    other.sendall(data)
                    return
                other.shutdown(socket.SHUT_WR)
                # Half an end is remembered by not listening to it any more.
                del self._pairs[sock]
                if other not in self._pairs:
                    sock.close()
                    other.close()
            except OSError:
                for each in (sock, other):
                    self._pairs.pop(each, None)
                    _reset(each)


def _reset(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
