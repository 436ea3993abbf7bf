from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.object_store import (
    EVERYTHING,
    Deleted,
    Got,
    NotHeld,
    Put,
    RequestKind,
    ResponseKind,
    StoreClient,
    StoreHeader,
    StoreRequest,
    StoreServerCodec,
    decode_header,
    deleted_reply,
    duplicated_reply,
    encode_header,
    encode_id,
    got_reply,
    info_reply,
    put_reply,
)
from futurefsm.protocol.transport.framing import Skipped

A, B = bytes(range(32)), bytes(range(32, 64))
KINDS = {
    "set": RequestKind.SET,
    "get": RequestKind.GET,
    "delete": RequestKind.DELETE,
    "setOk": ResponseKind.SET_OK,
    "getOk": ResponseKind.GET_OK,
    "delOk": ResponseKind.DELETE_OK,
}


def test_recorded_headers_byte_for_byte(storage_recording):
    headers = [line for line in storage_recording if "object" in line]
    assert len(headers) == 64
    for line in headers:
        header = decode_header(line["data"])
        assert header == StoreHeader(
            KINDS[line["kind"]], bytes.fromhex(line["object"]), line["length"], line["request"]
        )
        assert encode_header(header) == line["data"]


@pytest.mark.parametrize("session", ["ymq", "zmq"])
def test_the_recorded_sessions_replay(storage_recording, session):
    """Our client makes the recorded bytes; our server's half answers with the recorded ones."""
    client, server, stored, events = StoreClient(), StoreServerCodec(), {}, []
    recorded_by_server = []
    lines = [line for line in storage_recording if line["session"] == session]
    payloads = {}  # of sets: the message after the header on the same side
    ours = [line for line in lines if line["from"] == "client" and "object" in line]
    after = [
        line for line in lines if line["from"] == "client" and line["kind"] == "payload of set"
    ]
    for line in ours:
        if line["kind"] == "set":
            payloads[line["request"]] = after.pop(0)["data"]
    for line in ours:
        object_id = bytes.fromhex(line["object"])
        if line["kind"] == "set":
            buffers = client.put(object_id, payloads[line["request"]])
        else:
            buffers = getattr(client, line["kind"])(object_id)
        assert buffers[0] == line["data"]
        answers = []
        for buffer in buffers:
            request = server.receive(buffer)
            if request is None:
                continue
            if request.kind is RequestKind.SET:
                stored[request.object_id] = request.payload
                answers = put_reply(request)
            elif request.kind is RequestKind.GET:
                answers = got_reply(request, b"the worker's result")
            else:
                answers = deleted_reply(request, True)
        recorded_by_server += answers
        for answer in answers:
            events += client.receive(bytes(answer))
    assert len(events) == len(ours)
    assert client.outstanding == 0
    oks = {line["data"] for line in lines if line["kind"] in ("setOk", "delOk")}
    assert oks <= set(map(bytes, recorded_by_server))


# -- headers


@given(
    st.integers(0, 65535),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
)
def test_headers_round_trip(kind, object_id, length, request):
    header = StoreHeader(kind, object_id, length, request)
    assert len(encode_header(header)) == 80
    assert decode_header(encode_header(header)) == header
    assert decode_header(memoryview(bytearray(encode_header(header)))) == header


@pytest.mark.parametrize(
    "header",
    [
        StoreHeader(0, b"short", 0, 0),
        StoreHeader(0, A, -1, 0),
        StoreHeader(0, A, 2**64, 0),
        StoreHeader(0, A, 0, 2**64),
        StoreHeader(65536, A, 0, 0),
    ],
)
def test_headers_that_do_not_fit(header):
    with pytest.raises(ValueError):
        encode_header(header)


@given(st.binary(max_size=100))
def test_random_headers(data):
    with suppress(ProtocolError):  # and nothing else
        decode_header(data)


def test_every_fixed_byte_of_a_header_matters():
    good = encode_header(StoreHeader(0, A, 0, 0))
    free = {*range(16, 34), *range(48, 80)}
    for index in range(80):
        data = bytearray(good)
        data[index] ^= 0xFF
        if index in free:
            assert decode_header(data)
        else:
            with pytest.raises(ProtocolError, match="not a storage header"):
                decode_header(data)
    for size in (0, 79, 81, 160):
        with pytest.raises(ProtocolError, match=f"of {size} bytes instead of 80"):
            decode_header(good[:size].ljust(size, b"\0"))


# -- the client


