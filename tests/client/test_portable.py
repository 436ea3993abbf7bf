"""Functions that run where this package is not installed."""

import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import cloudpickle

from futurefsm.client.chunks import run_chunk
from futurefsm.client.portable import Portable

BLOCKER = """
import pickle, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "futurefsm":
            raise ModuleNotFoundError(f"blocked: {name}")

sys.meta_path.insert(0, Block())
call = pickle.load(open(sys.argv[1], "rb"))
assert call([(2, 3), (3, 2)]) == [8, 9], call
assert not any(name.startswith("futurefsm") for name in sys.modules)
"""


def test_it_runs_without_the_package(tmp_path: Path) -> None:
    file = tmp_path / "call"
    file.write_bytes(cloudpickle.dumps(partial(Portable(run_chunk), pow), protocol=5))
    subprocess.run([sys.executable, "-c", BLOCKER, str(file)], check=True, timeout=60)


def test_it_is_called_here_too_and_pickled_once() -> None:
    before = cloudpickle.list_registry_pickle_by_value()
    portable = Portable(run_chunk)
    assert portable(pow, [(5, 2)]) == [25]
    assert portable.__reduce__()[1][0] is portable.__reduce__()[1][0]
    # Also by plain pickle, as a serializer of a user's own may do it.
    assert pickle.loads(pickle.dumps(portable))(pow, [(2, 4)]) == [16]
    assert cloudpickle.list_registry_pickle_by_value() == before
