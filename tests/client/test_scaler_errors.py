"""What a real worker sends about its own failures, with Scaler here and without it."""

import importlib.util
import pickle
import subprocess
import sys

import pytest

from futurefsm.client.errors import DeserializationError, RemoteError
from futurefsm.client.scaler_errors import OURS, THEIRS, ClusterError, class_for, loads
from futurefsm.fsm.errors import WorkerDiedError

SAID = "process_status='zombie' exitcode=-9 (SIGKILL)"


def named(name: str, text: str) -> bytes:
    """A plain pickle, as Python makes it of an instance of Scaler's class."""
    return f"c{THEIRS}\n{name}\n".encode() + b"(V" + text.encode("raw_unicode_escape") + b"\ntR."


# Recorded from workers of Scaler 2.9.0, which have tblib: the same, with a traceback and notes.
@pytest.fixture(scope="module")
def recorded() -> dict[str, bytes]:
    """Pickles that Scaler's own code made of its own errors."""
    if importlib.util.find_spec("scaler") is None:
        pytest.skip("opengris-scaler is not installed")
    script = f"""
import pickle, sys
import tblib.pickling_support
import {THEIRS} as theirs
from scaler.utility.serialization import serialize_failure
tblib.pickling_support.install()
made = {{}}
for name in {sorted(OURS)}:
    try:
        raise getattr(theirs, name)({SAID!r})
    except Exception as error:
        made[name] = serialize_failure(error)
sys.stdout.buffer.write(pickle.dumps(made))
"""
    done = subprocess.run([sys.executable, "-c", script], stdout=-1, check=True, timeout=120)
    made = pickle.loads(done.stdout)
    assert isinstance(made, dict)
    return made


def test_a_dead_worker() -> None:
    error = loads(named("ProcessorDiedError", SAID))
    assert isinstance(error, WorkerDiedError)
    assert error.exit_code == -9
    assert "signal 9 (SIGKILL)" in str(error)
    assert SAID in str(error)
    assert loads(named("ProcessorDiedError", "nobody knows")).exit_code is None
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.exit_code) == (type(error), -9)


def test_the_others() -> None:
    error = loads(named("DeserializeObjectError", "failed: ModuleNotFoundError: x"))
    assert isinstance(error, DeserializationError)
    assert "ModuleNotFoundError: x" in str(error)
    error = loads(named("TaskExceptionNotSerializableError", "Mine: text"))
    assert isinstance(error, RemoteError)
    assert (error.type_name, error.message) == ("Mine", "text")
    assert "Mine: text" in str(error)
    error = loads(named("SchedulerError", "inconsistent"))
    assert isinstance(error, ClusterError)
    assert str(error) == "inconsistent"
    for name in OURS:
        assert isinstance(class_for(name)(), OURS[name])
        assert class_for(name).__name__ == name


def test_what_scaler_makes_is_understood(recorded: dict[str, bytes]) -> None:
    for name, payload in recorded.items():
        error = loads(payload)
        assert isinstance(error, OURS[name])
        assert SAID in str(error)
        assert error.__traceback__ is not None


BLOCKED = """
import pickle, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "scaler":
            raise ModuleNotFoundError(f"blocked: {name}")

sys.meta_path.insert(0, Block())
from futurefsm.client import scaler_errors
for name, payload in pickle.loads(sys.stdin.buffer.read()).items():
    error = scaler_errors.loads(payload)
    assert isinstance(error, scaler_errors.OURS[name]), error
    print(str(error))
"""


def test_where_scaler_is_not_installed(recorded: dict[str, bytes]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED],
        input=pickle.dumps(recorded),
        stdout=-1,
        check=True,
        timeout=60,
    )
    assert done.stdout.decode().count(SAID) == len(recorded)


def test_they_are_scalers_own_too_where_a_program_has_loaded_those(
    recorded: dict[str, bytes],
) -> None:
    theirs = pytest.importorskip(THEIRS)
    for name, payload in recorded.items():
        error = loads(payload)
        assert isinstance(error, getattr(theirs, name))
        assert isinstance(error, OURS[name])
