"""Uploads: equal bytes travel once, and nothing stays that nobody needs."""

import concurrent.futures

from hypothesis import given
from hypothesis import strategies as st

from futurefsm.client.client import Client
from futurefsm.client.uploads import KEPT_BYTES_MAX, LONE_BYTES_MAX, Blob, Upload, Uploads
from futurefsm.protocol.ids import IdSource


def table(**limits: int) -> Uploads:
    ids = IdSource(b"test")
    return Uploads(lambda: ids.object_id(b"Client|x"), **limits)


def shared(payload: bytes) -> Blob:
    return Blob(payload, payload, "name")


def test_equal_bytes_share_one_object() -> None:
    uploads = table()
    first, new = uploads.need(shared(b"a"))
    again, new_again = uploads.need(shared(b"a"))
    assert first is again
    assert (new, new_again) == (True, False)
    assert len(uploads.created) == 1


LARGE = bytes(LONE_BYTES_MAX + 1)


def test_large_unshared_bytes_go_with_their_task() -> None:
    uploads = table()
    first, _ = uploads.need(Blob(LARGE, None, "x"))
    second, new = uploads.need(Blob(LARGE, None, "x"))
    assert first is not second
    assert new
    uploads.stored(first.object_id)
    uploads.release(first)
    assert uploads.dropped == [first.object_id]
    assert uploads.kept() == set()


def test_small_unshared_bytes_stay_while_there_is_room() -> None:
    uploads = table(idle_count_max=2)
    held = [uploads.need(Blob(b"a", None, "x"))[0] for _ in range(3)]
    for upload in held:
        uploads.stored(upload.object_id)
        uploads.release(upload)
    # Deleting costs the cluster as much as a tenth of a task: the oldest goes where it must.
    assert uploads.dropped == [held[0].object_id]
    assert uploads.kept() == {held[1].object_id, held[2].object_id}
    # Its bytes are not kept here: nobody can need them again, whatever is like them.
    assert held[1].payload is None
    assert uploads.need(Blob(b"a", None, "x"))[1]


def test_large_ones_drive_out_large_ones_only() -> None:
    uploads = table(idle_bytes_max=3 * len(LARGE), idle_count_max=4)
    small = [uploads.need(shared(bytes([n])))[0] for n in range(2)]
    large = [uploads.need(Blob(LARGE, b"large %d" % n, "x"))[0] for n in range(4)]
    for upload in (*small, *large):
        uploads.stored(upload.object_id)
        uploads.release(upload)
    # Two for their bytes, none for their number.
    assert uploads.dropped == [large[0].object_id, large[1].object_id]
    again, new = uploads.need(Blob(LARGE, b"large 2", "x"))
    assert (again, new) == (large[2], False)
    uploads.release(again)
    # One too many: small ones are deleted where it is the number.
    for n in (2, 3):
        upload, _ = uploads.need(shared(bytes([n])))
        uploads.stored(upload.object_id)
        uploads.release(upload)
    assert uploads.dropped[2:] == [each.object_id for each in small]
    assert uploads.idle == 4
    uploads.clear_idle()
    assert uploads.idle == 0
    assert len(uploads) == 0


def test_bytes_that_only_look_alike_are_not_shared() -> None:
    uploads = table()
    first, _ = uploads.need(Blob(b"one", b"alike", "x"))
    second, new = uploads.need(Blob(b"two", b"alike", "x"))
    assert new
    assert first is not second
    assert uploads.need(Blob(b"two", b"alike", "x")) == (second, False)
    assert uploads.need(Blob(b"one", b"alike", "x")) == (first, False)
    for upload in (first, second):
        uploads.stored(upload.object_id)
        for _ in range(2):
            uploads.release(upload)
    uploads.clear_idle()
    assert uploads.dropped == [first.object_id, second.object_id]
    assert len(uploads) == 0


def test_the_oldest_are_given_back_first_so_many_at_a_time() -> None:
    uploads = table()
    held = [uploads.need(shared(bytes([n])))[0] for n in range(3)]
    for upload in held:
        uploads.stored(upload.object_id)
        uploads.release(upload)
    uploads.clear_idle(2)
    assert uploads.dropped == [held[0].object_id, held[1].object_id]
    assert uploads.idle == 1
    uploads.clear_idle(2)
    assert uploads.idle == 0


