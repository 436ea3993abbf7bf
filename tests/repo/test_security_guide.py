"""The command of the security guide makes a certificate that both sides can use."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import tidy
from layer_kit import shuttle

from futurefsm.protocol.transport.layers import Stack, TlsLayer, layers_for
from futurefsm.protocol.transport.tls import server_context

PAGE = tidy.ROOT / "docs" / "guides" / "security.md"


@pytest.mark.system("openssl")
def test_the_certificate(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (command,) = re.findall(r"```sh\n(openssl .*?)```", PAGE.read_text(), re.DOTALL)
    subprocess.run(command, shell=True, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    context = server_context(tmp_path / "cert.pem", tmp_path / "key.pem")
    for host, fits in (("10.0.0.5", True), ("scheduler.example", True), ("10.0.0.6", False)):
        client = Stack(layers_for("tls", host, tls=tmp_path / "cert.pem"))
        server = Stack([TlsLayer(context, server=True)])
        shuttle(client, server)
        assert client.ready is fits
        assert (client.failure is None) is fits
