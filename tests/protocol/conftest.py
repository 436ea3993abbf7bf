"""What the tests of this room share: the recorded sessions of a Scaler 2.9.0 cluster."""

import json
from pathlib import Path
from typing import Any

import pytest

RECORDINGS = Path(__file__).parent / "recordings"


def _lines(name: str) -> list[dict[str, Any]]:
    with (RECORDINGS / name).open() as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def scheduler_recording() -> list[tuple[str, bytes]]:
    """(kind, bytes) of every message that a client and a scheduler exchanged."""
    return [(line["kind"], bytes.fromhex(line["hex"])) for line in _lines("scheduler.jsonl")]


@pytest.fixture(scope="session")
def storage_recording() -> list[dict[str, Any]]:
    """Every message of the storage channel, `hex` replaced by `data`."""
    lines = _lines("storage.jsonl")
    for line in lines:
        line["data"] = bytes.fromhex(line.pop("hex"))
    return lines
