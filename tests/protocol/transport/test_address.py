"""Addresses, good and bad."""

import pytest

from futurefsm.protocol.transport.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("tcp://127.0.0.1:2345", Address("tcp", "127.0.0.1", 2345)),
        ("tcp://cluster.example:1", Address("tcp", "cluster.example", 1)),
        ("tcp://[::1]:65535", Address("tcp", "::1", 65535)),
        ("tls://10.0.0.1:443", Address("tls", "10.0.0.1", 443)),
        ("ws://host:80/a/b", Address("ws", "host", 80, "/a/b")),
        ("wss://host:443/", Address("wss", "host", 443, "/")),
        ("ipc:///tmp/socket", Address("ipc", "", 0, "/tmp/socket")),
    ],
)
def test_read_and_written_again(text: str, parsed: Address) -> None:
    assert parse_address(text) == parsed
    assert str(parsed) == text.removesuffix("/")


def test_a_websocket_without_a_path_and_a_stray_slash() -> None:
    assert parse_address("ws://host:80").path == "/"
    assert parse_address("tcp://host:80/") == Address("tcp", "host", 80)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("localhost:1", "has no scheme: use tcp://host:port"),
        ("http://x:1", "known are tcp://, tls://"),
        ("ipc://", "has no path"),
        ("tcp://host:1/path", "a path is for ws://"),
        ("tcp://host", "has no port"),
        ("tcp://[::1]", "has no port"),
        ("tcp://::1:2345", "stands in brackets"),
        ("tcp://[host]:2345", "stands in brackets"),
        ("tcp://:2345", "has no usable host"),
        ("tcp://a b:2345", "has no usable host"),
        ("tcp://me@host:2345", "has no usable host"),
        ("tcp://host:", "from 1 to 65535, not ''"),
        ("tcp://host:0", "from 1 to 65535, not '0'"),
        ("tcp://host:65536", "from 1 to 65535"),
        ("tcp://host:-1", "from 1 to 65535"),
        ("tcp://host:²", "from 1 to 65535"),
    ],
)
def test_nonsense_is_told_apart(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        parse_address(text)
    assert said in str(caught.value)
    assert text in str(caught.value)
