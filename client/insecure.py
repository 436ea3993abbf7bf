"""A loud word, once for each address, before tasks travel unencrypted to another machine."""

import ipaddress
import sys
import warnings
from threading import Lock

from futurefsm.protocol.transport.address import Address

_warned: set[str] = set()
_lock = Lock()


class InsecureConnectionWarning(UserWarning):
    """Tasks and results travel unencrypted to an address that is not this machine's own.

    Given once for each address, before anything is sent to it.
    """


def is_exposed(address: Address) -> bool:
    """Whether what is sent there can be read and changed on its way.

    A name counts as this machine's own only if it is localhost: nothing is looked up.
    """
    if address.scheme not in ("tcp", "ws"):
        return False
    host = address.host.rstrip(".").lower()
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    # A connection to 0.0.0.0 or :: is one to this machine.
    return not (mapped.is_loopback or mapped.is_unspecified)


def warn_of_scheduler(address: Address) -> None:
    """Warn of an unencrypted scheduler channel. For the thread and the frame of the user.

    Raises:
        InsecureConnectionWarning: where the user has made errors of warnings.
    """
    if is_exposed(address):
        _warn(
            address,
            f"the connection to the scheduler at {address} is not encrypted",
            "tls:// or wss://, where the scheduler has a certificate",
        )


def warn_of_storage(address: Address, scheduler: Address | None) -> None:
    """Warn of an unencrypted storage channel, if the scheduler's own was not warned of.

    Args:
        address: of the object store, as the scheduler or the user named it.
        scheduler: the scheduler's; None for the embedded engine.

    Raises:
        InsecureConnectionWarning: where the user has made errors of warnings.
    """
    if scheduler is None or is_exposed(scheduler) or not is_exposed(address):
        return
    _warn(
        address,
        f"the scheduler at {scheduler} names an object store at {address}, and the connection to "
        "it is not encrypted, whatever that to the scheduler is",
        "an object store with tls:// or wss://, or object_storage_address= of a safe way to it",
    )


def _warn(address: Address, what: str, better: str) -> None:
    with _lock:
        if str(address) in _warned:
            return
        _warned.add(str(address))
    warnings.warn(
        f"{what}. Functions, arguments and results are pickles: whoever can change them on the "
        "way can run any code on the workers and in this process; whoever can reach the port can, "
        f"too. Use {better}, or keep to a network where you trust everybody, and silence this: "
        'warnings.filterwarnings("ignore", category=futurefsm.InsecureConnectionWarning)',
        InsecureConnectionWarning,
        stacklevel=_outside(),
    )


def _outside() -> int:
    """The stack level of the first frame that is not of this package; else the last."""
    package = __name__.partition(".")[0]
    level, frame = 0, sys._getframe(1)
    while frame.f_globals.get("__name__", "").partition(".")[0] == package and frame.f_back:
        level, frame = level + 1, frame.f_back
    return level + 1
