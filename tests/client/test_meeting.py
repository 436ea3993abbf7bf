"""References and futures are met by a submit that looks for them, and by nobody else."""

import pickle
import threading

import pytest

from futurefsm.client.meeting import meet, met


class Shy:
    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        return meet(self, "not here")


def test_only_where_somebody_looks() -> None:
    shy = Shy()
    with met() as found:
        pickle.dumps([shy, {"again": shy}, Shy()])
        with met() as inner:
            pickle.dumps(shy)
        assert inner == [shy]
    assert found[0] is shy
    assert len(found) == 2
    with pytest.raises(TypeError, match="not here"):
        pickle.dumps(shy)


def test_each_thread_for_itself() -> None:
    errors: list[str] = []

    def other() -> None:
        try:
            pickle.dumps(Shy())
        except TypeError as error:
            errors.append(str(error))

    with met() as found:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert errors == ["not here"]
    assert found == []
