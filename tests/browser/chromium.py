"""A headless Chromium, driven by the protocol that it speaks itself (Chrome DevTools Protocol).

async with chromium() as browser:
    page = await browser.page(390, 844, dark=True)
    await page.go("http://127.0.0.1:8080/dashboard")
    await page.click("#find")
    await page.until("document.querySelector('#answer').textContent")
    ... page.faults ...
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-port=0",
)
WITHIN = 20.0
"""Seconds that anything may take."""
_CENTER = """(async () => {
  const it = document.querySelector(%s);
  if (!it) return null;
  it.scrollIntoView({block: "center"});
  const before = it.getBoundingClientRect();
  await new Promise(requestAnimationFrame);
  const {x, y, width, height} = it.getBoundingClientRect();
  const still = before.x === x && before.y === y;
  return still && width && height ? {x: x + width / 2, y: y + height / 2} : null;
})()"""
"""Where to click: null while it is not there, or moves."""


class ScriptError(Exception):
    """A script threw where it was not to."""


class Page:
    """One tab; *faults* are its uncaught errors and what the console told as errors."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._socket = socket
        self._session = session
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.faults: list[str] = []

    def heard(self, message: dict[str, Any]) -> None:
        """Take what Chromium says of this tab."""
        waiting = self._waiting.pop(message.get("id", 0), None)
        if waiting is not None:
            waiting.set_result(message)
            return
        told = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.faults.append(details.get("exception", {}).get("description", details["text"]))
        elif message.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.faults.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Do what *method* names; raise `ScriptError`."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        session = {"sessionId": self._session} if self._session else {}
        await self._socket.send_json({"id": number, "method": method, "params": params, **session})
        async with asyncio.timeout(WITHIN):
            answer = await waiting
        if "error" in answer:
            raise ScriptError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def value(self, script: str) -> Any:
        """Return what *script* comes to; raise `ScriptError`."""
        found = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise ScriptError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    async def until(self, script: str) -> Any:
        """Return what *script* comes to once that is something; between two pages it may throw."""
        try:
            async with asyncio.timeout(WITHIN):
                while True:
                    with suppress(ScriptError):
                        if found := await self.value(script):
                            return found
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never true: {script}") from None

    async def go(self, url: str) -> None:
        """Open *url* and wait until it is loaded."""
        await self.call("Page.navigate", url=url)
        await self.until(f"location.href === {_quoted(url)} && document.readyState === 'complete'")

    async def click(self, selector: str) -> None:
        """Press the mouse in the middle of what *selector* finds."""
        at = await self.until(_CENTER % _quoted(selector))
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at
            )

    async def write(self, selector: str, text: str) -> None:
        """Put the cursor into what *selector* finds and write *text* in place of what is there."""
        await self.click(selector)
        await self.value(f"document.querySelector({_quoted(selector)}).select()")
        await self.call("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press a key such as ``Tab``."""
        code = {"Tab": 9, "Enter": 13, "Escape": 27}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **named, **text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    async def picture(self, path: Path) -> None:
        """Write the whole page as PNG to *path*."""
        taken = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))


class Browser:
    """A Chromium that runs."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._main = Page(socket, "")
        self._pages: dict[str, Page] = {}

    async def listen(self) -> None:
        """Hand what Chromium says to whom it is for, until it is gone."""
        async for message in self._socket:
            told = orjson.loads(message.data)
            self._pages.get(told.get("sessionId", ""), self._main).heard(told)

    async def page(self, width: int, height: int, *, dark: bool = False) -> Page:
        """Open a tab of *width* by *height* CSS pixels, apart from others' storage."""
        context = (await self._ask("Target.createBrowserContext"))["browserContextId"]
        target = (
            await self._ask("Target.createTarget", url="about:blank", browserContextId=context)
        )["targetId"]
        attached = await self._ask("Target.attachToTarget", targetId=target, flatten=True)
        page = self._pages[attached["sessionId"]] = Page(self._socket, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log"):
            await page.call(f"{domain}.enable")
        await page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await page.call("Emulation.setEmulatedMedia", features=[scheme])
        return page

    async def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        return await self._main.call(method, **params)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run the Chromium that is installed; raise `FileNotFoundError` where none is."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise FileNotFoundError(f"none of {', '.join(NAMES)} is installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            found,
            *(*FLAGS, f"--user-data-dir={folder}"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            address = await _address(Path(folder) / "DevToolsActivePort")
            async with (
                aiohttp.ClientSession() as http,
                http.ws_connect(address, max_msg_size=0) as socket,
            ):
                browser = Browser(socket)
                listening = asyncio.create_task(browser.listen())
                yield browser
                listening.cancel()
        finally:
            process.kill()
            await process.wait()


async def _address(written: Path) -> str:
    async with asyncio.timeout(WITHIN):
        while not written.exists() or "\n" not in written.read_text():
            await asyncio.sleep(0.05)
    port, path = written.read_text().split("\n")[:2]
    return f"ws://127.0.0.1:{port}{path}"


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()
