"""`futurefsm engine` as a process of its own, for tests."""

import os
import select
import signal
import subprocess
import sys
from typing import Any

BOUND = 60.0


class EngineServer:
    """Started by the constructor, and listening when that returns.

    Attributes:
        address, storage, backend: what it printed.
    """

    def __init__(self, *options: str, env: dict[str, str] | None = None, **popen: Any) -> None:
        command = [sys.executable, "-m", "futurefsm", "engine", "--bind", "tcp://127.0.0.1:0"]
        self.process = subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(env or {})},
            **popen,
        )
        assert self.process.stdout is not None
        try:
            assert select.select([self.process.stdout], [], [], BOUND)[0], "it says nothing"
            line = self.process.stdout.readline()
            head, _, rest = line.partition(": ")
            assert head == "futurefsm engine ready", line
            self.fields = dict(field.split("=", 1) for field in rest.split())
        except BaseException:
            self.kill()
            raise
        self.address = self.fields["address"]
        self.storage = self.fields["storage"]
        self.backend = self.fields["backend"]

    def __enter__(self) -> "EngineServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it as a user does; its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        try:
            return self.process.wait(BOUND)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()

    def kill(self) -> None:
        """End it without a chance to clean up."""
        self.process.kill()
        self.process.wait(BOUND)
        if self.process.stdout is not None:
            self.process.stdout.close()
