"""A person at ``/dashboard``: clicks through all of it, and nothing breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from gateway.access.identity import EVERYTHING, READING, Scope
from gateway.config import Config
from tests.browser.chromium import Browser, Page
from tests.browser.conftest import Site
from tests.fault_proxy import FaultProxy
from tests.gateway.web.test_admission import Door, opened
from tests.stub_upstream import Reply, StubUpstream

LIVE = "!document.querySelector('#live').hidden && !!document.querySelector('#find')"
WIDTHS = [(1360, 900), (390, 844)]


def text(selector: str) -> str:
    return f"(document.querySelector('{selector}') || {{}}).textContent || ''"


def says(selector: str, words: str) -> str:
    return f"({text(selector)}).includes('{words}')"


@pytest.fixture(params=WIDTHS, ids=["desktop", "phone"])
async def page(browser: Browser, site: Site, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    page = await browser.page(*request.param)
    await page.go(f"{site.url}/dashboard")
    await page.until(LIVE)
    yield page
    assert page.faults == []
    wide = await page.value("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "the page is wider than the screen"


async def look_up(page: Page, words: str) -> None:
    await page.write("[name=q]", words)
    await page.click("#find")
    await page.until("!!document.querySelector('#origin')")


async def test_a_search_shows_the_answer_where_it_came_from_and_its_way(page: Page) -> None:
    await look_up(page, "aspirin")
    assert await page.value(says("#origin", "Fetched from the upstream"))
    assert await page.value("document.querySelectorAll('.way .step').length") >= 1
    assert await page.value(says(".record summary", "aspirin"))
    await page.click("#find")
    await page.until(says("#origin", "From Memory"))
    label = await page.value("document.querySelector('.way svg').getAttribute('aria-label')")
    assert label.startswith("Memory: began after")


async def test_figures_follow_what_others_ask(page: Page, site: Site) -> None:
    for words in ("a", "b", "a", "b"):
        query = {"source": "medicine", "q": words}
        async with site.http.get("/v1/search", params=query) as response:
            assert response.status == 200
    await page.until(says("#tiles", "4 since the start"))
    await page.until(says("#tiles", "50 %"))
    await page.until("document.querySelectorAll('#flow path').length > 0")
    await page.until(says("#upstreams", "of 1,000"))


async def test_an_answer_is_withdrawn_after_a_question_and_not_without(
    page: Page, upstream: StubUpstream
) -> None:
    await look_up(page, "aspirin")
    await page.click("#drop")
    await page.until("document.querySelector('#sure').open")
    await page.press("Escape")
    await page.until("!document.querySelector('#sure').open")
    await page.click("#find")
    await page.until(says("#origin", "From Memory"))
    await page.click("#drop")
    await page.click("#sure-yes")
    await page.until(says("#answer", "Withdrawn: 1"))
    await look_up(page, "aspirin")
    assert await page.value(says("#origin", "Fetched from the upstream"))
    assert upstream.count == 2


async def test_an_answer_is_asked_anew(page: Page, upstream: StubUpstream) -> None:
    await look_up(page, "aspirin")
    upstream.default = Reply(records=[{"id": "1", "name": "aspirin forte"}])
    await page.click("#again")
    await page.until(says(".record summary", "aspirin forte"))


async def test_what_upstreams_say_stays_text(page: Page, upstream: StubUpstream) -> None:
    evil = "<img src=x onerror='document.title=1'><script>document.title=2</script>"
    upstream.default = Reply(records=[{"id": evil, "name": evil, "use": evil, "maker": evil}])
    await look_up(page, evil)
    await page.click("#drop")
    await page.until(says("#sure-text", "<img src=x"))
    await page.press("Escape")
    assert (
        await page.value("document.querySelectorAll('main img, dialog img, main script').length")
        == 0
    )
    assert await page.value("document.title") == "Lookup Gateway · Dashboard"


async def test_a_source_with_parameters_of_its_own_asks_for_them(page: Page) -> None:
    await page.value(
        "(() => { const it = document.querySelector('[name=source]'); it.value = 'pharmacy';"
        " it.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    await page.write("[name=city]", "서울")
    await look_up(page, "night")
    assert await page.value(says("#origin", "Fetched"))


async def test_it_is_used_without_a_mouse(browser: Browser, site: Site) -> None:
    page = await browser.page(*WIDTHS[0])
    await page.go(f"{site.url}/dashboard")
    await page.until(LIVE)
    await page.press("Tab")
    assert await page.value("document.activeElement.className") == "skip"
    await page.press("Enter")
    await page.until("document.activeElement.id === 'lookup'")
    for name in ("source", "q"):
        await page.press("Tab")
        assert await page.value("document.activeElement.name") == name
    await page.call("Input.insertText", text="aspirin")
    await page.press("Enter")
    await page.until("!!document.querySelector('#origin')")
    assert page.faults == []


async def test_it_speaks_korean_and_turns_dark(browser: Browser, site: Site) -> None:
    page = await browser.page(*WIDTHS[0], dark=True)
    await page.go(f"{site.url}/dashboard")
    await page.until(LIVE)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = await page.value(ground)
    for name, value in (("theme", "light"), ("language", "ko")):
        await page.value(
            f"(() => {{ const it = document.querySelector('#{name}'); it.value = '{value}';"
            " it.dispatchEvent(new Event('change')); })()"
        )
    await page.until("document.documentElement.lang === 'ko'")
    await page.until(LIVE)
    assert await page.value(says("#flow-title", "응답 방식"))
    assert await page.value(ground) != dark


@pytest.fixture
async def door(config: Config, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setattr("gateway.access.keyring.MISSES", 0.0)
    async with opened(config) as door:
        yield door


async def shown(door: Door, scopes: frozenset[Scope]) -> str:
    header = await door.key(scopes=scopes)
    return header["Authorization"].removeprefix("Bearer ")


async def enter(page: Page, key: str) -> None:
    await page.write("#key", key)
    await page.press("Enter")


async def test_a_key_is_asked_for_and_only_the_right_one_opens(
    browser: Browser, door: Door
) -> None:
    page = await browser.page(*WIDTHS[0])
    await page.go(f"{str(door.http._base_url).rstrip('/')}/dashboard")
    await page.until("!document.querySelector('#door').hidden")
    await enter(page, "nonsense")
    await page.until(says("#door-fault", "Nobody is known"))
    await enter(page, await shown(door, READING))
    await page.until(says("#door-fault", "lacks the scope"))
    key = await shown(door, EVERYTHING)
    await enter(page, key)
    await page.until(LIVE)
    assert await page.value("sessionStorage.token") == key
    assert key not in await page.value("JSON.stringify(localStorage) + location.href")
    await page.click("#leave")
    await page.until("!document.querySelector('#door').hidden")
    assert await page.value("sessionStorage.token") == ""


async def test_who_may_not_withdraw_is_told_so(browser: Browser, door: Door) -> None:
    page = await browser.page(*WIDTHS[0])
    await page.go(f"{str(door.http._base_url).rstrip('/')}/dashboard")
    await enter(page, await shown(door, READING | {Scope.STATS}))
    await page.until(LIVE)
    await look_up(page, "aspirin")
    await page.click("#drop-source")
    await page.click("#sure-yes")
    await page.until(says("#answer", "lacks the scope"))


async def test_a_stream_that_was_lost_comes_again(browser: Browser, site: Site) -> None:
    page = await browser.page(*WIDTHS[0])
    port = urlsplit(site.url).port
    assert port is not None
    async with FaultProxy(port) as proxy:
        await page.go(f"http://127.0.0.1:{proxy.port}/dashboard")
        await page.until(LIVE)
        await proxy.cut()
        await page.until(says("#state", "Not connected"))
        await proxy.mend()
        await page.until(says("#state", "Live"))
