import pytest

from futurefsm.protocol.transport.buffers import KEPT, LEAST, MOST, Buffers, Spare, give_back


def test_a_buffer_comes_back_and_is_lent_again():
    buffers = Buffers()
    first = buffers.take(LEAST + 1)
    assert len(first) >= LEAST + 1
    message = memoryview(first)[: LEAST + 1]
    give_back(message)
    assert len(buffers) == 1
    # Nobody can read what is no message any more.
    with pytest.raises(ValueError, match="released"):
        message[0]
    assert buffers.take(LEAST + 2) is first
    assert len(buffers) == 0


def test_it_grows_and_never_shrinks():
    buffers = Buffers()
    buffer = buffers.take(LEAST + 1)
    give_back(memoryview(buffer))
    assert buffers.take(MOST) is buffer
    assert len(buffer) >= MOST
    give_back(memoryview(buffer))
    assert len(buffers.take(LEAST + 1)) >= MOST


@pytest.mark.parametrize("size", [0, LEAST, MOST + 1, 2**40])
def test_sizes_for_which_there_is_none(size):
    assert Buffers().take(size) is None


def test_only_so_many_are_kept():
    buffers = Buffers()
    lent = [buffers.take(LEAST + 1) for _ in range(KEPT + 2)]
    for each in lent:
        give_back(memoryview(each))
    assert len(buffers) == KEPT


def test_what_is_no_spare_buffer_is_left_alone():
    plain = memoryview(bytearray(3))
    for other in (b"bytes", bytearray(3), plain, memoryview(Spare())[:0], None):
        if isinstance(other, memoryview) and isinstance(other.obj, Spare):
            other.obj.home = None
        give_back(other)
    assert plain[0] == 0


def test_one_of_which_somebody_has_a_part_is_not_lent_again():
    buffers = Buffers()
    message = memoryview(buffers.take(LEAST + 1))
    with memoryview(message) as part:
        part[0] = 7
        held = (c for c in part)  # a view of the view
        give_back(message)
        assert next(held) == 7
