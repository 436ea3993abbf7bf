"""From an address to a link."""

from typing import Any

import pytest

from futurefsm.client.link import BACKENDS, Reach, backend_for, check_start_method, open_link
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.protocol.ids import IdSource, serializer_id
from futurefsm.protocol.messages import ObjectInstruction
from futurefsm.protocol.transport.address import parse_address

ME = b"Client|me"


def link(address: str | None, **more: Any) -> Any:
    options = {
        "workers": None,
        "lifecycle": CONFIRMED,
        "timeout": 20.0,
        "hostname": "here",
        "max_result_bytes": 1 << 20,
        **more,
    }
    return open_link(address, ME, IdSource(b"seed"), **options)


def test_a_cluster_needs_a_serializer_and_no_engine() -> None:
    made = link("tcp://127.0.0.1:1")
    assert made.engine is None
    assert made.scheduler == "the scheduler at tcp://127.0.0.1:1"
    assert made.tracker.credits is None
    made.tracker.opened(0.0)
    announced = [
        output.message.object_metadata.object_ids
        for output in made.tracker.take()
        if isinstance(getattr(output, "message", None), ObjectInstruction)
    ]
    assert announced == [(serializer_id(ME),)]


@pytest.mark.parametrize(("lifecycle", "credits"), [(CONFIRMED, None), (STRICT, 1)])
def test_the_embedded_engine(lifecycle: Any, credits: int | None) -> None:
    made = link(None, workers=1, lifecycle=lifecycle, reach=Reach(heartbeat_interval=0.25))
    try:
        # Its signs of life come as often as its user wants them.
        made.tracker.opened(0.0)
        assert made.tracker.deadline() == 0.25
        assert made.scheduler == "the embedded engine"
        assert made.tracker.credits == credits
        assert made.channel.steady
        made.channel.close(0)
    finally:
        made.engine.close()
    assert made.engine.wait(0) is not None


@pytest.mark.parametrize(
    ("address", "more", "said"),
    [
        ("localhost:1", {}, "use tcp://host:port"),
        ("http://x", {}, "use tcp://host:port"),
        ("tcp://x:1", {"reach": Reach("carrier pigeon")}, "backend must be 'ymq' or 'zmq', not"),
        ("tls://x:1", {"reach": Reach("zmq")}, "zmq knows no tls://"),
        ("tcp://x:1", {"reach": Reach(object_storage_address="x:1")}, "has no scheme"),
        ("tcp://x:1", {"reach": Reach(heartbeat_interval=0)}, "must be above zero"),
        ("tcp://127.0.0.1:1", {"workers": 2}, "is for the embedded engine"),
    ],
)
def test_nonsense(address: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        link(address, **more)


@pytest.mark.parametrize("said", BACKENDS)
def test_what_is_spoken(said: str) -> None:
    tcp = parse_address("tcp://127.0.0.1:1")
    assert backend_for(tcp, said, None) == said
    assert backend_for(tcp, None, said) == said
    assert backend_for(tcp, said, "zmq") == said
    assert backend_for(parse_address("tls://127.0.0.1:1"), None, said) == "ymq"
    # The environment speaks of clusters, not of a socket on this machine.
    assert backend_for(parse_address("ipc:///x"), None, said) == "zmq"


def test_where_nothing_tells_it_is_found_out() -> None:
    assert backend_for(parse_address("tcp://127.0.0.1:1"), None, None) is None
    assert backend_for(parse_address("tcp://127.0.0.1:1"), None, "") is None


def test_the_environment_is_checked_too() -> None:
    with pytest.raises(ValueError, match="SCALER_NETWORK_BACKEND must be 'ymq' or 'zmq'"):
        backend_for(parse_address("tcp://127.0.0.1:1"), None, "nng")


def test_start_methods() -> None:
    for right in (None, "forkserver", "spawn"):
        check_start_method(right, None)
    check_start_method(None, "tcp://127.0.0.1:1")
    with pytest.raises(ValueError, match=r"must be 'forkserver' or 'spawn': .* on a cluster"):
        check_start_method("fork", None)
    for wrong in ("thread", "", 3):
        with pytest.raises(ValueError, match=r"must be 'forkserver' or 'spawn', not"):
            check_start_method(wrong, None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"for the embedded engine, not for tcp://"):
        check_start_method("spawn", "tcp://127.0.0.1:1")
