"""How connections are left where the peer may still talk: behind our FIN its words are read, and
thrown away, until it has ended too. To close at once would be a reset."""

import select
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic

from futurefsm.protocol.transport.ymq import YmqStream

PARTING_S = 0.5
"""A peer may need so long to end, in seconds, when it was told that the link ends here. Most end in
a millisecond; one that was stopped does not."""

PARTING_BYTES = 64 * 2**20
"""So many bytes of each are thrown away meanwhile. A peer that says more is not about to end."""


def see_off(streams: Iterable[YmqStream], deadline: float) -> None:
    """Throw away what comes, until all peers have ended; until the deadline, or `PARTING_S` long.

    Args:
        streams: our side of each has ended.
        deadline: monotonic seconds.
    """
    deadline = min(deadline, monotonic() + PARTING_S)
    ready = select.poll()
    left = {stream.poll_item: stream for stream in streams}
    taken = dict.fromkeys(left, 0)
    for fd in left:
        ready.register(fd, select.POLLIN)
    while left and (found := ready.poll(max(0.0, deadline - monotonic()) * 1000)):
        for fd, _ in found:
            count = 0
            with suppress(OSError):  # a reset is an end as well
                count = left[fd].discard()
            taken[fd] += count
            if not count or taken[fd] >= PARTING_BYTES:
                ready.unregister(fd)
                del left[fd]
