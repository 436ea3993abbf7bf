"""Pickles in pieces: the bytes are those of any pickle, and what is large is not copied."""

import pickle
import sys
import tracemalloc
from typing import Any

import cloudpickle
import numpy as np
import pytest

from futurefsm.client.engine.pieces import PROTOCOL, Pieces

PICKLERS = [pickle.Pickler, cloudpickle.Pickler]
LARGE_BYTES = 256 * 1024
LARGE = np.arange(LARGE_BYTES // 8)


class Named(np.ndarray):  # type: ignore[type-arg]
    """Its own reduction is its author's."""


def read_only() -> Any:
    array = LARGE.copy()
    array.flags.writeable = False
    return array


def pickled(value: Any, make: Any = pickle.Pickler) -> bytes:
    made = Pieces()
    make(made, PROTOCOL).dump(value)
    whole = b"".join(made.pieces)
    assert made.size == len(whole)
    return whole


@pytest.mark.parametrize("make", PICKLERS)
@pytest.mark.parametrize(
    "value",
    [
        LARGE,
        LARGE[:-1],
        np.asfortranarray(LARGE.reshape(8, -1)),
        LARGE[::2],
        LARGE.astype([("a", "f8"), ("b", "i4")]),
        LARGE.view(Named),
        np.array([None, 1]),
        {"one": LARGE, "two": [LARGE + 1, b"x" * LARGE_BYTES, LARGE[1:]], "again": LARGE},
        "no array",
    ],
    ids=["large", "small", "fortran", "strided", "records", "own", "objects", "several", "none"],
)
def test_the_bytes_are_those_of_an_ordinary_pickle(value: Any, make: Any) -> None:
    assert pickled(value, make) == cloudpickle.dumps(value, protocol=5)


class Columns:
    """What is stored column by column, and does not turn itself round as numpy's arrays do."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __reduce_ex__(self, protocol: Any) -> Any:
        return bytes, (pickle.PickleBuffer(self.array),)


def test_memory_in_any_order() -> None:
    array = np.asfortranarray(LARGE.reshape(8, -1))
    made = Pieces()
    pickle.Pickler(made, PROTOCOL).dump(Columns(array))
    assert all(memoryview(piece).cast("B") for piece in made.pieces)
    assert pickle.loads(b"".join(made.pieces)) == array.tobytes("F")


class Packs:
    """Its objects are packed into memory that they share, each over the other."""

    shared = bytearray(LARGE_BYTES)

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce_ex__(self, protocol: Any) -> Any:
        self.shared[:] = bytes([self.number]) * LARGE_BYTES
        return max, (pickle.PickleBuffer(self.shared),)


@pytest.mark.parametrize("loaded", [True, False])
def test_memory_that_is_lent_to_one_after_the_other(
    loaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not loaded:
        monkeypatch.delitem(sys.modules, "numpy")
    assert pickle.loads(pickled([Packs(1), Packs(2), Packs(3)])) == [1, 2, 3]


def test_what_cannot_be_written_to_stays_so() -> None:
    array = read_only()
    one, same, other = pickle.loads(pickled([array, array, LARGE]))
    assert one is same
    assert not one.flags.writeable
    assert other.flags.writeable
    assert (one == LARGE).all()


@pytest.mark.parametrize("make", PICKLERS)
@pytest.mark.parametrize("array", [LARGE.copy(), read_only()], ids=["writable", "read-only"])
def test_the_memory_of_an_array_is_not_copied(array: Any, make: Any) -> None:
    array = array.repeat(32)
    array.flags.writeable = False
    tracemalloc.start()
    try:
        made = Pieces()
        make(made, PROTOCOL).dump([array])
        assert made.fits
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < array.nbytes / 8


@pytest.mark.parametrize("value", [LARGE, [LARGE, LARGE + 1], read_only(), b"x" * LARGE_BYTES])
def test_beyond_the_limit_it_only_counts(value: Any) -> None:
    whole = Pieces()
    pickle.Pickler(whole, PROTOCOL).dump(value)
    exact, less = Pieces(whole.size), Pieces(whole.size - 1)
    for each in (exact, less):
        pickle.Pickler(each, PROTOCOL).dump(value)
    assert exact.fits
    assert b"".join(exact.pieces) == b"".join(whole.pieces)
    assert not less.fits
    assert less.size == whole.size
    assert not less.pieces
