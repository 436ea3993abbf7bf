"""Options, and what is refused before it can harm a worker."""

from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.submitting import Options, checked
from futurefsm.protocol import messages as m
from futurefsm.protocol.task_flags import TaskFlags
from tests.client.scripted import ScriptedScheduler


def test_capabilities_as_a_dict_or_as_names() -> None:
    both = (m.TaskCapability("gpu", 2), m.TaskCapability("linux", -1))
    assert checked(Options(), capabilities={"gpu": 2, "linux": -1}).capabilities == both
    assert checked(Options(), capabilities=["linux"]).capabilities == both[1:]
    assert checked(Options(both), capabilities={}).capabilities == ()
    assert checked(Options(both)).capabilities == both


@pytest.mark.parametrize(
    "wrong",
    [
        {"priority": -1},
        {"priority": 2**31},
        {"priority": True},
        {"priority": 1.0},
        {"delayed": 1},
        {"stream_output": "yes"},
        {"capabilities": "gpu"},
        {"capabilities": {"gpu": True}},
        {"capabilities": {"gpu": 0.5}},
        {"capabilities": {"gpu": -2}},
        {"capabilities": {"gpu": 2**63}},
        {"capabilities": {"": 1}},
        {"capabilities": [1]},
        {"capabilities": 5},
        {"capabilities": ["\ud800"]},
        {"capabilities": ["a\nb"]},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(wrong)).removesuffix("ies")):
        checked(Options(), **wrong)


def test_options_travel(client: Client, scheduler: ScriptedScheduler) -> None:
    client.submit(abs, -1)
    plain = scheduler.expect(m.Task)
    assert (plain.metadata, plain.capabilities) == (TaskFlags().pack(), ())
    urgent = client.options(priority=7, stream_output=True).options(capabilities=["gpu"])
    assert "gpu" in repr(urgent)
    urgent.submit(abs, -1)
    assert list(client.options(capabilities={"a": 1}).map(abs, [])) == []
    client.submit_verbose(divmod, [7, 2], capabilities={"a": 1}, priority=2**31 - 1)
    client.submit_verbose(int, ("ff",), {"base": 16})
    first, second, third = (scheduler.expect(m.Task) for _ in range(3))
    assert TaskFlags.unpack(first.metadata) == TaskFlags(priority=7, stream_output=True)
    assert first.capabilities == (m.TaskCapability("gpu", -1),)
    assert TaskFlags.unpack(second.metadata).priority == 2**31 - 1
    assert second.capabilities == (m.TaskCapability("a", 1),)
    assert len(second.function_args) == 2
    assert third.capabilities == ()


def test_nothing_is_submitted_with_a_wrong_option(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    with pytest.raises(ValueError, match="priority"):
        client.submit_verbose(abs, (1,), priority=-1)
    with pytest.raises(TypeError, match="callable"):
        client.map("abs", [1])  # type: ignore[arg-type]
    client.submit(abs, -1)
    scheduler.expect(m.Task)
    assert scheduler.count(m.Task) == 1


def test_a_function_of_many_calls_is_pickled_once(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    pickled = []

    class Counted:
        def __reduce__(self) -> Any:
            pickled.append(1)
            return (abs.__class__, ())

        def __call__(self, value: int) -> int:
            return value

    client.starmap(Counted(), ([n] for n in range(5)))
    assert len({scheduler.expect(m.Task).func_object_id for _ in range(5)}) == 1
    assert pickled == [1]
