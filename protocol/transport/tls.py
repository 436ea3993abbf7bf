"""TLS settings: whom a client trusts, what a server shows, and what to say when it fails."""

import os
import ssl
from typing import TypeAlias

TlsSetting: TypeAlias = "str | os.PathLike[str] | ssl.SSLContext | None"
"""Whom a client trusts. None: the certificate authorities of this system. A path: a PEM file with
those to trust instead, or with the server's own certificate. A text that contains ``-----BEGIN
CERTIFICATE-----``: such a file's contents. An `ssl.SSLContext`: whatever it says."""

_PEM = "-----BEGIN CERTIFICATE-----"
# How alerts begin that say 'I do not accept your certificate', by what they mean.
_REFUSALS = {
    "ALERT_UNKNOWN_CA": "it does not trust who signed it",
    "ALERT_BAD_CERTIFICATE": "it finds it bad",
    "ALERT_CERTIFICATE_EXPIRED": "it has expired",
    "ALERT_CERTIFICATE_REVOKED": "it was revoked",
    "ALERT_CERTIFICATE_UNKNOWN": "it finds it unacceptable",
    "ALERT_UNSUPPORTED_CERTIFICATE": "it does not support its kind",
}
# OpenSSL's codes of what is wrong with a certificate.
_NOT_YET, _EXPIRED = 9, 10
_UNTRUSTED = {2, 18, 19, 20, 21, 27, 33}
_OTHER_NAME = {62, 64}


def client_context(tls: TlsSetting = None) -> ssl.SSLContext:
    """What a client needs to verify a server, its host name or IP address included.

    Args:
        tls: see `TlsSetting`; a context is returned as it is.

    Raises:
        ValueError: there is no such file, or no certificate in it.
        TypeError: none of the kinds of a `TlsSetting`.
    """
    if isinstance(tls, ssl.SSLContext):
        return tls
    if tls is None:
        return ssl.create_default_context()
    pem, where = _read(tls)
    try:
        context = ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"tls: {where} holds no certificate that can be read: {error}") from None
    # Who names a file trusts what is in it, also when it is the server's own certificate, made by
    # hand with one command: then it is no authority, and lacks what stricter rules ask of one.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def portable(tls: TlsSetting) -> str | None:
    """The setting in a form that works on another machine: what was in the file.

    Raises:
        ValueError: there is no such file, or no certificate in it.
        TypeError: it is an `ssl.SSLContext`, which cannot leave its process.
    """
    if tls is None:
        return None
    if isinstance(tls, ssl.SSLContext):
        raise TypeError(
            "a client whose tls= is an ssl.SSLContext cannot be pickled: contexts cannot leave "
            "their process. Give tls= the path of a CA file."
        )
    return _read(tls)[0]


def _read(tls: "str | os.PathLike[str]") -> tuple[str, str]:
    """PEM text, and where it comes from."""
    if not isinstance(tls, str | os.PathLike):
        raise TypeError(
            f"tls: a path, an ssl.SSLContext or None, not {type(tls).__name__}: "
            "certificates are always verified"
        )
    path = os.fspath(tls)
    if isinstance(tls, str) and _PEM in tls:
        return path, "the text given"
    try:
        with open(os.path.expanduser(path), encoding="latin-1") as file:
            pem = file.read()
    except OSError as error:
        raise ValueError(f"tls: the CA file {path} cannot be read: {error.strerror}") from None
    if _PEM not in pem:
        raise ValueError(
            f"tls: {path} holds no certificate: a PEM file with a line {_PEM} is expected"
        )
    # Only the certificates: OpenSSL takes no notes beside them, and a private key stays here.
    end = _PEM.replace("BEGIN", "END")
    bodies = [part.partition(end)[0] for part in pem.split(_PEM)[1:]]
    return "".join(f"{_PEM}{body}{end}\n" for body in bodies), path


def server_context(
    certificate: "str | os.PathLike[str]", key: "str | os.PathLike[str]"
) -> ssl.SSLContext:
    """What a server needs. Asks no certificate of its clients.

    Args:
        certificate: a PEM file, the server's own first, then those that signed it.
        key: the PEM file of its private key, without a password.

    Raises:
        ValueError: a file is missing, or not what it should be, or they do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Nobody resumes a session here; a ticket that nobody read would turn an end into a reset.
    context.num_tickets = 0
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        raise ValueError(
            f"the certificate {os.fspath(certificate)} and the key {os.fspath(key)} cannot be "
            f"used: {error.reason or error}"
        ) from None
    except OSError as error:
        names = f"{os.fspath(certificate)} or {os.fspath(key)}"
        raise ValueError(f"a TLS file, {names}, cannot be read: {error.strerror}") from None
    return context


def _no_password() -> str:
    """Instead of a question on the terminal."""
    raise ValueError("the private key has a password; use one without")


def explain(error: ssl.SSLError, *, peer: str, server_side: bool, head: bytes) -> str:
    """Why the handshake failed and what to do, for people.

    Args:
        peer: the host that was dialled; unused on the server's side.
        head: the first bytes that the peer sent.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(error, peer)
    reason = error.reason or str(error)
    for alert, meaning in _REFUSALS.items():
        if alert in reason:
            return f"the other side does not accept our certificate: {meaning} ({reason})"
    if "CERTIFICATE_REQUIRED" in reason:
        return (
            "the server wants a certificate of the client: give tls= an ssl.SSLContext that has "
            f"loaded one ({reason})"
        )
    if not head[:1] or head[0] in range(20, 24):  # it does speak TLS
        return f"the TLS handshake failed: {reason}"
    spoken = "speaks plain YMQ, not TLS" if head.startswith(b"YMQ") else "does not speak TLS"
    if server_side:
        return f"the client {spoken}: this is a tls:// or wss:// address ({reason})"
    return (
        f"the server at {peer} {spoken}: is it a tcp:// or ws:// address, or another port? "
        f"({reason})"
    )


def _explain_certificate(error: ssl.SSLCertVerificationError, peer: str) -> str:
    code, what = error.verify_code, error.verify_message
    if code in _UNTRUSTED:
        return (
            f"the certificate of {peer} is not trusted here: {what}. Give the file of the "
            "certificate authority that signed it, or a copy of the certificate itself where it "
            "is self-signed: tls='ca.pem'"
        )
    if code in _OTHER_NAME:
        return (
            f"the certificate of {peer} is for another host: {what}. Connect by a name that it "
            "bears, or make one with this name or IP address among its subjectAltName entries"
        )
    if code in (_NOT_YET, _EXPIRED):
        return (
            f"the certificate of {peer} is of another time: {what}. Renew it on the server, and "
            "look at the clocks of both machines"
        )
    return f"the certificate of {peer} is refused: {what}"