def answer(kind, request, length=0, object_id=A):
    return encode_header(StoreHeader(kind, object_id, length, request))


def test_a_get_that_waits_is_overtaken():
    client = StoreClient()
    assert client.get(A) == [encode_header(StoreHeader(1, A, EVERYTHING, 0))]
    client.put(B, b"b")
    assert client.outstanding == 2
    assert client.receive(answer(ResponseKind.SET_OK, 1)) == (Put(B),)
    assert client.receive(answer(ResponseKind.GET_OK, 0, 3)) == ()
    assert client.receive(b"abc") == (Got(A, b"abc"),)
    assert client.outstanding == 0


def test_an_empty_object_has_no_payload_message():
    client = StoreClient()
    client.get(A)
    assert client.receive(answer(ResponseKind.GET_OK, 0)) == (Got(A, b""),)


def test_deletes_tell_whether_there_was_anything():
    client = StoreClient()
    client.delete(A)
    client.delete(A)
    assert client.receive(answer(ResponseKind.DELETE_OK, 0)) == (Deleted(A, True),)
    assert client.receive(answer(ResponseKind.DELETE_NOT_EXISTS, 1)) == (Deleted(A, False),)


def test_an_empty_payload_is_a_message_all_the_same():
    header, payload = StoreClient().put(A, b"")
    assert payload == b""
    assert decode_header(header).payload_length == 0


def test_a_put_of_a_view_counts_bytes():
    client = StoreClient()
    header, payload = client.put(A, memoryview(bytes(80)).cast("Q"))
    assert decode_header(header).payload_length == 80
    assert client.unanswered() == [header, payload]


def test_strays_are_counted_and_their_payload_passed_over():
    client = StoreClient()
    client.get(A)
    assert client.receive(answer(ResponseKind.GET_OK, 77, 5)) == ()
    assert client.receive(b"stray") == ()
    assert client.receive(answer(ResponseKind.SET_OK, 78)) == ()
    assert client.strays == 2
    assert client.outstanding == 1


def test_an_answer_of_the_wrong_kind():
    client = StoreClient()
    client.get(A)
    with pytest.raises(ProtocolError, match="a GET answered by kind 0"):
        client.receive(answer(ResponseKind.SET_OK, 0))


def test_a_payload_of_another_size():
    client = StoreClient()
    client.get(A)
    client.receive(answer(ResponseKind.GET_OK, 0, 5))
    with pytest.raises(ProtocolError, match="a payload of 4 bytes, 5 were announced"):
        client.receive(b"four")


def test_what_was_not_answered_is_asked_again_in_order():
    client = StoreClient()
    client.put(A, b"a")
    (get,) = client.get(B)
    (delete,) = client.delete(A)
    client.receive(answer(ResponseKind.SET_OK, 0))
    client.receive(answer(ResponseKind.GET_OK, 1, 9))  # and then the link breaks
    assert client.unanswered() == [get, delete]
    assert client.receive(answer(ResponseKind.GET_OK, 1, 2)) == ()
    assert client.receive(b"bb") == (Got(B, b"bb"),)
    client.put(A, b"again")
    assert [len(part) for part in client.unanswered()] == [80, 80, 5]


def test_a_wrong_id_leaves_no_trace():
    client = StoreClient()
    with pytest.raises(ValueError, match="an object id of 5 bytes"):
        client.get(b"short")
    assert client.outstanding == 0


# -- the server's half


def ask(*messages):
    server = StoreServerCodec()
    return [server.receive(message) for message in messages]


def test_requests():
    client = StoreClient()
    assert ask(*client.put(A, b"payload"))[-1] == StoreRequest(
        RequestKind.SET, A, 0, payload=b"payload"
    )
    assert ask(*client.get(A)) == [StoreRequest(RequestKind.GET, A, 1, EVERYTHING)]
    assert ask(*client.delete(A)) == [StoreRequest(RequestKind.DELETE, A, 2)]


def test_a_set_waits_for_its_payload_even_when_it_is_empty():
    header, payload = StoreClient().put(A, b"")
    assert ask(header, payload) == [None, StoreRequest(RequestKind.SET, A, 0)]


def test_duplicates_name_their_source():
    header = encode_header(StoreHeader(RequestKind.DUPLICATE, B, 48, 7))
    _, request = ask(header, encode_id(A))
    assert request == StoreRequest(RequestKind.DUPLICATE, B, 7, source_id=A)
    assert decode_header(duplicated_reply(request)[0]) == StoreHeader(4, B, 0, 7)


