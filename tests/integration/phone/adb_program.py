"""Drives a phone with the `adb` program, which is Google's own client of the daemon."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.integration.phone.simulated_phone import PhoneHandle

TIMEOUT_S = 30


class AdbProgram:
    """
    An adb with a server of its own, so that the user's server and keys stay as they are.

    Args:
        phone: The phone that all commands go to.
        home: A folder for its key.
    """

    def __init__(self, phone: PhoneHandle, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._serial = f"{phone.host}:{phone.port}"
        self._server = ["adb", "-L", f"tcp:{port}"]
        self._environment = {**os.environ, "HOME": str(home)}

    def connect(self) -> None:
        said = self._run([*self._server, "connect", self._serial]).stdout.decode()
        assert said.startswith("connected to"), said

    def kill_server(self) -> None:
        self._run([*self._server, "kill-server"])

    def shell(self, command: str) -> "subprocess.CompletedProcess[bytes]":
        """Run a command with its outputs apart and its exit status."""
        return self._run([*self._server, "-s", self._serial, "shell", command])

    def out(self, command: str) -> str:
        """Run a command and return what it printed, stripped."""
        return self.shell(command).stdout.decode().strip()

    def exec_out(self, command: str) -> bytes:
        """Run a command without a terminal and return its raw output."""
        return self._run([*self._server, "-s", self._serial, "exec-out", command]).stdout

    def push(self, source: Path, target: str) -> None:
        done = self._run([*self._server, "-s", self._serial, "push", str(source), target])
        assert done.returncode == 0, done.stderr

    def forward(self, remote: str) -> int:
        """Forward a free port of this machine to a socket of the phone; returns the port."""
        return int(
            self._run([*self._server, "-s", self._serial, "forward", "tcp:0", remote]).stdout
        )

    @contextlib.contextmanager
    def running(self, command: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a command meanwhile; it is ended at the end."""
        with subprocess.Popen(
            [*self._server, "-s", self._serial, "exec-out", command],
            env=self._environment,
            stdout=subprocess.DEVNULL,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def _run(self, command: list[str]) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            command, env=self._environment, capture_output=True, timeout=TIMEOUT_S, check=False
        )
