import hashlib
import re
import threading

import pytest

from futurefsm.protocol.ids import (
    IdSource,
    new_identity,
    owner_prefix,
    serializer_id,
    short,
)


def test_identities_are_fresh_and_shaped():
    assert re.fullmatch(rb"Client\|[0-9a-f]{32}", new_identity())
    assert re.fullmatch(rb"Client\|Bob\|[0-9a-f]{32}", new_identity("Bob"))
    assert new_identity() != new_identity()


@pytest.mark.parametrize("name", ["", "a|b"])
def test_ambiguous_names_are_refused(name):
    with pytest.raises(ValueError, match="must not be empty nor contain"):
        new_identity(name)


@pytest.mark.parametrize("name", ["a\nb", "\ud800", "x" * 201, "\N{SNOWMAN}" * 100])
def test_names_that_cannot_be_sent_are_refused(name):
    with pytest.raises(ValueError, match="printable and have at most 200 bytes"):
        new_identity(name)


def test_a_name_is_a_string():
    with pytest.raises(TypeError, match="must be a string, not 3"):
        new_identity(3)


def test_object_ids_begin_with_the_md5_of_their_owner():
    source = IdSource(b"seed")
    made = source.object_id(b"Client|1")
    assert len(made) == 32
    assert made[:16] == hashlib.md5(b"Client|1").digest() == owner_prefix(b"Client|1")


def test_the_serializer_id_is_what_workers_compute(scheduler_recording):
    # The first object that the recorded client announced is its serializer.
    announced = next(data for kind, data in scheduler_recording if kind == "objectInstruction")
    identity = re.search(rb"Client\|[0-9a-f]{32}", announced).group()
    assert serializer_id(identity) in announced
    assert serializer_id(identity).hex().endswith("84f6fb7cd5cd53b5679489a29396448f")


def test_one_seed_makes_the_same_ids_and_two_make_others():
    one, again, other = IdSource(b"a"), IdSource(b"a"), IdSource(b"b")
    first = [one.task_id() for _ in range(100)]
    assert first == [again.task_id() for _ in range(100)]
    assert not set(first) & {other.task_id() for _ in range(100)}


def test_ids_never_repeat_across_threads():
    source, made = IdSource(b""), []

    def work():
        made.extend([source.task_id() for _ in range(2000)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000
    assert {len(id) for id in made} == {16}


def test_short():
    assert short(bytes(range(16))) == "00010203"
