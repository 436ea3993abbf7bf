"""Values whose bytes do not come: asked about once, after some patience, and named."""

from futurefsm.client.overdue import GIVEN_UP_MAX, Overdue


def test_nothing_is_asked_while_bytes_come_in_time() -> None:
    it = Overdue(10.0)
    assert not it.look([b"a"], 0.0)
    assert not it.look([b"a", b"b"], 9.0)
    assert not it.look([b"b"], 18.0)
    assert not it.look([], 30.0)


def test_what_is_late_is_asked_about_once_and_named() -> None:
    it = Overdue(10.0)
    assert not it.look([b"a", b"b"], 0.0)
    assert not it.look([b"a", b"b", b"c"], 5.0)
    assert it.look([b"a", b"b", b"c"], 10.0)
    assert not it.look([b"a", b"b", b"c"], 40.0), "one question at a time"
    assert it.answered() == (b"a", b"b")
    assert it.answered() == ()
    # The younger one has its own turn.
    assert it.look([b"c"], 42.0)
    assert it.answered() == (b"c",)


def test_bytes_that_come_after_all_are_known_once() -> None:
    it = Overdue(10.0)
    it.give_up(b"a")
    assert not it.came(b"b")
    assert it.came(b"a")
    assert not it.came(b"a")
    for number in range(GIVEN_UP_MAX + 10):
        it.give_up(b"%d" % number)
    assert it.came(b"0")
    assert not it.came(b"%d" % (GIVEN_UP_MAX + 5)), "what is remembered is bounded"
