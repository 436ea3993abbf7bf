"""Work shared among processes, and what becomes of one that fails."""

import multiprocessing
import os
from typing import Any

import pytest

from futurefsm.fsm.testing.jobs import shared, tell


def test_each_part_is_done_once_and_only_the_first_here() -> None:
    done = shared(lambda number: (number, os.getpid()), 3)
    assert [number for number, _ in done] == [0, 1, 2]
    assert done[0][1] == os.getpid()
    assert len({process for _, process in done}) == 3


def test_one_job_needs_no_other_process() -> None:
    assert shared(lambda number: os.getpid(), 1) == [os.getpid()]
    with pytest.raises(ValueError, match="jobs must be at least 1"):
        shared(lambda number: number, 0)


def test_what_is_raised_there_is_raised_here() -> None:
    def work(number: int) -> int:
        return 1 // (1 - number)

    with pytest.raises(ZeroDivisionError):
        shared(work, 2)


def test_a_process_that_is_killed_is_not_waited_for() -> None:
    def work(number: int) -> int:
        if number:
            os._exit(9)
        return number

    with pytest.raises(RuntimeError, match="ended without a word"):
        shared(work, 2)


@pytest.mark.parametrize(
    ("work", "heard"),
    [
        (lambda number: number + 1, (2, "None")),
        (lambda number: [][number], (None, "IndexError('list index out of range')")),
        (lambda number: lambda: 0, (None, "RuntimeError")),
    ],
)
def test_what_a_process_says(work: Any, heard: tuple[Any, str]) -> None:
    here, there = multiprocessing.Pipe(duplex=False)
    with here, there:
        tell(work, 1, there)
        result, error = here.recv()
    assert result == heard[0]
    assert repr(error).startswith(heard[1])
