"""Pickles in pieces: the bytes are those of any pickle, and what is large is not copied."""

import copyreg
import pickle
import sys
import tracemalloc
from typing import Any

import cloudpickle
import numpy as np
import pytest

from futurefsm.client.engine.pieces import ARRAY_BYTES, Pieces

PICKLERS = [pickle.Pickler, cloudpickle.Pickler]
LARGE = np.arange(ARRAY_BYTES // 8)


class Named(np.ndarray):  # type: ignore[type-arg]
    """Its own reduction is its author's."""


def read_only() -> Any:
    array = LARGE.copy()
    array.flags.writeable = False
    return array


def pickled(value: Any, make: Any = pickle.Pickler) -> bytes:
    made = Pieces()
    made.dump(value, make)
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
        {"one": LARGE, "two": [LARGE + 1, b"x" * ARRAY_BYTES, LARGE[1:]], "again": LARGE},
        "no array",
    ],
    ids=["large", "small", "fortran", "strided", "records", "own", "objects", "several", "none"],
)
def test_the_bytes_are_those_of_an_ordinary_pickle(value: Any, make: Any) -> None:
    assert pickled(value, make) == cloudpickle.dumps(value, protocol=5)


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
        made.dump([array], make)
        assert made.fits
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < array.nbytes / 8


@pytest.mark.parametrize("value", [LARGE, [LARGE, LARGE + 1], read_only(), b"x" * ARRAY_BYTES])
def test_beyond_the_limit_it_only_counts(value: Any) -> None:
    whole = Pieces()
    whole.dump(value)
    exact, less = Pieces(whole.size), Pieces(whole.size - 1)
    exact.dump(value)
    less.dump(value)
    assert exact.fits
    assert not less.fits
    assert less.size == whole.size
    assert not less.pieces


def test_what_somebody_has_said_of_arrays_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(copyreg.dispatch_table, np.ndarray, lambda array: (str, ("mine",)))
    assert pickle.loads(pickled([LARGE])) == ["mine"]


def test_what_others_have_registered_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(copyreg.dispatch_table, Pieces, lambda it: (int, (it.limit,)))
    assert pickle.loads(pickled([Pieces(7), LARGE]))[0] == 7


def test_where_nobody_has_loaded_it_there_are_no_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    value = [1, b"x" * ARRAY_BYTES]
    monkeypatch.delitem(sys.modules, "numpy")
    assert pickled(value) == pickle.dumps(value, 5)
