"""What the object store of a client's engine holds, asked over its own channel."""

import socket
import struct

from futurefsm.client.client import Client
from futurefsm.protocol.object_store import (
    HEADER_BYTES,
    RequestKind,
    StoreHeader,
    decode_header,
    encode_header,
)
from futurefsm.protocol.transport.framing import frame_header, opening

PATIENCE_S = 60.0


def stored_objects(client: Client) -> int:
    """How many objects the store holds now, of all kinds."""
    address = client._agent.pump.tracker.storage_address
    assert address is not None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(address.host)
        ask = encode_header(StoreHeader(RequestKind.INFO, bytes(32), 0, 1))
        sock.sendall(opening(b"Client|test") + frame_header(len(ask)) + ask)
        with sock.makefile("rb") as stream:
            stream.read(4)
            _message(stream)
            header = decode_header(_message(stream))
            assert header.payload_length == 48
            return int(struct.unpack("<6Q", _message(stream))[0])


def _message(stream: "socket.SocketIO | object") -> bytes:
    read = stream.read  # type: ignore[union-attr]
    (size,) = struct.unpack("<Q", read(8))
    assert size <= max(HEADER_BYTES, 4096)
    return bytes(read(size))
