"""What a worker runs for a chunk."""

from typing import Any

import pytest

from futurefsm.client.chunks import run_chunk, run_columns


def test_one_call_for_each_tuple_in_order() -> None:
    assert run_chunk(pow, [(2, 3), (3, 2), (5, 1)]) == [8, 9, 5]
    assert run_chunk(pow, []) == []


def test_columns_are_called_row_by_row() -> None:
    assert run_columns(abs, ((-1, 2),)) == [1, 2]
    assert run_columns(pow, ((2, 3, 5), (3, 2, 1))) == [8, 9, 5]


@pytest.mark.parametrize("columns", [((1, 2),), ((1, 2), (1, 2))])
def test_a_functions_stop_iteration_is_an_error_like_another(columns: Any) -> None:
    def stops(*args: Any) -> None:
        raise StopIteration

    with pytest.raises(StopIteration):
        run_columns(stops, columns)