def test_deleted_only_when_it_was_stored() -> None:
    # The channels have no mutual order: a deletion that overtakes the bytes would leak them.
    uploads = table()
    upload, _ = uploads.need(Blob(LARGE, None, "x"))
    uploads.release(upload)
    assert uploads.dropped == []
    uploads.stored(upload.object_id)
    uploads.stored(upload.object_id)
    assert uploads.dropped == [upload.object_id]


def test_idle_ones_stay_while_there_is_room() -> None:
    uploads = table(idle_bytes_max=2)
    held = [uploads.need(shared(bytes([n])))[0] for n in range(3)]
    for upload in held:
        uploads.stored(upload.object_id)
        uploads.release(upload)
    assert uploads.dropped == [held[0].object_id]
    again, new = uploads.need(shared(b"\x01"))
    assert again is held[1]
    assert not new
    uploads.clear_idle()
    assert uploads.dropped == [held[0].object_id, held[2].object_id]
    assert len(uploads) == 1


@given(st.lists(st.tuples(st.sampled_from(b"abcdef"), st.booleans()), max_size=60))
def test_never_dropped_while_needed_and_bounded(moves: list[tuple[int, bool]]) -> None:
    uploads = table(idle_count_max=2)
    held: list[Upload] = []
    alive: set[bytes] = set()
    for byte, take in moves:
        if take:
            upload, new = uploads.need(shared(bytes([byte])))
            assert new == (upload.object_id not in alive)
            alive.add(upload.object_id)
            uploads.stored(upload.object_id)
            held.append(upload)
        elif held:
            uploads.release(held.pop(byte % len(held)))
        gone = set(uploads.dropped)
        assert not gone & {upload.object_id for upload in held}
        alive -= gone
        assert len(alive) <= len({upload.object_id for upload in held}) + 2


def test_everything_again() -> None:
    """For a cluster that has lost all objects of this client."""
    uploads = table()
    one, two, owned = shared(b"one"), shared(b"two"), shared(b"owned")
    needed, _ = uploads.need(one)
    idle, _ = uploads.need(two)
    uploads.release(idle)
    uploads.own(b"mine" * 8, owned)
    huge, _ = uploads.need(Blob(bytes(KEPT_BYTES_MAX + 1), None, "huge"))
    again = uploads.again([needed, huge, needed])
    assert [(upload.object_id, payload) for upload, payload in again] == [
        (needed.object_id, b"one"),
        (b"mine" * 8, b"owned"),
    ]
    # What no task needs is forgotten: the next one uploads it anew.
    assert uploads.need(two)[1]
    # And what is on its way again is not deleted before it has arrived.
    uploads.stored(needed.object_id)
    uploads.again([needed])
    uploads.dropped.clear()
    uploads.release(needed)
    uploads.clear_idle()
    assert needed.object_id not in uploads.dropped
    uploads.stored(needed.object_id)
    assert needed.object_id in uploads.dropped


def test_a_small_store_is_not_filled_by_what_no_task_needs() -> None:
    with Client(workers=1, store_bytes=1 << 20) as client:
        for n in range(30):
            future = client.submit(len, bytes([n]) * 100_000)
            # Once it was not answered, nobody knows why: the next time it says what it waits for.
            ended = concurrent.futures.wait([future], 60).done
            assert ended, f"the {n}th: {client.explain(future)}"
            assert future.result(60) == 100_000


def test_what_is_needed_again_is_no_longer_counted() -> None:
    """Counted for ever, the budget would be used up by one object that comes again and again."""
    for payload in (b"12345", LARGE):
        uploads = table(idle_bytes_max=len(payload))
        first, _ = uploads.need(shared(payload))
        uploads.stored(first.object_id)
        for _ in range(3):
            uploads.release(first)
            assert uploads.idle == 1
            assert uploads.need(shared(payload)) == (first, False)
        assert (uploads.dropped, uploads.idle) == ([], 0)
