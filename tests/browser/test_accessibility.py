"""What axe finds wrong with the pages: nothing, at any width, in any color, in both languages.

``AXE`` names ``axe.min.js``; ``PICTURES`` a folder for what each page looks like.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Browser, Page
from tests.browser.conftest import Site
from tests.browser.test_dashboard import LIVE, look_up

AXE = Path(os.environ.get("AXE", ".venv/axe/node_modules/axe-core/axe.min.js"))
PICTURES = os.environ.get("PICTURES", "")
RUN = """axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations.map(
  ({id, impact, nodes}) => `${impact} ${id}: ${nodes.map(({html}) => html).join(' | ')}`))"""


async def faults(page: Page) -> list[Any]:
    await page.value(f"{AXE.read_text()}; true")
    found: list[Any] = await page.value(RUN)
    return found + page.faults


async def picture(page: Page, name: str, width: int) -> None:
    if not PICTURES:
        return
    high = min(4000, int(await page.value("document.documentElement.scrollHeight")))
    await page.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=high,
        deviceScaleFactor=1,
        mobile=width < 600,
    )
    await page.picture(Path(PICTURES) / f"{name}.png")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1360, 900), (390, 844)])
@pytest.mark.parametrize("language", ["en", "ko"])
async def test_axe_finds_no_fault_with_the_dashboard(
    browser: Browser, site: Site, width: int, height: int, dark: bool, language: str
) -> None:
    page = await browser.page(width, height, dark=dark)
    await page.go(f"{site.url}/docs")
    await page.value(f"localStorage.lang = '{language}'")
    await page.go(f"{site.url}/dashboard")
    await page.until(LIVE)
    await look_up(page, "aspirin")
    await page.until("document.querySelectorAll('#flow path').length > 0")
    assert await faults(page) == []
    await picture(page, f"dashboard-{width}-{'dark' if dark else 'light'}-{language}", width)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1360, 900), (390, 844)])
async def test_axe_finds_no_fault_with_the_docs(
    browser: Browser, site: Site, width: int, height: int, dark: bool
) -> None:
    page = await browser.page(width, height, dark=dark)
    await page.go(f"{site.url}/docs")
    await page.click("#get_v1_search > summary")
    await page.until("!!document.querySelector('#get_v1_search form')")
    assert await faults(page) == []
    await picture(page, f"docs-{width}-{'dark' if dark else 'light'}", width)
