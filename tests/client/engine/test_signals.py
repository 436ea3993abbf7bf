"""Signals as a descriptor."""

import os
import select
import signal

from futurefsm.client.engine.signals import Signals


def test_what_came_is_told_and_what_was_is_again() -> None:
    before = signal.getsignal(signal.SIGUSR2)
    signals = Signals((signal.SIGUSR2, signal.SIGCHLD))
    try:
        os.kill(os.getpid(), signal.SIGUSR2)
        ready = select.poll()
        ready.register(signals.fd, select.POLLIN)
        assert ready.poll(60_000)
        assert signal.SIGUSR2 in signals.take()
    finally:
        signals.close()
    assert signal.getsignal(signal.SIGUSR2) is before
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
    assert signal.set_wakeup_fd(-1) == -1
