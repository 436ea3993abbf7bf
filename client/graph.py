"""Task graphs as dictionaries: checked, cut to what is wanted, put in order. PURE.

A graph is a dictionary. A value that is a tuple with a callable in front is a call; its other items
are keys of the graph, or constants. Any other value is a constant itself.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from graphlib import CycleError
from typing import Any, NamedTuple

# An argument of these types would be looked into by other schedulers, and is by none here.
_CONTAINERS = (list, tuple, dict, set, frozenset)


class GraphCycleError(CycleError):
    """A node needs itself. `cycle`: its keys in order, the first one again at the end."""

    def __init__(self, cycle: list[Hashable]) -> None:
        super().__init__(cycle)
        self.cycle = cycle

    def __str__(self) -> str:
        way = " → ".join(repr(key) for key in self.cycle)
        return f"the graph has a cycle, so nothing in it can be computed: {way}. Nothing was sent."


class MissingKeyError(KeyError):
    """Keys that the graph does not have. `missing`: key → who asks for it."""

    def __init__(self, missing: dict[Hashable, str]) -> None:
        super().__init__(missing)
        self.missing = missing

    def __str__(self) -> str:
        each = "; ".join(f"{key!r}, asked for by {who}" for key, who in self.missing.items())
        return f"the graph has no key {each}. Nothing was sent."


class Key(NamedTuple):
    """An argument that is another node's result."""

    key: Hashable


class Call(NamedTuple):
    """A node to be computed. Its arguments are `Key`s, and constants as they are."""

    key: Hashable
    fn: Callable[..., Any]
    arguments: tuple[Any, ...]


class Plan(NamedTuple):
    """What has to be done for the wanted keys.

    Attributes:
        calls: in an order in which each comes behind what it needs.
        constants: the nodes that are no calls and are needed, or wanted.
        needed_by: key of a call → how many calls need its result.
    """

    calls: tuple[Call, ...]
    constants: dict[Hashable, Any]
    needed_by: dict[Hashable, int]


def plan(graph: Mapping[Any, Any], keys: Iterable[Hashable]) -> Plan:
    """Check a graph and put what the keys need in order.

    Raises:
        MissingKeyError: a key, wanted or needed, is not in the graph (a KeyError).
        GraphCycleError: it has a cycle (a ValueError).
        KeyError: a key is wanted twice.
        TypeError: `graph` is no mapping; `keys` is a string; an argument is a container.
    """
    if not isinstance(graph, Mapping):
        raise TypeError(f"graph must be a dictionary of key → node, not a {type(graph).__name__}")
    if isinstance(keys, (str, bytes)):
        raise TypeError(f"keys must be a list of keys, not {keys!r}")
    wanted = list(keys)
    twice = [repr(key) for key, count in Counter(wanted).items() if count > 1]
    if twice:
        raise KeyError(f"wanted twice: {', '.join(twice)}")
    needs = _cull(graph, wanted)
    order = _in_order(needs)
    calls, constants = [], {}
    needed_by: dict[Hashable, int] = {}
    for key in order:
        if _is_call(graph[key]):
            arguments = tuple([_argument(graph, part) for part in graph[key][1:]])
            calls.append(Call(key, graph[key][0], arguments))
            needed_by.setdefault(key, 0)
        else:
            constants[key] = graph[key]
        for other in needs[key]:
            if _is_call(graph[other]):
                needed_by[other] += 1
    return Plan(tuple(calls), constants, needed_by)


def _is_call(node: Any) -> bool:
    return isinstance(node, tuple) and bool(node) and callable(node[0])


def _argument(graph: Mapping[Any, Any], part: Any) -> Any:
    return Key(part) if _is_key(graph, part) else part


def _is_key(graph: Mapping[Any, Any], part: Any) -> bool:
    try:
        return part in graph
    except TypeError:
        return False  # it has no hash


def _cull(graph: Mapping[Any, Any], wanted: list[Hashable]) -> dict[Hashable, list[Hashable]]:
    """Key → the keys that it needs, for all that the wanted ones need."""
    missing: dict[Hashable, str] = {key: "the caller" for key in wanted if not _is_key(graph, key)}
    needs: dict[Hashable, list[Hashable]] = {}
    waiting = [key for key in wanted if key not in missing]
    while waiting:
        key = waiting.pop()
        if key in needs:
            continue
        mine: dict[Hashable, None] = {}
        node = graph[key]
        for place, part in enumerate(node[1:], 1) if _is_call(node) else ():
            if _is_key(graph, part):
                mine[part] = None
            elif isinstance(part, str):
                missing.setdefault(part, f"node {key!r}")
            elif isinstance(part, _CONTAINERS):
                raise TypeError(
                    f"argument {place} of node {key!r} is a {type(part).__name__}: a graph is not "
                    "looked for keys inside containers. Make it a node of its own: "
                    '"all": (collect, "a", "b").'
                )
        needs[key] = list(mine)
        waiting += mine
    if missing:
        raise MissingKeyError(missing)
    return needs


def _in_order(needs: dict[Hashable, list[Hashable]]) -> list[Hashable]:
    """Each key behind what it needs. Not recursive: a chain may be long."""
    order: list[Hashable] = []
    done: set[Hashable] = set()
    for root in needs:
        if root in done:
            continue
        path: dict[Hashable, Any] = {root: iter(needs[root])}
        while path:
            key = next(reversed(path))
            for other in path[key]:
                if other in path:
                    keys = list(path)
                    raise GraphCycleError([*keys[keys.index(other) :], other])
                if other not in done:
                    path[other] = iter(needs[other])
                    break
            else:
                del path[key]
                done.add(key)
                order.append(key)
    return order
