"""Graphs in the scheduler, pure: who is answered what, in which order."""

import pickle
from collections import Counter

import pytest
from scheduler_desk import ANNA, BERT, CANCELED, FUNCTION, NOT_FOUND, Desk, confirm

from futurefsm.client.engine import outputs as out
from futurefsm.client.errors import ObjectStoreFullError, TaskRefusedError, WorkerStartError
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import owner_prefix

SUCCESS, FAILED, DIED = m.TaskResultType
G = b"graph"


def node(name: str, *needs: str, **more: object) -> m.Task:
    arguments = tuple(
        m.Argument(m.ArgumentType.OBJECT_ID, one.encode() * 32)
        if one.startswith("!")
        else m.Argument(m.ArgumentType.TASK, one.encode())
        for one in needs
    )
    fields = {
        "task_id": name.encode(),
        "source": ANNA,
        "metadata": b"",
        "func_object_id": FUNCTION,
        "function_args": arguments,
    }
    return m.Task(**fields | more)  # type: ignore[arg-type]


class GraphDesk(Desk):
    """Plays the store and the workers of a graph."""

    def graph(self, *nodes: m.Task, targets: str = "") -> None:
        wanted = tuple(name.encode() for name in targets.split())
        self.tell(m.GraphTask(G, ANNA, wanted, nodes))

    def take(self) -> list[out.Output]:
        """What was said; what is to be stored is there from then on."""
        said = super().take()
        for one in said:
            if isinstance(one, out.StoreResult | out.StoreError):
                self.store(one.object_id)
        return said + (self.take() if self.said else [])


def told(said: list[out.Output]) -> list[tuple[str, object]]:
    """(id, how it ended) of each answer, in order."""
    found: list[tuple[str, object]] = []
    for one in said:
        if isinstance(one, out.SendTo):
            message = one.message
            if isinstance(message, m.TaskResult):
                found.append((message.task_id.decode(), message.result_type))
            elif isinstance(message, m.TaskCancelConfirm):
                found.append((message.task_id.decode(), message.cancel_confirm_type))
    return found


def results(said: list[out.Output]) -> dict[str, m.TaskResult]:
    return {
        one.message.task_id.decode(): one.message
        for one in said
        if isinstance(one, out.SendTo) and isinstance(one.message, m.TaskResult)
    }


def runs(said: list[out.Output]) -> dict[str, out.Run]:
    return {one.task_id.decode(): one for one in said if isinstance(one, out.Run)}


@pytest.fixture
def desk() -> GraphDesk:
    return GraphDesk(2)


def test_a_node_runs_when_its_inputs_are_there(desk: GraphDesk) -> None:
    desk.objects.present.add(b"!" * 32)
    desk.graph(node("sum", "a", "b", "a"), node("a", "!"), node("b"), targets="sum")
    started = runs(desk.take())
    assert sorted(started) == ["a", "b"]
    assert started["a"].arg_object_ids == (b"!" * 32,)
    desk.done(started["a"].worker, b"a")
    said = desk.take()
    assert told(said) == [("a", SUCCESS)]
    assert runs(said) == {}
    input_a = results(said)["a"].results[0]
    desk.done(started["b"].worker, b"b")
    said = desk.take()
    input_b = results(said)["b"].results[0]
    assert runs(said)["sum"].arg_object_ids == (input_a, input_b, input_a)
    desk.done(runs(said)["sum"].worker, b"sum")
    said = desk.take()
    assert told(said) == [("sum", SUCCESS), ("graph", SUCCESS)]
    umbrella = results(said)["graph"]
    assert (umbrella.results, umbrella.metadata) == ((), b"")
    # What only nodes needed is deleted; the target's own result is not.
    deleted = [one.object_ids for one in said if isinstance(one, out.Delete)]
    assert deleted == [tuple(sorted((input_a, input_b)))]
    assert desk.core.tasks == 0
    desk.cancel(G)
    assert desk.take() == [confirm(G, NOT_FOUND)]


def test_a_result_is_stored_before_it_is_used(desk: GraphDesk) -> None:
    desk.graph(node("a"), node("b", "a"), targets="b")
    desk.take()
    desk.done(1, b"a")
    said = Desk.take(desk)
    store = next(one for one in said if isinstance(one, out.StoreResult))
    assert store.object_id == results(said)["a"].results[0]
    assert runs(said) == {}
    desk.store(store.object_id)
    assert runs(desk.take())["b"].arg_object_ids == (store.object_id,)


def test_an_empty_graph(desk: GraphDesk) -> None:
    desk.graph()
    assert told(desk.take()) == [("graph", SUCCESS)]


