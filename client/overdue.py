"""Values whose bytes do not come although the object store answers. PURE.

A store answers a request for an object that it does not have when it gets it: for ever, where that
never happens. (An evicted client's objects are gone; a scheduler may name a result that never comes
into existence.) What exists is answered in the order of asking. So after some patience something
small is stored; when the store says that it has it, what was asked for long before is not there.
"""

from collections.abc import Iterable

# So many lost values are remembered.
GIVEN_UP_MAX = 4096


class Overdue:
    """Watches what is being fetched.

    Args:
        patience_s: how long the bytes may take without a question.
    """

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self._since: dict[bytes, float] = {}
        self._suspects: tuple[bytes, ...] = ()
        self._given_up: set[bytes] = set()

    def look(self, fetching: Iterable[bytes], now: float) -> bool:
        """Whether to ask the store for a sign of life. Called every few seconds.

        Args:
            fetching: ids of the objects whose bytes are awaited.
        """
        since = self._since
        self._since = {each: since.get(each, now) for each in fetching}
        if self._suspects:
            return False
        late = now - self.patience_s
        self._suspects = tuple(each for each, then in self._since.items() if then <= late)
        return bool(self._suspects)

    def answered(self) -> tuple[bytes, ...]:
        """The store has answered: ids of those that it passed over, if they are still awaited."""
        suspects, self._suspects = self._suspects, ()
        return suspects

    def give_up(self, object_id: bytes) -> None:
        """Its value is lost. Should its bytes come all the same, `came` knows them."""
        if len(self._given_up) < GIVEN_UP_MAX:
            self._given_up.add(object_id)

    def came(self, object_id: bytes) -> bool:
        """Whether these bytes were given up."""
        known = object_id in self._given_up
        self._given_up.discard(object_id)
        return known
