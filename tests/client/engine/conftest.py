"""What all tests of the engine share: helpers on the path, and the check that nothing is left."""

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

sys.path.insert(0, os.path.dirname(__file__))

from engine_client import EngineClient
from pool_world import PoolWorld

from futurefsm.client.engine.launch import EngineHandle, launch


def _state() -> tuple[set[int], int, int]:
    me = psutil.Process()
    return (
        {child.pid for child in me.children(recursive=True)},
        me.num_fds(),
        threading.active_count(),
    )


@pytest.fixture(autouse=True)
def _nothing_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """After each test: no process, directory, descriptor or thread that was not there before.

    What has ended may need a moment to be gone for the system.
    """
    tmp_path_factory.getbasetemp()
    place = tempfile.mkdtemp(prefix="ft-")
    monkeypatch.setattr(tempfile, "tempdir", place)
    children, fds, threads = _state()
    yield
    deadline = time.monotonic() + 20
    while True:
        children_now, fds_now, threads_now = _state()
        left = os.listdir(place)
        more = left or children_now - children or fds_now > fds or threads_now > threads
        if not more or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    shutil.rmtree(place)
    assert left == []
    assert children_now <= children
    assert fds_now <= fds
    assert threads_now <= threads


@pytest.fixture
def pool() -> Iterator[PoolWorld]:
    """A pool without workers."""
    with PoolWorld() as world:
        yield world


@pytest.fixture
def engine() -> Iterator[Callable[..., EngineHandle]]:
    """Starts engines that are closed after the test."""
    started: list[EngineHandle] = []

    def start(workers: int = 1, **options: Any) -> EngineHandle:
        started.append(launch(workers, **options))
        return started[-1]

    yield start
    for handle in started:
        handle.close()


@pytest.fixture
def client(engine: Callable[..., EngineHandle]) -> Iterator[EngineClient]:
    """A client of an engine with one worker."""
    with EngineClient(engine(1)) as one:
        yield one


@pytest.fixture
def world(pool: PoolWorld) -> PoolWorld:
    """A pool with one worker, number 0."""
    pool.start()
    return pool