def test_an_unknown_target_is_ignored(desk: GraphDesk) -> None:
    desk.graph(node("a"), targets="a nobody")
    desk.take()
    desk.done(1, b"a")
    assert told(desk.take()) == [("a", SUCCESS), ("graph", SUCCESS)]


def test_the_first_failure_ends_all(desk: GraphDesk) -> None:
    desk.graph(node("bad"), node("runs"), node("next", "bad"), node("last", "next"), targets="last")
    started = runs(desk.take())
    desk.done(started["bad"].worker, b"bad", ok=False)
    said = desk.take()
    assert told(said) == [(name, FAILED) for name in ("bad", "runs", "next", "last", "graph")]
    # Each with an object of its own, and the same error in it.
    stored = [one for one in said if isinstance(one, out.StoreResult)]
    assert {one.task_id for one in stored} == {b"bad"}
    ids = [one.object_id for one in stored]
    assert len(set(ids)) == 4
    answers = results(said)
    assert [answers[name].results for name in ("bad", "runs", "next", "last")] == [
        (one,) for one in ids
    ]
    assert all(len(answers[name].metadata) == 16 for name in ("bad", "runs", "next", "last"))
    assert answers["graph"].results == ()
    # What runs is stopped, and what becomes of it is told to nobody.
    assert out.Kill(started["runs"].worker) in said
    assert desk.core.tasks == 0
    desk.done(started["runs"].worker, b"runs")
    assert told(desk.take()) == []


def test_what_is_stopped_dies_in_silence(desk: GraphDesk) -> None:
    desk.graph(node("bad"), node("runs"), targets="runs")
    started = runs(desk.take())
    desk.done(started["bad"].worker, b"bad", ok=False)
    desk.take()
    desk.died(started["runs"].worker)
    assert desk.take() == [out.StartWorker()]


def test_a_dead_worker_fails_the_graph(desk: GraphDesk) -> None:
    desk.graph(node("bad"), node("next", "bad"), node("runs"), targets="next")
    started = runs(desk.take())
    desk.died(started["bad"].worker, 3)
    said = desk.take()
    assert told(said) == [("bad", DIED), ("next", DIED), ("runs", DIED), ("graph", FAILED)]
    assert {results(said)[name].worker_exit for name in ("bad", "next", "runs")} == {3}
    assert out.Kill(started["runs"].worker) in said


def test_results_of_a_failed_graph_do_not_stay(desk: GraphDesk) -> None:
    desk.graph(node("good"), node("bad"), node("both", "good", "bad"), targets="both")
    started = runs(desk.take())
    desk.done(started["good"].worker, b"good")
    good = results(desk.take())["good"].results
    desk.done(started["bad"].worker, b"bad", ok=False)
    said = desk.take()
    assert [one.object_ids for one in said if isinstance(one, out.Delete)] == [good]


class Looks(Counter[bytes]):
    """Counts how often somebody asks who needs a result."""

    looks = 0

    def __getitem__(self, key: bytes) -> int:
        self.looks += 1
        return super().__getitem__(key)


def test_what_waits_for_its_user_is_not_looked_at_again(desk: GraphDesk) -> None:
    """A hundred results are kept for the last node; each node that ends looks at its own."""
    leaves = [f"leaf {number}" for number in range(100)]
    desk.graph(*map(node, leaves), node("sum", *leaves), targets="sum")
    graph = desk.core._clients[ANNA].graphs[G]
    graph.users = looks = Looks(graph.users)
    started = runs(desk.take())
    while started:
        name, run = started.popitem()
        desk.done(run.worker, name.encode())
        started |= runs(desk.take())
    assert desk.core.tasks == 0
    assert not graph.kept
    # One that ends: its own. The last: each of its inputs, to take one user off and to look.
    assert looks.looks <= 3 * len(leaves) + 1


@pytest.mark.parametrize("named", ["graph", "runs", "waits"])
def test_cancel_of_any_part_ends_all(desk: GraphDesk, named: str) -> None:
    desk.graph(node("done"), node("runs"), node("waits", "runs"), targets="waits done")
    started = runs(desk.take())
    desk.done(started["done"].worker, b"done")
    desk.take()
    desk.cancel(named.encode(), force=False)
    said = desk.take()
    assert told(said) == [("waits", CANCELED)]
    assert out.Kill(started["runs"].worker) in said
    desk.cancel(named.encode())
    # A second request changes nothing.
    assert told(desk.take()) in ([], [("waits", NOT_FOUND)])
    desk.died(started["runs"].worker)
    assert told(desk.take()) == [("runs", CANCELED), ("graph", CANCELED)]
    assert desk.core.tasks == 0


