"""What Scaler's own client finds inside a task. On a whole engine: tests/cluster."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from futurefsm.client.engine import scaler_context
from futurefsm.client.engine.context import Context
from futurefsm.client.engine.scaler_context import Processor

_ASK = """\
import json, sys
from futurefsm.client.engine import context, scaler_context
scaler_context.install("tcp://127.0.0.1:2")
before = len(sys.meta_path)
assert "scaler" not in sys.modules
from scaler.worker.agent.processor.processor import Processor
assert len(sys.meta_path) == before - 1
outside = Processor.get_current_processor()
context.enter(context.Context("tcp://127.0.0.1:1", "ymq", 4))
inside = Processor.get_current_processor()
from scaler.utility.metadata.task_flags import retrieve_task_flags_from_task
print(json.dumps([
    outside,
    repr(inside.scheduler_address()),
    str(inside.object_storage_address()),
    retrieve_task_flags_from_task(inside.current_task()).priority,
]))
"""


def test_scalers_own_class_answers_from_here() -> None:
    if importlib.util.find_spec("scaler") is None:
        missing = "opengris-scaler is not installed"
        assert not os.environ.get("FUTUREFSM_NO_SYSTEM_SKIPS"), missing
        pytest.skip(missing)
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout) == [None, "tcp://127.0.0.1:1", "tcp://127.0.0.1:2", 4]


def test_an_embedded_engine_has_no_port() -> None:
    here = Processor(Context("ipc:///x", "zmq", 0), "", str)
    with pytest.raises(ValueError, match="futurefsm engine"):
        here.scheduler_address()


def test_other_imports_pass() -> None:
    scaler_context.install("")
    (finder,) = (one for one in sys.meta_path if isinstance(one, scaler_context.Finder))
    assert finder.find_spec("json") is None
    # Where Scaler is not installed, nobody is found, and it is gone all the same.
    assert finder.find_spec(scaler_context.MODULE, ["/nowhere"]) is None
    assert finder not in sys.meta_path
