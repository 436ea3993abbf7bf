"""The peak of a process's memory: looked up only where it can have grown."""

import mmap
import os
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from futurefsm.client.engine.peak import Peak

MIB = 1 << 20


@pytest.fixture
def peak() -> Iterator[Peak]:
    made = Peak()
    yield made
    with suppress(OSError):
        os.close(made._fd)


def test_it_grows_with_what_is_touched(peak: Peak) -> None:
    before = peak.now()
    # Not from the heap, which may have room that was touched before.
    pages = mmap.mmap(-1, max(before, 64 * MIB) * 2)
    pages.write(b"x" * len(pages))
    pages.close()
    after = peak.now()
    assert after - before >= 64 * MIB
    assert peak.now() >= after


def test_it_is_looked_up_only_after_page_faults(
    peak: Peak, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        ru_minflt, ru_majflt, ru_maxrss = 5, 0, 7
        ru_utime, ru_stime = 1.0, 0.5

    monkeypatch.setattr("futurefsm.client.engine.peak.getrusage", lambda _: Usage)
    first = peak.now()
    assert [peak.now() for _ in range(10)] == [first] * 10
    assert peak.looks == 1
    Usage.ru_minflt += 1
    peak.now()
    Usage.ru_majflt += 1
    peak.now()
    assert peak.looks == 3


def test_a_file_that_user_code_closed(peak: Peak, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        ru_minflt, ru_majflt, ru_maxrss = 5, 0, 7
        ru_utime, ru_stime = 1.0, 0.5

    monkeypatch.setattr("futurefsm.client.engine.peak.getrusage", lambda _: Usage)
    os.close(peak._fd)
    assert peak.now() == 7 * 1024


def test_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*told: object) -> int:
        raise FileNotFoundError

    with monkeypatch.context() as without:
        without.setattr(os, "open", none)
        peak = Peak()
    assert peak.now() > MIB


def test_it_knows_the_processor_time(peak: Peak) -> None:
    begun = time.process_time()
    peak.now()
    # To the microsecond, of the system's own time too.
    assert begun - 1e-5 <= peak.cpu_seconds <= time.process_time() + 1e-5
    first = peak.cpu_seconds
    while time.process_time() < begun + 0.02:
        continue
    peak.now()
    assert peak.cpu_seconds - first >= 0.019
