"""What a worker has begun, as its death leaves it."""

import errno
import os
from collections.abc import Iterator

import pytest

from futurefsm.client.engine import marks
from futurefsm.client.engine.marks import Mark, Marks


@pytest.fixture(params=["memory", "file"])
def book(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Marks]:
    if request.param == "file":
        # As on macOS.
        monkeypatch.delattr(os, "memfd_create", raising=False)
    made = Marks()
    yield made
    made.close()


def test_each_has_a_place_of_its_own(book: Marks) -> None:
    one, other = (Mark(os.dup(book.fd), at) for at in (book.take(), book.take()))
    assert [book.begun(at) for at in (0, 64)] == [0, 0]
    one.begins(7)
    other.begins(2**32 - 1)
    assert [book.begun(at) for at in (0, 64)] == [7, 2**32 - 1]


def test_whoever_gets_a_place_has_begun_nothing(book: Marks) -> None:
    at = book.take()
    Mark(os.dup(book.fd), at).begins(7)
    book.give_back(at)
    assert book.take() == at
    assert book.begun(at) == 0


def test_it_is_closed_once(book: Marks) -> None:
    book.close()
    book.close()
    assert book.fd == -1


def test_nobody_asks() -> None:
    Mark().begins(3)


def test_there_is_an_end_of_places(book: Marks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "_BYTES", 128)
    book.take()
    book.take()
    with pytest.raises(OSError, match="too many workers"):
        book.take()


def test_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "ftruncate", full)
    with pytest.raises(OSError, match="no space"):
        Marks()
    assert len(os.listdir("/proc/self/fd")) == before
