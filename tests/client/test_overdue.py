"""Values whose bytes do not come: asked about once, after some patience, and named."""

from futurefsm.client.overdue import Overdue


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
