from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import pytest

from gateway.web.pages import FOLDER, TYPES
from tests.serving import decoded

PAGES = ("dashboard", "docs")
FILES = sorted(path for path in FOLDER.iterdir())


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_is_given_with_what_it_may_do(
    client: aiohttp.ClientSession, page: str
) -> None:
    async with client.get(f"/{page}") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        tag = response.headers["ETag"]
    async with client.get(f"/{page}", headers={"If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")


async def test_what_a_page_names_is_there(client: aiohttp.ClientSession) -> None:
    for page in PAGES:
        named = re.findall(r'(?:src|href)="(/pages/[^"]+)"', (FOLDER / f"{page}.html").read_text())
        assert named
        for path in named:
            async with client.get(path) as response:
                assert response.status == 200, path
    for script in FOLDER.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert (FOLDER / name).is_file(), f"{script.name} imports {name}"


async def test_files_are_coded_for_who_takes_it(client: aiohttp.ClientSession) -> None:
    async with client.get("/pages/docs.js", headers={"Accept-Encoding": "br"}) as response:
        assert response.headers["Content-Encoding"] == "br"
        assert await decoded(response) == (FOLDER / "docs.js").read_bytes()
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fpages.py", "%2e%2e", ".hidden"])
async def test_only_files_of_the_folder_are_given(client: aiohttp.ClientSession, name: str) -> None:
    async with client.get(f"/pages/{name}") as response:
        assert response.status == 404


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_asks_nothing_of_elsewhere_and_parses_no_html(path: Path) -> None:
    text = path.read_text()
    assert path.suffix in TYPES
    outside = [each for each in re.findall(r"https?://[^\s\"']+", text) if "www.w3.org" not in each]
    assert outside == []
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "srcdoc",
    ):
        assert way not in text
    assert not re.search(r'\s(?:style|on[a-z]+)="', text), "the policy forbids it"
    assert len(text.splitlines()) <= 250
