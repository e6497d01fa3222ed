"""The server's sockets: one abstract Unix socket, connected once for each stream in use."""

import socket
from dataclasses import dataclass

from dev.phone.scrcpy.options import Options

_DUMMY_BYTE = b"\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The sockets of one client, None where a stream was not asked for."""

    video: socket.socket | None
    audio: socket.socket | None
    control: socket.socket | None

    @property
    def sockets(self) -> list[socket.socket]:
        """The sockets in use, in the order of the protocol."""
        return [one for one in (self.video, self.audio, self.control) if one]

    def close(self) -> None:
        """Shut all sockets down, which wakes every thread that reads or writes one."""
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                # The client was faster.
                continue


def open_connection(options: Options) -> Connection:
    """
    Wait for the client's sockets (forward tunnel), or connect to its listener (reverse tunnel).

    Forward only: adb accepts a connection before the server listens, so the first socket gets a
    byte that tells the client that the server itself is there.

    Raises:
        OSError: If the address is in use, or nobody listens.
    """
    address = f"\0{options.socket_name}"
    wanted = {"video": options.video, "audio": options.audio, "control": options.control}
    opened: dict[str, socket.socket | None] = dict.fromkeys(wanted)
    if not options.tunnel_forward:
        for name in (name for name, is_wanted in wanted.items() if is_wanted):
            one = socket.socket(socket.AF_UNIX)
            one.connect(address)
            opened[name] = one
        return Connection(**opened)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        dummy_byte = _DUMMY_BYTE if options.send_dummy_byte else b""
        for name in (name for name, is_wanted in wanted.items() if is_wanted):
            one, _ = listener.accept()
            one.sendall(dummy_byte)
            dummy_byte = b""
            opened[name] = one
    return Connection(**opened)
