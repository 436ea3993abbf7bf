"""Who may import what, read from the files: the rooms' arrows, pure files, heavy libraries."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tidy

# Room → the rooms that it may import.
ARROWS = {
    "fsm": {"fsm"},
    "protocol": {"fsm", "protocol"},
    "client": {"fsm", "protocol", "client"},
}
# Not even by the way: what waits, draws lots, talks, or asks the system.
IMPURE = {"threading", "time", "random", "socket", "asyncio", "os", "zmq", "capnp"}
# File or folder → what it may import of these all the same, and why.
PURE: dict[str, set[str]] = {
    "fsm/states.py": set(),
    "fsm/events.py": set(),
    "fsm/effects.py": set(),
    "fsm/outcomes.py": set(),
    "fsm/rare.py": set(),
    "fsm/table.py": set(),
    "fsm/compiled.py": set(),
    "fsm/validation.py": set(),
    "fsm/lifecycles.py": set(),
    "fsm/story.py": set(),
    "fsm/settled.py": set(),
    "fsm/errors.py": set(),
    "fsm/machine.py": set(),
    "fsm/diagram.py": set(),
    "fsm/document.py": set(),
    "fsm/_lazy.py": set(),
    "fsm/testing/model.py": set(),
    "fsm/testing/words.py": set(),
    "fsm/testing/differs.py": set(),
    "fsm/testing/variants.py": set(),
    "fsm/testing/checks/loops.py": set(),
    "fsm/testing/mermaid.py": set(),
    "fsm/testing/page.py": set(),
    "fsm/testing/parts.py": set(),
    "fsm/testing/picture.py": set(),
    "fsm/testing/scene.py": set(),
    "fsm/testing/tokens.py": set(),
    "fsm/testing/threads/steps.py": set(),
    "fsm/checker/__init__.py": set(),
    "fsm/checker/scheduler_rules.py": set(),
    "fsm/checker/bite.py": set(),
    "fsm/checker/wellformed.py": set(),
    "fsm/checker/promela.py": set(),
    "fsm/checker/report.py": set(),
    "fsm/checker/variants.py": set(),
    "fsm/checker/model.py": set(),
    "fsm/checker/stepping.py": set(),
    "fsm/checker/search.py": set(),
    "fsm/checker/peers.py": set(),
    "fsm/checker/client_side.py": set(),
    "fsm/checker/client_rules.py": set(),
    "fsm/checker/scheduler_side.py": set(),
    "fsm/checker/systems.py": set(),
    "fsm/checker/counterexample.py": set(),
    "protocol/messages.py": set(),
    "protocol/errors.py": set(),
    "protocol/task_flags.py": set(),
    "protocol/ids.py": {"os"},  # the randomness of new_identity; uuid is four times as slow to load
    "protocol/mapping.py": set(),
    "protocol/session.py": set(),
    "protocol/object_store.py": set(),
    "client/overdue.py": set(),
    "client/tracker.py": set(),
    "client/outgoing.py": set(),
    "client/carrying.py": set(),
    "client/engine/carrying.py": set(),
    "protocol/piggyback.py": set(),
    "protocol/shapes.py": set(),
    "client/tracked.py": set(),
    "client/values.py": set(),
    "client/ties.py": set(),
    "client/ended.py": set(),
    "client/uploads.py": set(),
    "client/outputs.py": set(),
    "client/graph.py": set(),
    "client/trace.py": set(),
    "client/demo/fates.py": set(),
    "client/engine/assigning.py": set(),
    "client/engine/holdings.py": set(),
    "client/engine/scheduler.py": set(),
    "client/engine/store.py": set(),
}
# Files of fsm that are not pure, and why.
FSM_IMPURE = {
    "fsm/__init__.py": "lazy re-exports",
    "fsm/future.py": "the lock, the clock",
    "fsm/core.py": "the lock, the clock",
    "fsm/leftover.py": "the stack of a thread",
    "fsm/lock.py": "the lock",
    "fsm/threads.py": "which threads must not wait",
}
# Library → the only files that may import it. A folder ends with a slash.
ONLY_IN = {
    "capnp": ("protocol/codec.py",),
    "zmq": ("protocol/transport/",),
    "transitions": ("fsm/machine.py", "fsm/diagram.py"),
    "hypothesis": ("fsm/testing/", "client/testing/"),
    "rich": ("client/demo/screen.py",),
    "pytest": ("fsm/testing/plugin.py",),
    "cloudpickle": ("client/",),
    "tblib": ("client/",),
    "wsproto": ("protocol/transport/websocket.py",),
    "greenlet": ("fsm/testing/threads/greenlets.py",),
}
# Nothing that the library imports when it is imported may be an optional dependency.
OPTIONAL = {"rich", "hypothesis", "graphviz", "psutil", "pytest", "wsproto", "greenlet"}


def ids(path: Path) -> str:
    return str(path)


@pytest.mark.parametrize("path", tidy.room_sources(), ids=ids)
def test_arrows_never_point_back(path: Path) -> None:
    for name in tidy.imports(path):
        parts = name.split(".")
        if parts[0] == "futurefsm" and len(parts) > 1:
            room = parts[1]
            if room in tidy.ROOMS:
                assert room in ARROWS[path.parts[0]], f"{path} imports {name}"
        assert not name.startswith("."), f"{path}: imports are absolute, not {name}"


@pytest.mark.parametrize("path", tidy.everything(), ids=ids)
def test_no_room_is_imported_bare(path: Path) -> None:
    """A bare `import fsm` makes a second copy of every class."""
    assert not tidy.tops(path) & set(tidy.ROOMS), f"{path}: import futurefsm.<room>"


def test_no_room_is_loaded_bare() -> None:
    loaded = {name.partition(".")[0] for name in sys.modules} & set(tidy.ROOMS)
    assert not loaded, f"a second copy of every class: {loaded}"


@pytest.mark.parametrize("name", PURE)
def test_pure_files_are_pure(name: str) -> None:
    path = tidy.ROOT / name
    assert path.is_file(), f"{name} is named as pure here, but does not exist"
    impure = tidy.tops(Path(name)) & IMPURE - PURE[name]
    assert not impure, f"{name} is pure and imports {impure}"


@pytest.mark.parametrize(
    "path", [p for p in tidy.sources("fsm") if p.parts[1] != "testing"], ids=ids
)
def test_every_file_of_fsm_is_pure_or_an_exception_by_name(path: Path) -> None:
    assert (str(path) in PURE) != (str(path) in FSM_IMPURE)


@pytest.mark.parametrize("path", tidy.room_sources(), ids=ids)
def test_heavy_libraries_are_imported_in_one_place(path: Path) -> None:
    for library in tidy.tops(path) & set(ONLY_IN):
        allowed = ONLY_IN[library]
        assert any(str(path) == each or str(path).startswith(each) for each in allowed), (
            f"{path} imports {library}, which only {', '.join(allowed)} may"
        )


# The test kits need the extra `testing`.
@pytest.mark.parametrize(
    "path", [p for p in tidy.room_sources() if "testing" not in p.parts], ids=ids
)
def test_optional_libraries_are_not_imported_with_the_file(path: Path) -> None:
    assert not tidy.tops(path, at_import=True) & OPTIONAL


def loads(module: str) -> set[str]:
    """The top modules that a fresh interpreter has loaded after importing one."""
    code = f"import sys, {module}; print(*{{n.partition('.')[0] for n in sys.modules}})"
    # Coverage, which measures child processes too, would load its own.
    environment = {key: value for key, value in os.environ.items() if "COVERAGE" not in key}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


LIGHT = {
    "futurefsm": {"capnp", "zmq", "asyncio", "transitions", "cloudpickle", "rich", "hypothesis"},
    "futurefsm.fsm": {"capnp", "zmq", "asyncio", "transitions", "cloudpickle", "hypothesis"},
    # Every run of pytest loads it where the package is installed.
    "futurefsm.fsm.testing.plugin": {"hypothesis", "greenlet", "asyncio", "transitions", "zmq"},
    "futurefsm.fsm.future": {"capnp", "zmq", "asyncio", "transitions", "cloudpickle"},
    "futurefsm.fsm.testing.threads.install": {"capnp", "asyncio", "hypothesis", "greenlet"},
    "futurefsm.protocol.messages": {"capnp", "zmq", "asyncio", "transitions"},
    "futurefsm.client.engine.worker": {"capnp", "zmq", "asyncio", "transitions", "multiprocessing"},
    "futurefsm.client.demo.work": {"capnp", "zmq", "asyncio", "transitions", "rich"},
    "futurefsm.client.cli": {"capnp", "zmq", "asyncio", "transitions", "rich", "cloudpickle"},
}


@pytest.mark.parametrize("module", LIGHT)
def test_importing_is_light(module: str) -> None:
    assert not loads(module) & LIGHT[module]
