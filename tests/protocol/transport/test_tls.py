import re
import ssl
from pathlib import Path

import pytest
from certificates import authority, local

from futurefsm.protocol.transport.tls import client_context, explain, portable, server_context

CERTIFICATE = "-----BEGIN CERTIFICATE-----"


def test_without_a_setting_the_system_decides_and_verifies():
    context = client_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_path_is_all_that_is_trusted(monkeypatch):
    path = authority().path
    monkeypatch.setenv("HOME", str(Path(path).parent))
    for tls in (path, Path(path), Path(path).read_text(), "~/ca.pem"):
        context = client_context(tls)
        assert len(context.get_ca_certs()) == 1
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


def test_a_context_is_taken_as_it_is():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert client_context(context) is context


def test_what_stands_beside_the_certificates_is_passed_over(tmp_path):
    noted = tmp_path / "noted.pem"
    text = Path(authority().path).read_text() + Path(authority("other").path).read_text()
    noted.write_text(f"Überschrift\n{text}\n" + Path(local().key).read_text(), encoding="latin-1")
    assert len(client_context(noted).get_ca_certs()) == 2
    carried = portable(noted)
    assert carried is not None
    assert "PRIVATE" not in carried
    assert len(client_context(carried).get_ca_certs()) == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "holds no certificate: a PEM file"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n", "holds no certificate"),
        (f"{CERTIFICATE}\nrubbish\n-----END CERTIFICATE-----\n", "no certificate that can be read"),
        (f"{CERTIFICATE}\n????", "no certificate that can be read"),
    ],
)
def test_a_bad_ca_file_is_named(tmp_path, content, says):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=f"tls: .*{path}.*{says}"):
        client_context(path)


def test_a_folder_is_no_ca_file(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        client_context(tmp_path)


@pytest.mark.parametrize("tls", [True, False, 1, b"ca.pem"])
def test_there_is_no_switch_to_verify_nothing(tls):
    with pytest.raises(TypeError, match="certificates are always verified"):
        client_context(tls)


def test_what_travels_with_a_pickled_client():
    assert portable(None) is None
    path = authority().path
    assert portable(path) == Path(path).read_text()
    assert portable(portable(path)) == portable(path)
    with pytest.raises(TypeError, match="contexts cannot leave their process"):
        portable(ssl.create_default_context())


def test_a_server_needs_both_files(tmp_path):
    pair = local()
    context = server_context(pair.certificate, pair.key)
    assert context.verify_mode is ssl.CERT_NONE
    assert context.num_tickets == 0
    with pytest.raises(ValueError, match=r"missing\.pem.*cannot be read: No such file"):
        server_context(tmp_path / "missing.pem", pair.key)
    with pytest.raises(ValueError, match="cannot be used"):
        server_context(pair.key, pair.certificate)
    other = authority().sign("other.example")
    with pytest.raises(ValueError, match="KEY_VALUES_MISMATCH"):
        server_context(pair.certificate, other.key)


def test_a_key_with_a_password_asks_nobody(tmp_path):
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(Path(local().key).read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    with pytest.raises(ValueError, match="the private key has a password"):
        server_context(local().certificate, locked)


def failure(reason, code=None):
    if code is None:
        error = ssl.SSLError(1, "it failed")
        error.reason = reason
        return error
    error = ssl.SSLCertVerificationError(1, "failed")
    error.verify_code, error.verify_message = code, reason
    return error


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (18, "the certificate of host is not trusted here: why. .*tls='ca.pem'"),
        (20, "not trusted"),
        (62, "is for another host: why. Connect by a name that it bears"),
        (64, "subjectAltName"),
        (10, "is of another time: why. Renew it"),
        (9, "clocks of both machines"),
        (23, "the certificate of host is refused: why"),
    ],
)
def test_what_is_wrong_with_a_certificate(code, says):
    error = failure("why", code)
    text = explain(error, peer="host", server_side=False, head=b"\x16\x03")
    assert re.search(says, text), text


@pytest.mark.parametrize(
    ("reason", "server", "head", "says"),
    [
        ("TLSV1_ALERT_UNKNOWN_CA", True, b"\x15", "does not accept our certificate: it does not"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", True, b"\x15", "it has expired"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", False, b"\x15", "wants a certificate of the client"),
        ("UNSUPPORTED_PROTOCOL", False, b"\x16", "the TLS handshake failed: UNSUPPORTED_PROTOCOL"),
        ("ODD", True, b"", "the TLS handshake failed: ODD"),
        ("WRONG_VERSION_NUMBER", False, b"YMQ\x02", "server at host speaks plain YMQ, not TLS: is"),
        ("WRONG_VERSION_NUMBER", False, b"HTTP/1.1", "the server at host does not speak TLS"),
        ("WRONG_VERSION_NUMBER", True, b"YMQ\x02", "the client speaks plain YMQ, not TLS: this is"),
        ("HTTP_REQUEST", True, b"GET / HT", "the client does not speak TLS"),
    ],
)
def test_what_else_goes_wrong(reason, server, head, says):
    text = explain(failure(reason), peer="host", server_side=server, head=head)
    assert says in text
    assert reason in text


def test_an_error_without_a_reason_is_quoted():
    error = failure(None)
    assert "it failed" in explain(error, peer="host", server_side=False, head=b"\x15")
