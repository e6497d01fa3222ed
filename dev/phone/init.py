"""
The phone's first process: starts adbd and the framework, and reaps orphans.

As process 1 of a container it takes the whole phone with it when it ends.
"""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from dev.phone.framework import Framework
from dev.phone.geometry import Size
from dev.phone.state import PhoneState

ADB_PORT = 5555
_ADBD = "/usr/lib/android-sdk/platform-tools/adbd"
# Everything that a shell of adbd finds; /system/bin has the simulated commands.
_ENVIRONMENT = {
    "PATH": "/system/bin:/usr/bin:/bin",
    "ANDROID_ROOT": "/system",
    "ANDROID_DATA": "/data",
    "HOME": "/",
    "LANG": "C.UTF-8",
    # A readiness probe makes a connection a second: at the level "info" each is twelve lines.
    "ANDROID_LOG_TAGS": "*:w",
}
_BOOT_POLL_S = 0.02
# Redroid's kernel-style parameters, which this phone takes as well.
_PARAMETERS = {
    "androidboot.redroid_width": 720,
    "androidboot.redroid_height": 1280,
    "androidboot.redroid_fps": 60,
}
# The clock strip is 704 pixels long, in either orientation.
_SIDES_PX = range(704, 2561)
_PROPERTIES = {
    "ro.build.version.sdk": "33",
    "ro.build.version.release": "13",
    "ro.build.fingerprint": "cloudphone/simulated/simulated:13/SIMULATED/1:userdebug/test-keys",
    "ro.product.brand": "cloudphone",
    "ro.product.manufacturer": "cloudphone",
    "ro.product.model": "Simulated Phone",
    "ro.product.name": "simulated",
    "ro.product.device": "simulated",
    "ro.product.cpu.abi": "x86_64",
    "ro.product.cpu.abilist": "x86_64",
    "ro.sf.lcd_density": "320",
    "ro.adb.secure": "0",
    "ro.debuggable": "1",
    "service.adb.tcp.port": str(ADB_PORT),
}


def boot_state(arguments: list[str]) -> PhoneState:
    """
    Return the state of a phone that is booting.

    Args:
        arguments: `NAME=VALUE` pairs, as a Redroid container takes them: the parameters above, or
            system properties that begin with `ro.`.
    Raises:
        ValueError: If an argument is neither.
    """
    parameters = dict(_PARAMETERS)
    properties = dict(_PROPERTIES)
    for argument in arguments:
        name, separator, value = argument.partition("=")
        if separator and name in parameters:
            parameters[name] = int(value)
        elif separator and name.startswith("ro."):
            properties[name] = value
        else:
            known = ", ".join(parameters)
            raise ValueError(f"argument is {argument}; expected ro.*=VALUE or one of {known}")
    width_px, height_px, fps = parameters.values()
    if any(side not in _SIDES_PX or side % 2 for side in (width_px, height_px)):
        raise ValueError(f"display is {width_px}x{height_px}; expected even sides of 704..2560")
    if not 1 <= fps <= 60:
        raise ValueError(f"androidboot.redroid_fps is {fps}; expected 1..60")
    for name, number in parameters.items():
        properties[name.replace("androidboot.", "ro.boot.")] = str(number)
    return PhoneState(natural_size=Size(width_px, height_px), properties=properties)


async def run(state: PhoneState) -> int:
    """Run a phone from this state until SIGTERM; returns the exit status."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, ended, 0)
    framework = Framework(state)
    await framework.serve()
    adbd_pid = _start_adbd()
    loop.add_signal_handler(signal.SIGCHLD, _reap, adbd_pid, ended)
    boot = loop.create_task(_finish_boot(framework))
    status = await ended
    boot.cancel()
    return status


def _start_adbd() -> int:
    """Start adbd and return its process id; `_reap` waits for it, as for every other child."""
    Path("/data/local/tmp").mkdir(parents=True, exist_ok=True)
    return subprocess.Popen([_ADBD], env=_ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL).pid


async def _finish_boot(framework: Framework) -> None:
    """Say that the phone has booted once adbd takes connections."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", ADB_PORT)
        except OSError:
            await asyncio.sleep(_BOOT_POLL_S)
        else:
            writer.close()
            break
    framework.set_property("sys.boot_completed", "1")
    print("phone: boot completed", file=sys.stderr, flush=True)


def _reap(adbd_pid: int, ended: "asyncio.Future[int]") -> None:
    """Collect every child that has ended; process 1 also inherits those of dead shells."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid == adbd_pid:
            code = os.waitstatus_to_exitcode(status)
            print(f"phone: adbd ended with {code}", file=sys.stderr, flush=True)
            _end(ended, 1)


def _end(ended: "asyncio.Future[int]", status: int) -> None:
    if not ended.done():
        ended.set_result(status)
