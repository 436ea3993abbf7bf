"""What a worker runs for a chunk."""

from futurefsm.client.chunks import run_chunk


def test_one_call_for_each_tuple_in_order() -> None:
    assert run_chunk(pow, [(2, 3), (3, 2), (5, 1)]) == [8, 9, 5]
    assert run_chunk(pow, []) == []
