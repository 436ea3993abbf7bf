"""Public names come on first use; importing the room loads nothing heavy."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import futurefsm.fsm
from futurefsm.fsm._lazy import attach

HEAVY = {"transitions", "capnp", "zmq", "asyncio", "hypothesis", "graphviz", "concurrent.futures"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_room_is_light() -> None:
    bare = loaded_by("pass")
    loaded = loaded_by("import futurefsm.fsm") - bare
    assert not loaded & HEAVY
    ours = {name for name in loaded if name.startswith("futurefsm")}
    assert ours <= {
        "futurefsm",
        "futurefsm.fsm",
        "futurefsm.fsm._lazy",
        "futurefsm.protocol",
        "futurefsm.client",
    }


def test_a_future_is_light_too() -> None:
    statement = "from futurefsm.fsm import Future, CONFIRMED; f = Future(); f.fire('submit')"
    statement += "; f.cancel(timeout=0); f.set_cancel_confirmed()"
    loaded = loaded_by(statement) - loaded_by("import concurrent.futures")
    assert not loaded & HEAVY


def test_every_name_can_be_had() -> None:
    for name in futurefsm.fsm.__all__:
        assert getattr(futurefsm.fsm, name) is not None
    assert dir(futurefsm.fsm) == futurefsm.fsm.__all__
    assert futurefsm.fsm.Future is importlib.import_module("futurefsm.fsm.future").Future


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(futurefsm.fsm.__file__).read_text())
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        (alias.asname, node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {
        (name, f"futurefsm.fsm.{file}")
        for file, names in futurefsm.fsm._NAMES.items()
        for name in names.split()
    }
    assert seen == homes


def test_the_top_has_the_names_of_the_rooms() -> None:
    assert set(futurefsm.fsm.__all__) <= set(futurefsm.__all__)
    assert futurefsm.CONFIRMED is futurefsm.fsm.CONFIRMED
    assert dir(futurefsm) == futurefsm.__all__


def test_submodules_are_found_by_name() -> None:
    get, names = attach("futurefsm.fsm", {"State": "futurefsm.fsm.states"})
    assert names == ["State"]
    assert get("states") is importlib.import_module("futurefsm.fsm.states")
    assert get("State") is importlib.import_module("futurefsm.fsm.states").State


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match=r"module 'futurefsm.fsm' has no attribute 'nothing'"):
        futurefsm.fsm.nothing  # noqa: B018


def test_a_submodule_that_misses_a_library_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lazy_example"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "broken.py").write_text("import no_such_library")
    monkeypatch.syspath_prepend(tmp_path)
    get, _ = attach("lazy_example", {})
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        get("broken")
    monkeypatch.delitem(sys.modules, "lazy_example")