def test_a_node_may_end_before_it_is_stopped(desk: GraphDesk) -> None:
    desk.graph(node("runs"), node("waits", "runs"), targets="waits")
    desk.take()
    desk.cancel(G)
    desk.take()
    desk.done(1, b"runs", ok=False)
    assert told(desk.take()) == [("runs", FAILED), ("graph", CANCELED)]


def test_its_client_leaves(desk: GraphDesk) -> None:
    desk.graph(node("runs"), node("waits", "runs"), targets="waits")
    desk.take()
    desk.tell(m.ClientDisconnect())
    said = desk.take()
    assert told(said) == [("waits", CANCELED)]
    assert out.DeleteOwned(owner_prefix(ANNA)) in said
    desk.died(1)
    assert told(desk.take()) == [("runs", CANCELED), ("graph", CANCELED)]


def test_a_foreign_cancel_harms_nobody(desk: GraphDesk) -> None:
    desk.graph(node("a"), targets="a")
    desk.take()
    for name in (G, b"a"):
        desk.cancel(name, client=BERT)
        assert desk.take() == [confirm(name, NOT_FOUND, BERT)]
    desk.done(1, b"a")
    assert told(desk.take()) == [("a", SUCCESS), ("graph", SUCCESS)]


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ([node("a", "b"), node("b", "a")], "cycle"),
        ([node("a", "a")], "cycle"),
        ([node("a", "b")], "not in the graph"),
        ([node("a"), node("a")], "an id twice"),
        ([node("graph")], "an id twice"),
        ([node("a"), node("b", metadata=b"poison!")], "task flags"),
        ([node("a", func_object_id=b"short")], "32 bytes"),
        ([node("a", source=BERT)], "another client"),
    ],
)
def test_what_cannot_be_right_is_answered_at_once(
    desk: GraphDesk, nodes: list[m.Task], says: str
) -> None:
    desk.graph(*nodes, targets="a")
    said = desk.take()
    names = list(dict.fromkeys(one.task_id.decode() for one in nodes))
    expected = [(name, FAILED) for name in names if name != "graph"]
    assert told(said) == [*expected, ("graph", FAILED)]
    for one in said:
        if isinstance(one, out.StoreError):
            error = pickle.loads(one.payload)
            assert type(error) is TaskRefusedError
            assert says in str(error)
    assert desk.core.tasks == 0
    assert runs(said) == {}


def test_a_graph_in_the_name_of_another(desk: GraphDesk) -> None:
    desk.tell(m.GraphTask(G, BERT, (), (node("a"),)))
    assert told(desk.take()) == [("a", FAILED), ("graph", FAILED)]


def test_ids_that_are_alive_are_not_touched(desk: GraphDesk) -> None:
    desk.task("a")
    desk.take()
    desk.graph(node("a"), node("b"), targets="a")
    assert told(desk.take()) == [("b", FAILED), ("graph", FAILED)]
    desk.done(1, b"a")
    assert told(desk.take()) == [("a", SUCCESS)]


def test_the_same_graph_twice(desk: GraphDesk) -> None:
    desk.graph(node("a"), targets="a")
    desk.take()
    desk.graph(node("b"), targets="b")
    assert desk.take() == []
    assert desk.core.counts["duplicate graph"] == 1


def test_nobody_can_run_it() -> None:
    desk = GraphDesk(0)
    desk.core.workers_unavailable("none", 0.0)
    desk.graph(node("a"), node("b", "a"), targets="b")
    said = desk.take()
    assert told(said) == [("a", FAILED), ("b", FAILED), ("graph", FAILED)]
    errors = [pickle.loads(one.payload) for one in said if isinstance(one, out.StoreError)]
    assert {type(error) for error in errors} == {WorkerStartError}


def test_an_object_that_did_not_fit(desk: GraphDesk) -> None:
    desk.objects.too_large[b"!" * 32] = 5000
    desk.graph(node("a", "!"), node("b", "a"), targets="b")
    said = desk.take()
    assert told(said) == [("a", FAILED), ("b", FAILED), ("graph", FAILED)]
    errors = [pickle.loads(one.payload) for one in said if isinstance(one, out.StoreError)]
    assert {type(error) for error in errors} == {ObjectStoreFullError}


def test_a_large_graph_takes_time_in_proportion(desk: GraphDesk) -> None:
    """A chain of 20,000, in the worst order: nothing here recurses, nothing is quadratic."""
    many = 20_000
    desk.graph(*(node(str(n), str(n + 1)) for n in range(many)), node(str(many)), targets="0")
    desk.take()
    desk.cancel(G)
    assert len(told(desk.take())) == many
    desk.died(1)
    assert told(desk.take()) == [(str(many), CANCELED), ("graph", CANCELED)]
