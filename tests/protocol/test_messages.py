import dataclasses
import inspect

import pytest

from futurefsm.protocol import messages


def classes():
    return [
        thing
        for _, thing in inspect.getmembers(messages, inspect.isclass)
        if dataclasses.is_dataclass(thing)
    ]


def test_every_class_is_frozen_slotted_and_documented():
    assert len(classes()) == 16
    for kind in classes():
        assert kind.__dataclass_params__.frozen
        assert "__slots__" in vars(kind)
        assert kind.__doc__
        assert not kind.__doc__.startswith(f"{kind.__name__}(")


def test_parts_and_messages():
    parts = {
        messages.Argument,
        messages.TaskCapability,
        messages.Resource,
        messages.StorageAddress,
        messages.ObjectMetadata,
    }
    assert {*messages.MESSAGES} == {*classes()} - parts


def test_messages_are_values():
    one = messages.TaskCancel(b"x")
    assert one == messages.TaskCancel(b"x", True)
    assert hash(one) == hash(messages.TaskCancel(b"x"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.force = False


def test_messages_of_different_kinds_are_not_equal():
    assert messages.ClientShutdownResponse(True) != messages.ClientDisconnect(
        messages.DisconnectType.SHUTDOWN
    )
