"""The engine and its peers, each as its own users have it, behind one small face.

Where a peer has a better way than the plain one (Dask gathers results in one go, and cuts no map
into chunks by itself), it is measured by that. All have as many worker processes.
"""

import concurrent.futures
import multiprocessing
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.rows import FORK_SERVER, POOL
from benchmarks.tasks import same_all

WORKERS = 2

Fn = Callable[..., Any]


class Peer:
    """An executor of `concurrent.futures`: also what the others are held against."""

    def __init__(self) -> None:
        self.executor: Any = self.opened()

    def opened(self) -> Any:
        return concurrent.futures.ProcessPoolExecutor(WORKERS)

    def submit(self, fn: Fn, *args: Any) -> Any:
        return self.executor.submit(fn, *args)

    def results(self, futures: list[Any]) -> list[Any]:
        return [future.result() for future in futures]

    def ask(self, future: Any) -> bool:
        """Ask for the cancel of what runs, and wait for nothing."""
        return bool(future.cancel())

    def map_same(self, items: Iterable[Any], chunk: int) -> list[Any]:
        """`tasks.same` of each item, in chunks."""
        from benchmarks.tasks import same

        return list(self.executor.map(same, items, chunksize=chunk))

    def close(self) -> None:
        self.executor.shutdown()


class ForkServer(Peer):
    """The same as it is by default from Python 3.14 on: its workers are not forks of this
    process, but of a clean one."""

    def opened(self) -> Any:
        context = multiprocessing.get_context("forkserver")
        return concurrent.futures.ProcessPoolExecutor(WORKERS, mp_context=context)


class Ours(Peer):
    """The client with its embedded engine."""

    def opened(self) -> Any:
        from futurefsm import Client

        return Client(workers=WORKERS)

    def ask(self, future: Any) -> bool:
        return bool(future.cancel(timeout=0))


class Loky(Peer):
    def opened(self) -> Any:
        import loky

        return loky.ProcessPoolExecutor(WORKERS)


class Pebble(Peer):
    def opened(self) -> Any:
        from pebble import ProcessPool

        return ProcessPool(max_workers=WORKERS)

    def submit(self, fn: Fn, *args: Any) -> Any:
        return self.executor.schedule(fn, args=args)

    def map_same(self, items: Iterable[Any], chunk: int) -> list[Any]:
        from benchmarks.tasks import same

        return list(self.executor.map(same, items, chunksize=chunk).result())

    def close(self) -> None:
        self.executor.stop()
        self.executor.join()


class Dask(Peer):
    def opened(self) -> Any:
        from distributed import Client, LocalCluster

        # A large argument is sent as it is: it says that it would rather not, and is quicker so.
        warnings.filterwarnings("ignore", message="Sending large graph")
        self.cluster = LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=None
        )
        return Client(self.cluster)

    def submit(self, fn: Fn, *args: Any) -> Any:
        # Pure ones would be run once only.
        return self.executor.submit(fn, *args, pure=False)

    def results(self, futures: list[Any]) -> list[Any]:
        return list(self.executor.gather(futures))

    def map_same(self, items: Iterable[Any], chunk: int) -> list[Any]:
        values = list(items)
        chunks = [values[at : at + chunk] for at in range(0, len(values), chunk)]
        futures = self.executor.map(same_all, chunks, pure=False)
        return [value for values in self.executor.gather(futures) for value in values]

    def close(self) -> None:
        self.executor.close()
        self.cluster.close()


PEERS: dict[str, type[Peer]] = {
    "ours": Ours,
    POOL: Peer,
    FORK_SERVER: ForkServer,
    "pebble": Pebble,
    "loky": Loky,
    "Dask": Dask,
}


def loaded(side: str) -> None:
    """Import what a program imports at its top, so that a start is a start only."""
    if side == "ours":
        from futurefsm import Client  # noqa: F401
    elif side == "pebble":
        import pebble  # noqa: F401
    elif side == "loky":
        import loky  # noqa: F401
    elif side == "Dask":
        import distributed  # noqa: F401
    else:
        from concurrent.futures import ProcessPoolExecutor  # noqa: F401
