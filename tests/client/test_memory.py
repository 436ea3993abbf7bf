"""A client that is short of memory: one result is lost, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """\
import resource
from futurefsm.client.client import Client
from futurefsm.fsm.errors import ResultLostError

with Client(workers=1) as client:
    assert client.submit(pow, 2, 5).result(60) == 32
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (80 << 20), -1))
    big, small = client.submit(bytes, 300 << 20), client.submit(pow, 2, 3)
    try:
        big.result(60)
    except ResultLostError as error:
        print(error)
    assert small.result(60) == 8
    assert client.submit(pow, 2, 4).result(60) == 16
    print("alive")
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_a_result_larger_than_the_clients_memory(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=100, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "this process has no memory for them" in ended.stdout
    assert ended.stdout.endswith("alive\n")