def test_the_message_that_names_a_source():
    # Each eight bytes of the id appear reversed.
    words = [bytes(range(start + 7, start - 1, -1)) for start in (0, 8, 16, 24)]
    head = bytes.fromhex("00000000050000000000000004000000")
    assert encode_id(A) == head + b"".join(words)


@pytest.mark.parametrize("body", [bytes(48), b"x" * 48, b"short"])
def test_duplicates_without_an_id(body):
    header = encode_header(StoreHeader(RequestKind.DUPLICATE, B, len(body), 7))
    with pytest.raises(ProtocolError, match="not an object id"):
        ask(header, body)


def test_info():
    (request,) = ask(encode_header(StoreHeader(RequestKind.INFO, bytes(32), 0, 3)))
    header, body = info_reply(request, (1, 2, 3, 4, 5, 6))
    assert decode_header(header) == StoreHeader(5, bytes(32), 48, 3)
    assert body == b"".join(n.to_bytes(8, "little") for n in range(1, 7))


def test_unknown_requests_are_passed_over():
    good = encode_header(StoreHeader(RequestKind.GET, A, 0, 1))
    unknown = encode_header(StoreHeader(9, A, 0, 0))
    assert ask(unknown, good) == [None, StoreRequest(RequestKind.GET, A, 1)]


def test_a_set_of_another_size_than_announced():
    header, _ = StoreClient().put(A, b"12345")
    with pytest.raises(ProtocolError, match="a payload of 4 bytes, 5 were announced"):
        ask(header, b"1234")


@pytest.mark.parametrize(
    ("limit", "sent"), [(EVERYTHING, b"payload"), (3, b"pay"), (7, b"payload"), (0, b"")]
)
def test_a_get_sends_no_more_than_was_wanted(limit, sent):
    request = StoreRequest(RequestKind.GET, A, 1, limit)
    header, *payload = got_reply(request, b"payload")
    assert decode_header(header).payload_length == len(sent)
    assert b"".join(payload) == sent
    assert len(payload) == bool(sent)


class Channel(RuleBasedStateMachine):
    """A client and a store, with delays, answers out of order and lost connections."""

    def __init__(self):
        super().__init__()
        self.client, self.server = StoreClient(), StoreServerCodec()
        self.stored, self.waiting = {}, []
        self.to_server, self.to_client = [], []
        self.asked, self.settled = 0, 0

    @rule(object_id=st.sampled_from([A, B]), size=st.integers(0, 3), act=st.integers(0, 2))
    def ask(self, object_id, size, act):
        self.asked += 1
        if act == 0:
            self.to_server += self.client.put(object_id, b"x" * size)
        else:
            self.to_server += [self.client.get, self.client.delete][act - 1](object_id)

    @precondition(lambda self: self.to_server)
    @rule()
    def serve(self):
        request = self.server.receive(self.to_server.pop(0))
        if request is None:
            return
        if request.kind is RequestKind.SET:
            self.stored[request.object_id] = request.payload
            self.to_client += put_reply(request)
        elif request.kind is RequestKind.DELETE:
            existed = self.stored.pop(request.object_id, None) is not None
            self.to_client += deleted_reply(request, existed)
        else:
            self.waiting.append(request)
        for get in [get for get in self.waiting if get.object_id in self.stored]:
            self.waiting.remove(get)
            self.to_client += got_reply(get, self.stored[get.object_id])

    @precondition(lambda self: self.to_client)
    @rule()
    def deliver(self):
        for event in self.client.receive(bytes(self.to_client.pop(0))):
            self.settled += 1
            if isinstance(event, Got):
                assert set(bytes(event.payload)) <= {ord("x")}

    @rule()
    def reconnect(self):
        self.server, self.waiting, self.to_client = StoreServerCodec(), [], []
        self.to_server = self.client.unanswered()

    @invariant()
    def every_request_is_answered_once(self):
        assert self.settled + self.client.outstanding == self.asked
        assert self.client.strays == 0


TestChannel = Channel.TestCase
TestChannel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_an_object_for_which_there_is_no_memory():
    client = StoreClient()
    client.get(A)
    header = encode_header(StoreHeader(ResponseKind.GET_OK, A, 7, 0))
    assert client.receive(header) == ()
    assert client.receive(Skipped(7)) == (NotHeld(A, 7),)
    assert client.outstanding == 0
    # One that nobody asked for.
    assert client.receive(header) == ()
    assert client.receive(Skipped(7)) == ()
