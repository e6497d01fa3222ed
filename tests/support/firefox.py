"""
Debian's Firefox ESR on a page, driven by WebDriver BiDi over its own WebSocket.

Playwright drives a Firefox of its own making only; the stock one speaks BiDi, which is JSON over a
WebSocket. Only what tests need is here.
"""

import asyncio
import itertools
import json
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

_PREFERENCES = """
user_pref("media.autoplay.default", 0);
user_pref("media.peerconnection.ice.loopback", true);
user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,#");
"""

_LISTENING = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
_START_TIMEOUT_S = 60.0
_COMMAND_TIMEOUT_S = 30.0


class FirefoxPage:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._context = ""

    async def open(self, url: str) -> None:
        """Load a page."""
        if not self._context:
            await self._call("session.new", capabilities={})
            self._context = (await self._call("browsingContext.create", type="tab"))["context"]
        await self._call(
            "browsingContext.navigate", context=self._context, url=url, wait="complete"
        )

    async def evaluate(self, expression: str) -> Any:
        """Value of an expression in the page, promises awaited; it must be a JSON text or null."""
        result = await self._call(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then(JSON.stringify)",
            target={"context": self._context},
            awaitPromise=True,
        )
        assert result["type"] == "success", result
        value = result["result"].get("value")
        return None if value is None else json.loads(value)

    async def wait_for(self, expression: str, timeout_s: float = 30) -> None:
        """Wait until an expression is true."""
        async with asyncio.timeout(timeout_s):
            while not await self.evaluate(expression):
                await asyncio.sleep(0.1)

    async def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(_COMMAND_TIMEOUT_S):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == number:
                    assert message["type"] == "success", message
                    return message["result"]


@asynccontextmanager
async def firefox() -> AsyncIterator[FirefoxPage]:
    """
    Start headless Firefox with one tab.

    Raises:
        RuntimeError: If Firefox ESR is not installed.
    """
    path = shutil.which("firefox-esr")
    if path is None:
        raise RuntimeError("firefox-esr is not installed; install it: apt-get install firefox-esr")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        (Path(profile) / "user.js").write_text(_PREFERENCES, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            path,
            *("--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", profile),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        try:
            url = await _listening_url(process.stderr)
            drain = asyncio.create_task(_drain(process.stderr))
            async with (
                aiohttp.ClientSession() as http,
                http.ws_connect(f"{url}/session", max_msg_size=0) as socket,
            ):
                yield FirefoxPage(socket)
            drain.cancel()
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(10):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()


async def _listening_url(stderr: asyncio.StreamReader) -> str:
    async with asyncio.timeout(_START_TIMEOUT_S):
        while line := await stderr.readline():
            match = _LISTENING.search(line)
            if match is not None:
                return match[1].decode()
    raise RuntimeError("firefox-esr ended before it listened")


async def _drain(stderr: asyncio.StreamReader) -> None:
    while await stderr.readline():
        pass
