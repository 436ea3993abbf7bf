"""From an address to a link."""

from typing import Any

import pytest

from futurefsm.client.link import open_link
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.protocol.ids import IdSource, serializer_id
from futurefsm.protocol.messages import ObjectInstruction

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
    made = link(None, workers=1, lifecycle=lifecycle)
    try:
        assert made.scheduler == "the embedded engine"
        assert made.tracker.credits == credits
        channel = made.open_channel()
        channel.close(0)
    finally:
        made.engine.close()
    assert made.engine.wait(0) is not None


@pytest.mark.parametrize(
    ("address", "more", "said"),
    [
        ("localhost:1", {}, "use tcp://host:port"),
        ("http://x", {}, "use tcp://host:port"),
        ("tcp://127.0.0.1:1", {"workers": 2}, "is for the embedded engine"),
    ],
)
def test_nonsense(address: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        link(address, **more)
