"""Acts on control messages, and sends the clipboard back."""

import io
import socket
import threading

from dev.phone import keyboard
from dev.phone.framework_client import FrameworkClient
from dev.phone.geometry import Point
from dev.phone.scrcpy import wire
from dev.phone.scrcpy.control_messages import (
    Action,
    BackOrScreenOn,
    ControlMessage,
    ControlProtocolError,
    Empty,
    EmptyType,
    GetClipboard,
    InjectKeycode,
    InjectScroll,
    InjectText,
    InjectTouch,
    Position,
    SetClipboard,
    SetDisplayPower,
    StartApp,
    UhidCreate,
    UhidDestroy,
    UhidInput,
    read_control_message,
)
from dev.phone.scrcpy.log import Level, log
from dev.phone.scrcpy.options import Options
from dev.phone.scrcpy.video import VideoStream
from dev.phone.state import PhoneState

_POINTER_ID_MOUSE = -1
_BUTTON_PRIMARY = 1
_MAX_POINTERS = 10
_COPY_KEYS = {1: keyboard.KEYCODE_COPY, 2: keyboard.KEYCODE_CUT}


class Controller:
    """
    The control stream of one connection.

    Args:
        control: The control socket.
        framework: Gets the events; its state says where fingers are.
        video: The connection's video stream; positions for another size are ignored.
        options: The server's options.
    """

    def __init__(
        self,
        control: socket.socket,
        framework: FrameworkClient,
        video: VideoStream | None,
        options: Options,
    ) -> None:
        self._control = control
        self._framework = framework
        self._video = video
        self._options = options
        self._pointers: set[int] = set()
        self._send_lock = threading.Lock()
        self._own_clipboard: str | None = None

    def run(self) -> None:
        """Act on messages until the client is gone."""
        stream = io.BufferedReader(socket.SocketIO(self._control, "r"))
        try:
            while True:
                self._handle(read_control_message(stream))
        except (EOFError, OSError):
            log(Level.DEBUG, "Controller stopped")
        except ControlProtocolError as error:
            log(Level.ERROR, f"Controller error: {error}")

    def state_changed(self, before: PhoneState, after: PhoneState) -> None:
        """Tell the client a clipboard text that it did not set itself."""
        if before.clipboard == after.clipboard or not self._options.clipboard_autosync:
            return
        if after.clipboard != self._own_clipboard:
            self._send(wire.clipboard_message(after.clipboard))
        self._own_clipboard = None

    def _handle(self, message: ControlMessage) -> None:
        match message:
            case InjectTouch():
                self._touch(message)
            case InjectKeycode(action=Action.DOWN):
                self._key(message.keycode, message.meta_state)
            case InjectKeycode() | InjectScroll():
                # A key's release and a scroll change nothing that this phone shows.
                pass
            case InjectText():
                self._text(message.text)
            case BackOrScreenOn(action=Action.DOWN):
                is_on = self._framework.state.screen_on
                self._key(keyboard.KEYCODE_BACK if is_on else keyboard.KEYCODE_POWER, 0)
            case BackOrScreenOn():
                pass
            case GetClipboard():
                self._get_clipboard(message.copy_key)
            case SetClipboard():
                self._set_clipboard(message)
            case SetDisplayPower():
                self._framework.send("screen", on=message.on)
                log(Level.INFO, f"Device display turned {'on' if message.on else 'off'}")
            case Empty(type=EmptyType.ROTATE_DEVICE):
                self._framework.send("rotate")
            case Empty(type=EmptyType.RESET_VIDEO):
                if self._video:
                    log(Level.INFO, "Video capture reset")
                    self._video.reset()
            case Empty():
                log(Level.DEBUG, f"{message.type.name} has no effect on a simulated phone")
            case UhidCreate() | UhidInput() | UhidDestroy():
                log(Level.ERROR, "Failed to open /dev/uhid: a simulated phone has none")
            case StartApp():
                log(Level.WARN, f'No app found for package "{message.name}"')

    def _touch(self, message: InjectTouch) -> None:
        point = self._display_point(message.position)
        if point is None:
            return
        other_buttons = (message.action_button | message.buttons) & ~_BUTTON_PRIMARY
        is_mouse = message.pointer_id == _POINTER_ID_MOUSE and (
            message.action == Action.HOVER_MOVE or other_buttons
        )
        if is_mouse:
            # A mouse pointer is no finger: nothing is down.
            return
        pointer = message.pointer_id
        if message.action in {Action.UP, Action.CANCEL}:
            self._pointers.discard(pointer)
            self._framework.send("finger_up", pointer=pointer)
            return
        if pointer not in self._pointers and len(self._pointers) >= _MAX_POINTERS:
            log(Level.WARN, "Too many pointers for touch event")
            return
        self._pointers.add(pointer)
        self._framework.send("finger_down", pointer=pointer, x=point.x_px, y=point.y_px)

    def _display_point(self, position: Position) -> Point | None:
        display = self._framework.state.display_size
        video = self._video.video if self._video else position.video
        if position.video != video:
            log(
                Level.VERBOSE,
                f"Ignore positional event generated for size {position.video} "
                f"(current size is {video})",
            )
            return None
        return position.point.scaled(video, display)

    def _key(self, keycode: int, meta_state: int) -> None:
        self._framework.send("key_down", keycode=keycode, meta=meta_state)

    def _text(self, text: str) -> None:
        for character in text:
            if not keyboard.can_be_injected(character):
                log(Level.WARN, f"Could not inject char u+{ord(character):04x}")
        self._framework.send("text", text="".join(filter(keyboard.can_be_injected, text)))

    def _get_clipboard(self, copy_key: int) -> None:
        if copy_key in _COPY_KEYS:
            self._key(_COPY_KEYS[copy_key], 0)
        if not self._options.clipboard_autosync:
            self._send(wire.clipboard_message(self._framework.state.clipboard))

    def _set_clipboard(self, message: SetClipboard) -> None:
        self._own_clipboard = message.text
        self._framework.send("clipboard", text=message.text)
        log(Level.INFO, "Device clipboard set")
        if message.paste:
            self._key(keyboard.KEYCODE_PASTE, 0)
        if message.sequence != 0:
            self._send(wire.clipboard_ack_message(message.sequence))

    def _send(self, message: bytes) -> None:
        # The reading thread and the one that follows the state both send.
        with self._send_lock:
            self._control.sendall(message)
