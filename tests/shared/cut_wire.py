"""A wire that can be cut: a TCP proxy between a client and a server of a test."""

import contextlib
import socket
import struct
import threading

_RESET = struct.pack("ii", 1, 0)


class CutWire:
    """Listens at `address` and passes bytes on, both ways, until it is told otherwise.

    Args:
        target: "tcp://host:port" of the server.

    Attributes:
        address: for the client.
        swallowing: drop what the server sends, as if it were on its way for ever.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition("/")[2].rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.swallowing = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, name="cut-wire", daemon=True).start()

    def __enter__(self) -> "CutWire":
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self._listener.close()
        self.fin()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._pairs)

    def refuse(self) -> None:
        """Accept no further connection. The port stays ours: nobody else answers there."""
        # A thread in accept() is woken by shutting down, not by closing.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def fin(self) -> None:
        """End all connections in order: 'gone for good'."""
        self._end(reset=False)

    def reset(self) -> None:
        """Break all connections: 'try again'."""
        self._end(reset=True)

    def _end(self, *, reset: bool) -> None:
        pairs, self._pairs = self._pairs, []
        for client, server in pairs:
            with contextlib.suppress(OSError):
                if reset:
                    # Closing would only count down while a thread still reads from it.
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    client.shutdown(socket.SHUT_RD)
                else:
                    client.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            client.close()
            server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target, 10)
            except OSError:
                return
            server.settimeout(None)
            self._pairs.append((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(
                    target=self._copy, args=(source, sink, source is server), daemon=True
                ).start()

    def _copy(self, source: socket.socket, sink: socket.socket, down: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not (down and self.swallowing):
                    sink.sendall(data)
            # Whoever ends in order is passed on as such; what was cut here has its own end.
            if any(source in pair for pair in self._pairs):
                sink.shutdown(socket.SHUT_WR)
