"""The one-shot event."""

import threading

from futurefsm.client.latch import Latch

PATIENCE_S = 60.0


def test_not_set() -> None:
    latch = Latch()
    assert not latch.is_set()
    assert not latch.wait(0)
    assert not latch.wait(-1)
    assert not latch.wait(0.01)


def test_all_who_wait_go_on() -> None:
    latch, through = Latch(), threading.Semaphore(0)

    def wait() -> None:
        assert latch.wait()
        through.release()

    for _ in range(3):
        threading.Thread(target=wait, daemon=True).start()
    latch.set()
    latch.set()
    for _ in range(3):
        assert through.acquire(timeout=PATIENCE_S)
    assert latch.is_set()
    assert latch.wait(1e300)
