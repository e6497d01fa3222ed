"""
Whose finger is whose on a phone that several viewers touch at once.

The phone knows ten fingers; viewers number their own from zero. This maps one to the other, drops
what cannot be right (a move of a finger that is not down, a touch on a picture of another size),
and lifts the fingers of a viewer who is gone: a finger that stays down spoils every later touch.

Pure. One tracker for each phone.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from cloudphone_protocol.channel import Touch, TouchAction

MAX_FINGERS = 10
"""What scrcpy's server keeps apart (`PointersState.MAX_POINTERS`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finger:
    pointer: int
    """As the phone knows it: 0..9."""
    last: Touch


class PointerTracker:
    """Fingers that are down, of all viewers."""

    def __init__(self) -> None:
        self._fingers: dict[tuple[Hashable, int], _Finger] = {}
        self._picture_px: tuple[int, int] | None = None

    @property
    def down_count(self) -> int:
        """Fingers that are down."""
        return len(self._fingers)

    def apply(self, viewer: Hashable, touch: Touch) -> tuple[Touch, ...]:
        """
        Translate one touch of a viewer.

        Args:
            viewer: Tells viewers apart.
            touch: As it came, with the viewer's own `pointer`.
        Returns:
            Touches for the phone, with the phone's `pointer`. None if it is dropped: a move or an
            up of a finger that is not down, an eleventh finger, another picture's size. A second
            down of one finger lifts it first: an up was lost.
        """
        if self._picture_px is not None and (touch.width, touch.height) != self._picture_px:
            return ()
        key = (viewer, touch.pointer)
        finger = self._fingers.get(key)
        if touch.action == TouchAction.DOWN:
            lifted = () if finger is None else (_lift(self._fingers.pop(key)),)
            pointer = next(self._free_pointers(), None)
            if pointer is None:
                return lifted
            self._fingers[key] = _Finger(pointer=pointer, last=touch)
            return (*lifted, _renumber(touch, pointer))
        if finger is None:
            return ()
        if touch.action == TouchAction.MOVE:
            self._fingers[key] = _Finger(pointer=finger.pointer, last=touch)
        else:
            del self._fingers[key]
        return (_renumber(touch, finger.pointer),)

    def release_all(self, viewer: Hashable) -> tuple[Touch, ...]:
        """The viewer is gone, or may not touch any more: ups for its fingers."""
        keys = [key for key in self._fingers if key[0] == viewer]
        return tuple(_lift(self._fingers.pop(key)) for key in keys)

    def set_picture_size(self, width_px: int, height_px: int) -> tuple[Touch, ...]:
        """
        The picture has this size from now on; touches on another one are dropped.

        Returns:
            After a change, ups for all fingers, at the place nearest to where they were: the
            phone would ignore ups on the old picture.
        """
        if self._picture_px == (width_px, height_px):
            return ()
        self._picture_px = (width_px, height_px)
        fingers = list(self._fingers.values())
        self._fingers.clear()
        return tuple(
            _lift(finger).model_copy(
                update={
                    "width": width_px,
                    "height": height_px,
                    "x": min(finger.last.x, width_px - 1),
                    "y": min(finger.last.y, height_px - 1),
                }
            )
            for finger in fingers
        )

    def _free_pointers(self) -> Iterator[int]:
        used = {finger.pointer for finger in self._fingers.values()}
        return (pointer for pointer in range(MAX_FINGERS) if pointer not in used)


def _renumber(touch: Touch, pointer: int) -> Touch:
    return touch.model_copy(update={"pointer": pointer})


def _lift(finger: _Finger) -> Touch:
    return finger.last.model_copy(update={"action": TouchAction.UP, "pointer": finger.pointer})
