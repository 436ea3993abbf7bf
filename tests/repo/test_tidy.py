"""The helper of the tidy tests sees what it should: a blind one would pass everything."""

from pathlib import Path

import tidy

SOURCE = """\
import os.path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import capnp
else:
    import zmq

def late():
    import threading
    from futurefsm.fsm import states
"""


def test_imports_are_seen_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(SOURCE)
    assert tidy.tops(path) == {"os", "typing", "zmq", "threading", "futurefsm"}
    assert tidy.tops(path, at_import=True) == {"os", "typing", "zmq"}
    assert "futurefsm.fsm.states" in tidy.imports(path)


def test_relative_imports_are_seen_as_such(tmp_path: Path) -> None:
    path = tmp_path / "relative.py"
    path.write_text("from .. import fsm\nfrom .events import Event\n")
    assert tidy.imports(path) == {"..", "...fsm", ".events", ".events.Event"}


def test_every_room_has_files() -> None:
    files = set(map(str, tidy.room_sources()))
    assert {"fsm/table.py", "protocol/codec.py", "client/client.py"} <= files
    everything = set(map(str, tidy.everything()))
    assert files < everything
    assert {"futurefsm/__init__.py", "tests/repo/test_tidy.py", "docs/generate.py"} <= everything
    assert not any("egg-info" in name or "__pycache__" in name for name in everything)
