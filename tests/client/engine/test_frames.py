"""The shape of the messages between engine and worker."""

from futurefsm.client.engine import frames


def test_a_run_comes_out_as_it_went_in() -> None:
    part = (b"f" + b"i" * 32, 5, True)
    run: frames.Run = (7, None, part, ((b"a", frames.ABSENT, True),), (b"old",))
    data = frames.run_head(run, 5)
    magic, head, body = frames.TO_WORKER.unpack_from(data)
    assert (magic, body) == (frames.MAGIC, 5)
    assert frames.parse_head(data[frames.TO_WORKER.size :]) == run
    assert len(data) == frames.TO_WORKER.size + head


def test_an_answer_has_a_fixed_header() -> None:
    data = frames.answer_header(frames.VALUE, 3, 9, 0.5, 1024, 0.25)
    expected = (frames.MAGIC, frames.VALUE, 0, 3, 9, 0.5, 1024, 0.25)
    assert frames.TO_ENGINE.unpack(data) == expected


def test_a_size_aside_is_no_other_size() -> None:
    for size in (0, 1, 2**40):
        assert frames.aside(size) < frames.ABSENT
        assert frames.aside(frames.aside(size)) == size
