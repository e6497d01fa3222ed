"""
From an encoder's packets to access units that a viewer can join at.

Android's MediaCodec yields parameter sets once, as a packet of their own, after each start of the
encoder; a viewer needs them before every IDR picture.
"""

from cloudphone_streamer.bitstream.access_unit import AccessUnit
from cloudphone_streamer.bitstream.errors import BitstreamError
from cloudphone_streamer.bitstream.nal import NalType, nal_type, split_annex_b
from cloudphone_streamer.bitstream.sps import SequenceParameters, parse_sps

_MAX_PARAMETER_SETS_BYTES = 16 * 1024
_OF_NO_USE = frozenset(
    {
        NalType.ACCESS_UNIT_DELIMITER,
        NalType.END_OF_SEQUENCE,
        NalType.END_OF_STREAM,
        NalType.FILLER,
    }
)
"""NAL units that RTP does without: the marker bit ends a picture, and filler is dead weight."""


class AccessUnitAssembler:
    """
    Assembles the pictures of one source, from its start to its end.

    Nothing is yielded before the first key picture. Time stamps are made to increase.
    """

    def __init__(self) -> None:
        self._sps_nals: tuple[bytes, ...] = ()
        self._pps_nals: tuple[bytes, ...] = ()
        self._parameters: SequenceParameters | None = None
        self._started = False
        self._last_pts_us = -1

    @property
    def parameters(self) -> SequenceParameters | None:
        """The SPS in force; none before the first one."""
        return self._parameters

    def feed(self, data: bytes, *, pts_us: int) -> AccessUnit | None:
        """
        Take one packet: parameter sets, a picture, or both.

        Args:
            data: Annex B byte stream, whole NAL units.
            pts_us: Capture time; of no meaning for parameter sets alone.
        Returns:
            The picture; none for parameter sets, or while nothing can be decoded yet.
        Raises:
            BitstreamError: If this is no H.264.
        """
        picture: list[bytes] = []
        sps_nals: list[bytes] = []
        pps_nals: list[bytes] = []
        is_key = has_slice = False
        for nal in split_annex_b(data):
            kind = nal_type(nal)
            if kind == NalType.SPS:
                sps_nals.append(nal)
            elif kind == NalType.PPS:
                pps_nals.append(nal)
            elif kind not in _OF_NO_USE:
                picture.append(nal)
                is_key = is_key or kind == NalType.IDR_SLICE
                has_slice = has_slice or NalType.SLICE <= kind <= NalType.IDR_SLICE
        if sps_nals or pps_nals:
            self._set_parameters(sps_nals, pps_nals)
        if not has_slice:
            return None
        if is_key and self._sps_nals and self._pps_nals:
            self._started = True
        if not self._started or self._parameters is None:
            return None
        self._last_pts_us = max(pts_us, self._last_pts_us + 1)
        prefix = self._sps_nals + self._pps_nals if is_key else ()
        return AccessUnit(
            nals=(*prefix, *picture),
            pts_us=self._last_pts_us,
            is_key=is_key,
            width_px=self._parameters.width_px,
            height_px=self._parameters.height_px,
        )

    def _set_parameters(self, sps_nals: list[bytes], pps_nals: list[bytes]) -> None:
        size_bytes = sum(map(len, sps_nals)) + sum(map(len, pps_nals))
        if size_bytes > _MAX_PARAMETER_SETS_BYTES:
            raise BitstreamError(
                f"parameter sets are {size_bytes} bytes; "
                f"expected at most {_MAX_PARAMETER_SETS_BYTES}"
            )
        if sps_nals:
            self._parameters = parse_sps(sps_nals[0])
            self._sps_nals = tuple(sps_nals)
        if pps_nals:
            self._pps_nals = tuple(pps_nals)
