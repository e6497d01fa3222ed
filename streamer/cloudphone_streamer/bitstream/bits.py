"""Reads the syntax elements of H.264 headers; see H.264 - 7.2 and 9.1."""

from cloudphone_streamer.bitstream.errors import BitstreamError

_MAX_EXP_GOLOMB_ZEROS = 32


class BitReader:
    """
    A position in the bits of a payload.

    Args:
        data: RBSP bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def read_bits(self, count: int) -> int:
        """
        The next `count` bits, u(n).

        Raises:
            BitstreamError: If there are fewer.
        """
        if count > self._left:
            raise BitstreamError(f"header ends {count - self._left} bits early")
        self._left -= count
        return (self._bits >> self._left) & ((1 << count) - 1)

    def read_flag(self) -> bool:
        """The next bit, u(1)."""
        return self.read_bits(1) == 1

    def read_unsigned(self) -> int:
        """
        An Exp-Golomb number, ue(v).

        Raises:
            BitstreamError: If it is longer than 32 bits or the payload ends.
        """
        zeros = 0
        while not self.read_bits(1):
            zeros += 1
            if zeros > _MAX_EXP_GOLOMB_ZEROS:
                raise BitstreamError("header number is longer than 32 bits; expected at most that")
        return (1 << zeros) - 1 + self.read_bits(zeros)

    def read_signed(self) -> int:
        """A signed Exp-Golomb number, se(v)."""
        number = self.read_unsigned()
        return (number + 1) // 2 if number % 2 else -(number // 2)
