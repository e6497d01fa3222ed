"""
The server's file: one version, known by its checksum, here and on the phone.

Client and server of scrcpy must be of the same version to the letter, so there is one file, and
nothing is negotiated with it.
"""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from cloudphone_streamer.adb.connection import AdbConnection
from cloudphone_streamer.adb.shell import Command
from cloudphone_streamer.adb.sync import push
from cloudphone_streamer.capture.errors import CaptureFailure

SHA256 = "8588238c9a5a00aa542906b6ec7e6d5541d9ffb9b5d0f6e1bc0e365e2303079e"
"""Of scrcpy-server-v3.3.4 as its authors published it."""

DEVICE_PATH = f"/data/local/tmp/cloudphone-scrcpy-server-{SHA256[:16]}.jar"
"""
Where the file lies on the phone.

Named by its content: whoever writes it writes the same, and it may stay. Only Android's shell
user can write there.
"""

_OUTPUT_LIMIT_BYTES = 1024
_READABLE = 0o444
"""
Readable for all, writable for nobody.

The daemon gives group and others the owner's bits, so 0644 would let every app on the phone put
its own code there, to be run as Android's shell user.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerJar:
    """The genuine server file."""

    content: bytes

    @classmethod
    def load(cls, path: Path) -> "ServerJar":
        """
        Read the file and check that it is the genuine one.

        Raises:
            CaptureFailure: `ScrcpyServerMissing` or `ScrcpyServerChecksum`.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CaptureFailure(
                "ScrcpyServerMissing",
                f"scrcpy server file {path} cannot be read: {error.strerror}; "
                "expected scrcpy-server-v3.3.4 there (SCRCPY_SERVER_PATH)",
                needs_person=True,
            ) from None
        digest = hashlib.sha256(content).hexdigest()
        if digest != SHA256:
            raise CaptureFailure(
                "ScrcpyServerChecksum",
                f"scrcpy server file {path} has SHA-256 {digest}; "
                f"expected {SHA256} (scrcpy-server-v3.3.4)",
                needs_person=True,
            )
        return cls(content=content)

    async def ensure_on_phone(self, connection: AdbConnection, *, timeout_s: float) -> None:
        """
        Push the file unless the phone has it.

        Written beside its place and renamed, so that a server that starts at the same time, for
        example that of the streamer this one replaces, never sees half of it.

        Raises:
            AdbError: If the phone does not take it.
            CaptureFailure: If the phone does not do it in time.
        """
        try:
            async with asyncio.timeout(timeout_s):
                if (await _run(connection, f"sha256sum {DEVICE_PATH}")).startswith(SHA256):
                    return
                temporary = f"{DEVICE_PATH}.{secrets.token_hex(4)}"
                await push(connection, temporary, self.content, mode=_READABLE)
                await _run(connection, f"mv -f {temporary} {DEVICE_PATH}")
        except TimeoutError:
            raise CaptureFailure(
                "DeviceUnresponsive",
                f"the phone did not take the scrcpy server within {timeout_s:g} s; "
                "check the load of the phone and the network to it",
                needs_person=False,
            ) from None


async def _run(connection: AdbConnection, command: str) -> str:
    """Output of a short command of ours, whatever its exit status."""
    running = await Command.start(connection, command, output_limit_bytes=_OUTPUT_LIMIT_BYTES)
    try:
        await running.ended.wait()
    finally:
        running.kill()
    return running.output
