import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.task_flags import Profile, TaskFlags


def test_the_default_flags_are_the_recorded_ones():
    assert TaskFlags().pack() == bytes(6)


@given(st.booleans(), st.integers(0, 2**31 - 1), st.booleans())
def test_flags_round_trip(profiling, priority, stream_output):
    flags = TaskFlags(profiling, priority, stream_output)
    assert len(flags.pack()) == 6
    assert TaskFlags.unpack(flags.pack()) == flags


@pytest.mark.parametrize("priority", [-1, 2**31])
def test_a_poisonous_priority_is_not_sent(priority):
    with pytest.raises(ValueError, match="priority must lie"):
        TaskFlags(priority=priority).pack()


def test_a_poisonous_priority_is_not_accepted():
    with pytest.raises(ProtocolError, match="negative task priority -1"):
        TaskFlags.unpack(b"\x00\xff\xff\xff\xff\x00")


@pytest.mark.parametrize("size", [1, 5, 7])
def test_flags_of_another_length(size):
    with pytest.raises(ProtocolError, match=f"task flags of {size} bytes"):
        TaskFlags.unpack(bytes(size))


def test_absent_means_defaults():
    assert TaskFlags.unpack(b"") == TaskFlags()
    assert Profile.unpack(b"") == Profile()


@given(
    st.floats(0, width=32, allow_nan=False),
    st.integers(0, 2**64 - 1),
    st.floats(0, width=32, allow_nan=False),
)
def test_profiles_round_trip(seconds, peak, cpu):
    profile = Profile(seconds, peak, cpu)
    assert len(profile.pack()) == 16
    assert Profile.unpack(profile.pack()) == profile


def test_a_recorded_profile():
    profile = Profile.unpack(bytes.fromhex("3b674ff9000000000000000000000000"))
    assert math.isclose(profile.seconds, 0.0035295, rel_tol=1e-3)
    assert (profile.peak_bytes, profile.cpu_seconds) == (0, 0)


@pytest.mark.parametrize(
    "profile", [Profile(peak_bytes=-1), Profile(peak_bytes=2**64), Profile(seconds=1e300)]
)
def test_what_does_not_fit_is_named(profile):
    with pytest.raises(ValueError, match="does not fit the wire"):
        profile.pack()


def test_profiles_of_another_length():
    with pytest.raises(ProtocolError, match="a task profile of 15 bytes"):
        Profile.unpack(bytes(15))
