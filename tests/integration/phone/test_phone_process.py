"""The phone as a process: what it costs, and that it goes without a trace."""

import contextlib
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.phone.adb_program import AdbProgram
from tests.integration.phone.simulated_phone import PhoneError, PhoneHandle, simulated_phone

MAX_CPU_SHARE = 0.30
MEASURED_S = 4


def processes_in(namespace: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str((process / "ns/pid").readlink()) == namespace:
                found.append((process / "cmdline").read_text())
    return found


def share_of_a_core(phone: PhoneHandle) -> float:
    before_s, started_s = phone.cpu_s(), time.monotonic()
    time.sleep(MEASURED_S)
    return (phone.cpu_s() - before_s) / (time.monotonic() - started_s)


def test_it_needs_less_than_a_third_of_a_core_and_nothing_when_idle(
    adb: AdbProgram, phone: PhoneHandle
) -> None:
    with adb.running("screenrecord --output-format=h264 --bit-rate 8M -"):
        time.sleep(1)
        streaming = share_of_a_core(phone)
    time.sleep(1)
    assert 0.01 < streaming < MAX_CPU_SHARE
    assert share_of_a_core(phone) < 0.01


def test_two_phones_are_apart_and_leave_nothing() -> None:
    with simulated_phone() as one, simulated_phone() as other:
        assert one.host != other.host
        namespaces = [str(Path(f"/proc/{phone.pid}/ns/pid").readlink()) for phone in (one, other)]
        assert all(processes_in(namespace) for namespace in namespaces)
    assert [processes_in(namespace) for namespace in namespaces] == [[], []]
    routes = subprocess.run(["ip", "route"], check=True, capture_output=True, text=True).stdout
    assert one.host.rpartition(".")[0] not in routes


def test_a_killed_phone_is_gone_at_once() -> None:
    with simulated_phone() as phone:
        namespace = str(Path(f"/proc/{phone.pid}/ns/pid").readlink())
        phone.kill()
        deadline_s = time.monotonic() + 5
        while processes_in(namespace) and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert processes_in(namespace) == []


def test_its_display_is_configured_as_a_redroids() -> None:
    arguments = ["androidboot.redroid_width=1080", "androidboot.redroid_height=1920"]
    with simulated_phone(arguments) as phone:
        assert phone.port == 5555
    with (
        pytest.raises(PhoneError, match="display is 10x1280"),
        simulated_phone(["androidboot.redroid_width=10"]),
    ):
        pass
