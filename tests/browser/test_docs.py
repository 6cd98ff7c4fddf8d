"""A person at ``/docs``: reads, and tries."""

from __future__ import annotations

from gateway.web.openapi.document import DESCRIBED
from tests.browser.chromium import Browser
from tests.browser.conftest import Site


async def test_every_route_is_shown_and_one_is_tried(browser: Browser, site: Site) -> None:
    page = await browser.page(1360, 900)
    await page.go(f"{site.url}/docs")
    await page.until(f"document.querySelectorAll('details.card').length === {len(DESCRIBED)}")
    await page.click("#get_v1_search > summary")
    await page.write("#get_v1_search [name=q]", "aspirin")
    await page.click("#get_v1_search button.first")
    said = "document.querySelector('#get_v1_search form pre').textContent"
    await page.until(f"{said}.startsWith('200') && {said}.includes('cache-status')")
    await page.click("#post_v1_search > summary")
    await page.click("#post_v1_search button.first")
    said = "document.querySelector('#post_v1_search form pre').textContent"
    await page.until(f"{said}.includes('\"answers\"')")
    assert page.faults == []


async def test_a_stream_is_shown_as_it_comes_and_stopped(browser: Browser, site: Site) -> None:
    page = await browser.page(390, 844)
    await page.go(f"{site.url}/docs")
    await page.click("#get_v1_stats_stream > summary")
    await page.click("#get_v1_stats_stream button.first")
    said = "document.querySelector('#get_v1_stats_stream form pre').textContent"
    await page.until(f"{said}.startsWith('stats: ')")
    await page.click("#get_v1_stats_stream form button[type=button]")
    await page.until(
        "document.querySelector('#get_v1_stats_stream form button[type=button]').hidden"
    )
    assert page.faults == []
