"""
One fuzzing process: `python -m tests.fuzz.process TARGET [libFuzzer's arguments]`.

`campaign` starts it; by hand it reproduces a crash: give it the file with the input.
"""

import logging
import sys

import atheris

with atheris.instrument_imports(
    include=["cloudphone_streamer", "cloudphone_protocol", "aioice.stun", "aiortc.sdp"],
    enable_loader_override=False,
):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    # What a hostile peer provokes is logged, and by the thousand here.
    logging.disable(logging.CRITICAL)
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
