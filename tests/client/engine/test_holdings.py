"""What workers hold: the engine's book and the worker's say the same, whatever is taken back."""

from random import Random
from typing import Any

import pytest

from futurefsm.client.engine import frames, holdings
from futurefsm.client.engine.holdings import Blob, Holding, Holdings
from futurefsm.protocol.piggyback import Handed


def blob(name: str, size: int = 3) -> Blob:
    return name.encode().ljust(32), b"x" * size


def parsed(message: list[Any]) -> frames.Run:
    return frames.parse_head(message[0][frames.TO_WORKER.size :])


def say(holding: Holding, function: Blob, *arguments: Blob) -> frames.Run:
    return parsed(holding.message(1, None, function, arguments, 0, False))


def offer(holding: Holding, function: Blob, *arguments: Blob) -> frames.Run | None:
    message = holding.offer(1, None, function, arguments, 0)
    return None if message is None else parsed(message)


def test_what_is_held_is_not_sent_again() -> None:
    holding = Holdings().of(0)
    first, again = say(holding, blob("f")), say(holding, blob("f"))
    assert first[2] == (b"f" + blob("f")[0], 3, True)
    assert again[2] == (b"f" + blob("f")[0], frames.ABSENT, True)
    # An argument is kept when it comes again.
    sizes = [say(holding, blob("f"), blob("a"))[3][0][1:] for _ in range(3)]
    assert sizes == [(3, False), (3, True), (frames.ABSENT, True)]


def test_what_is_deleted_is_told_once() -> None:
    book = Holdings()
    one, two = book.of(1), book.of(2)
    say(one, blob("f"))
    say(two, blob("f"))
    say(two, blob("g"))
    assert book.forget([blob("f")[0], blob("unknown")[0]]) == [1, 2]
    assert one.to_forget() == two.to_forget() == (b"f" + blob("f")[0],)
    assert one.to_forget() == ()
    assert book.forget([blob("f")[0]]) == []
    two.drop_all()
    assert book.holders == {}
    # Nor is it remembered that an argument came once: most come once only, and there are millions.
    say(two, blob("f"), blob("a"))
    assert book.forget([blob("a")[0]]) == []
    assert book.seen == set()


def test_one_object_in_two_roles() -> None:
    book = Holdings()
    holding = book.of(0)
    for _ in range(2):
        say(holding, blob("f"), blob("f"))
    assert book.forget([blob("f")[0]]) == [0]
    assert sorted(holding.to_forget()) == [b"a" + blob("f")[0], b"f" + blob("f")[0]]


def test_an_offer_changes_nothing() -> None:
    book = Holdings()
    holding = book.of(0)
    assert offer(holding, blob("f")) is None
    say(holding, blob("f"))
    run = offer(holding, blob("f"), blob("a"))
    assert run is not None
    assert run[2] == (b"f" + blob("f")[0], frames.ABSENT, True)
    # It may be taken back: the argument has not come once.
    assert run[3] == ((b"a" + blob("a")[0], 3, False),)
    assert say(holding, blob("f"), blob("a"))[3][0][2] is False
    # What is to be forgotten goes with a message that arrives for certain.
    say(holding, blob("g"))
    book.forget([blob("g")[0]])
    assert offer(holding, blob("f")) is None
    assert say(holding, blob("f"))[4] == (b"f" + blob("g")[0],)
    assert offer(holding, blob("f")) is not None


def test_an_offer_needs_the_serializer_too() -> None:
    holding = Holdings().of(0)
    codec = blob("s")
    say(holding, blob("f"))
    assert holding.offer(1, codec, blob("f"), (), 0) is None
    holding.message(1, codec, blob("f"), (), 0, False)
    message = holding.offer(7, codec, blob("f"), (), 3)
    assert message is not None
    assert parsed(message)[:2] == (7, (b"s" + codec[0], frames.ABSENT, True))
    assert parsed(message)[5] == 3


class FakeWorker:
    """Keeps and forgets as it is told, and must hold what it is not sent."""

    def __init__(self) -> None:
        self.held: set[bytes] = set()

    def take(self, run: frames.Run) -> None:
        self.held.difference_update(run[4])
        assert run[2] is not None
        for key, size, keep in (run[2], *run[3]):
            assert size != frames.ABSENT or key in self.held
            if keep:
                self.held.add(key)


@pytest.mark.parametrize("seed", range(20))
def test_both_books_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdings, "CACHE_ENTRIES", 4)
    random, book, worker = Random(seed), Holdings(), FakeWorker()
    holding = book.of(0)
    sent: list[frames.Run] = []
    offered: list[frames.Run] = []
    taken_back = 0
    for _ in range(600):
        what = random.random()
        names = [str(random.randrange(6)) for _ in range(3)]
        blobs = blob(names[0]), blob(names[1]), blob(names[2])
        if what < 0.2 and not (sent or offered):
            sent.append(say(holding, *blobs))
        elif what < 0.6:
            made = offer(holding, *blobs)
            if made is not None:
                offered.append(made)
        elif what < 0.8 and (sent or offered):
            worker.take((sent or offered).pop(0))
        elif what < 0.9:
            book.forget([blob(names[0])[0]])
        elif offered:
            # Any of them: the worker may take one while its neighbours are taken back.
            taken_back += 1
            del offered[random.randrange(len(offered))]
    assert taken_back


class Large(Handed):
    """What can be handed over."""

    def __len__(self) -> int:
        return 5

    def view(self) -> memoryview:
        return memoryview(b"large")


@pytest.mark.parametrize("room", [True, False])
def test_a_large_argument_is_handed_over_where_there_is_room(room: bool) -> None:
    given: list[Any] = []
    large = Large()
    holding = Holdings().of(0, lambda what, number: given.append((what, number)) or room)  # type: ignore[func-returns-value]
    argument = (b"a" * 32, large)
    message = holding.message(7, None, blob("f"), [argument, blob("b")], 0, False)
    sizes = [part[1] for part in parsed(message)[3]]
    assert given == [(large, 7)]
    assert sizes == [frames.aside(5) if room else 5, 3]
    assert frames.aside(sizes[0]) == 5 or not room
    assert b"".join(message[1:]) == b"xxx" + (b"" if room else b"large") + b"xxx"
    # It is in the same book as all others.
    again = [parsed(holding.message(8, None, blob("f"), [argument], 0, False))[3] for _ in range(2)]
    assert [parts[0][1] for parts in again] == [sizes[0], frames.ABSENT]


def test_what_was_handed_over_counts_against_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is in the message; the worker keeps it all the same."""
    monkeypatch.setattr(holdings, "CACHE_BYTES", 20)
    holding = Holdings().of(0, lambda what, number: True)
    arguments = [(bytes([at]) * 32, Large()) for at in range(6)]
    runs = [
        parsed(holding.message(7, None, blob("f"), [each], 0, False))
        for each in arguments
        for _ in range(2)
    ]
    forgotten = [key for run in runs for key in run[4]]
    # The function has 3 bytes of the 20, each of them 5; who has not been used for longest goes.
    assert forgotten == [b"a" + each[0] for each in arguments[:3]]


def test_where_nothing_can_be_handed_over_bytes_are_sent() -> None:
    holding = Holdings().of(0)
    message = holding.message(7, None, blob("f"), [(b"a" * 32, Large())], 0, False)
    assert message[-1] == b"large"
