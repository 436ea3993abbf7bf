"""The tape: bytes as choices, and 0 past the end."""

from futurefsm.client.testing.tape import Tape


def test_choices_come_from_the_bytes_in_order() -> None:
    tape = Tape(bytes([7, 200, 5]))
    assert tape.next() == 7
    assert tape.rarely()
    assert tape.choose(3) == 2
    assert tape.ended


def test_past_its_end_every_choice_is_the_benign_one() -> None:
    tape = Tape(b"")
    assert tape.ended
    assert (tape.next(), tape.choose(9), tape.rarely()) == (0, 0, False)


def test_a_choice_of_one_reads_nothing() -> None:
    tape = Tape(b"\x05")
    assert tape.choose(1) == 0
    assert not tape.ended
