import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from futurefsm.protocol.session import SendHeartbeat, Session, Silent


def opened(**kwargs):
    session = Session(**kwargs)
    session.opened(100.0)
    return session


def watched(session, until):
    """What is due on the way, looking whenever it asks to be looked at."""
    due = ()
    while (deadline := session.deadline()) is not None and deadline < until:
        due += session.due(deadline)
    return due + session.due(until)


def test_nothing_is_due_before_it_is_open():
    session = Session()
    assert session.due(1e9) == ()
    assert session.deadline() is None


def test_a_heartbeat_is_due_at_once_and_only_once():
    session = opened()
    assert session.deadline() == 100.0
    assert session.due(100.0) == (SendHeartbeat(0),)
    assert session.due(100.0) == ()


def test_the_next_one_waits_for_the_echo_and_the_period():
    session = opened()
    session.due(100.0)
    assert session.due(103.0) == ()
    assert session.deadline() == 105.0
    assert session.echoed(103.5) == 3.5
    assert session.deadline() == 102.0
    assert session.due(103.5) == (SendHeartbeat(3_500_000),)
    assert session.echoed(103.6) == pytest.approx(0.1)
    assert session.due(105.4) == ()
    assert session.deadline() == 105.5
    assert session.due(105.5) == (SendHeartbeat(99_999),)


def test_an_echo_that_nobody_waits_for_is_only_a_sign_of_life():
    session = opened()
    session.due(100.0)
    session.echoed(100.5)
    assert session.echoed(101.0) is None
    assert session.due(101.5) == ()


def test_silence_is_told_once_and_ends_the_session():
    session = opened(timeout_s=5.0)
    session.due(100.0)
    assert watched(session, 104.999) == ()
    assert session.deadline() == 105.0
    assert session.due(105.5) == (Silent(5.5),)
    assert session.due(200.0) == ()
    assert session.deadline() is None


def test_any_message_is_a_sign_of_life():
    session = opened(timeout_s=5.0)
    session.due(100.0)
    session.heard(104.0)
    assert watched(session, 108.0) == ()
    assert session.deadline() == 109.0
    session.heard(103.0)  # a clock that two threads read may look as if it went back
    assert session.deadline() == 109.0


def test_time_in_which_nobody_looked_is_no_silence():
    # The process was stopped for an hour: the scheduler's answers were there all the time.
    session = opened(timeout_s=60.0)
    session.due(100.0)
    session.echoed(100.1)
    assert session.due(3700.0) == (SendHeartbeat(99_999),)
    assert watched(session, 3750.0) == ()
    (silent,) = watched(session, 3800.0)
    assert isinstance(silent, Silent)


def test_opened_again_begins_anew():
    session = opened(timeout_s=5.0)
    session.due(100.0)
    session.due(105.0)
    session.opened(110.0)
    assert session.due(110.0) == (SendHeartbeat(0),)


def test_a_latency_never_leaves_its_field():
    session = opened(timeout_s=1e6)
    session.due(100.0)
    session.echoed(100.0 + 5000)
    assert session.due(5200.0) == (SendHeartbeat(2**32 - 1),)
    session.echoed(5100.0)
    assert session.due(5300.0) == (SendHeartbeat(0),)


@pytest.mark.parametrize(("period", "timeout"), [(0, 1), (1, 0), (-1, 1), (1, float("nan"))])
def test_times_must_be_above_zero(period, timeout):
    with pytest.raises(ValueError, match="must be above zero"):
        Session(period, timeout)


@given(st.floats(0, 1e9), st.floats(1e-3, 1e6))
def test_a_deadline_that_has_come_gives_something_to_do(now, timeout):
    # Otherwise a pump that sleeps until the deadline would spin.
    session = Session(1.0, timeout)
    session.opened(now)
    for _ in range(3):
        deadline = session.deadline()
        # Something is due, or it asks to be looked at later.
        assert session.due(deadline) or session.deadline() > deadline
        if session.deadline() is None:
            break


class Timers(RuleBasedStateMachine):
    """Against the rules, told another way."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.session = Session(2.0, 60.0)
        self.session.opened(0.0)
        self.sent = self.silent = 0
        self.last_sent = None
        self.answered = True
        self.heard_at = 0.0

    @rule(step=st.floats(0, 90))
    def time_passes(self, step):
        end = self.now + step
        while (deadline := self.session.deadline()) is not None and deadline < end:
            self.now = max(self.now, deadline)
            self.look()
        self.now = end
        self.look()

    def look(self):
        due = self.session.due(self.now)
        assert len(due) <= 1
        for act in due:
            if isinstance(act, SendHeartbeat):
                assert self.answered
                assert self.last_sent is None or self.now - self.last_sent >= 1.999999
                self.last_sent, self.answered = self.now, False
            else:
                assert self.now - self.heard_at >= 59.999999
                self.silent += 1
        assert self.silent <= 1

    @rule()
    def echo(self):
        waited = not self.answered
        assert (self.session.echoed(self.now) is not None) == waited
        self.answered, self.heard_at = True, self.now

    @rule()
    def message(self):
        self.session.heard(self.now)
        self.heard_at = self.now


TestTimers = Timers.TestCase
TestTimers.settings = settings(max_examples=60, deadline=None)


def test_a_channel_that_came_back() -> None:
    """A heartbeat is due at once, whatever was asked before; silence goes on."""
    session = Session(period_s=2.0, timeout_s=60.0)
    session.reopened(0.0)  # nothing is open yet
    assert session.due(0.0) == ()
    session.opened(0.0)
    assert session.due(0.0) == (SendHeartbeat(0),)
    session.reopened(1.0)
    assert session.due(1.0) == (SendHeartbeat(0),)
    assert session.due(1.5) == ()
    now = 1.5
    while not (due := session.due(now)):
        now += 1.0
    assert isinstance(due[0], Silent)
    assert now < 61.0


def test_who_looks_late_was_away():
    session = Session(period_s=2.0)
    assert session.away(50.0) == 0.0
    session.opened(100.0)
    assert session.away(102.0) == 0.0
    assert session.away(110.0) == 8.0
    session.due(110.0)
    assert session.away(110.0) == 0.0
