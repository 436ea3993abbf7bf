"""Certificates for tests, made afresh: an authority, what it signed, and the ways to be wrong."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

import trustme


@dataclass(frozen=True)
class Pair:
    """Paths of a certificate with its key."""

    certificate: str
    key: str


class Authority:
    """Signs certificates, into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.path = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.path)

    def sign(self, *names: str, expired: bool = False) -> Pair:
        """A certificate for host names or IP addresses."""
        now = datetime.now()
        until = now - timedelta(days=2) if expired else now + timedelta(days=2)
        made = self._ca.issue_cert(*names, not_before=now - timedelta(days=4), not_after=until)
        stem = self._folder / f"{'-'.join(names)}{'-expired' if expired else ''}"
        pair = Pair(f"{stem}.pem", f"{stem}.key")
        Path(pair.certificate).write_bytes(b"".join(b.bytes() for b in made.cert_chain_pems))
        made.private_key_pem.write_to_path(pair.key)
        return pair


def authority(name: str = "ours") -> Authority:
    """The same one for all tests of a process."""
    return _authority(name)


@lru_cache
def _authority(name: str) -> Authority:
    return Authority(Path(mkdtemp(prefix=f"certificates-{name}-")))


@lru_cache
def local(expired: bool = False) -> Pair:
    """For 127.0.0.1 and localhost, signed by `authority()`."""
    return authority().sign("127.0.0.1", "localhost", expired=expired)
