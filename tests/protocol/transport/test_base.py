import zmq

from futurefsm.protocol.transport.base import Transport
from futurefsm.protocol.transport.memory import MemoryPair
from futurefsm.protocol.transport.zmq_transport import ZmqDealer


def test_the_links_of_a_client_are_transports():
    pair = MemoryPair()
    with zmq.Context() as context:
        dealer = ZmqDealer("inproc://nobody", b"Client|1", context)
        for link in (pair.client, pair.server, dealer):
            assert isinstance(link, Transport)
            link.close(0)


def test_other_things_are_not():
    assert not isinstance(object(), Transport)
