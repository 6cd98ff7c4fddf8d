"""``/dashboard``, ``/docs`` and what they are made of: files of the package, sent as they are.

Nothing comes from elsewhere, nothing is built, and nothing in a page is code but its own files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web
from aiohttp.web_request import Request

from gateway.web import encoding
from gateway.web.keys import BODIES

FOLDER = Path(__file__).parent / "static"
TYPES: Mapping[str, str] = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect")),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What a page may do (CSP 3): run its own scripts and ask its own gateway, and nothing else."""
_GUARDED = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A body that is the same for everybody, and its tag."""

    body: bytes
    media: str
    tag: str


def load_pages(folder: Path = FOLDER) -> Mapping[str, Page]:
    """Return the files of *folder* by their names."""
    return {path.name: _page(path) for path in sorted(folder.iterdir()) if path.suffix in TYPES}


def _page(path: Path) -> Page:
    body = path.read_bytes()
    return Page(body, TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:24])


PAGES: Final = web.AppKey("pages", Mapping[str, Page])


def given(request: Request, page: Page, headers: Mapping[str, str]) -> web.Response:
    """Return *page*, or that the client has it already; it asks each time whether that holds."""
    coding = encoding.accepted(request)
    sent = {
        hdrs.CACHE_CONTROL: "no-cache",
        hdrs.ETAG: f'W/"{page.tag}"',
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
        **headers,
    }
    known = request.if_none_match or ()
    if any(each.value in (page.tag, "*") for each in known):
        return web.Response(status=304, headers=sent)
    body, coding = request.app[BODIES].get(page.tag, "", coding, lambda: page.body)
    if coding != encoding.IDENTITY:
        sent[hdrs.CONTENT_ENCODING] = coding
    return web.Response(
        body=body,
        content_type=page.media,
        charset="utf-8" if page.media.startswith("text/") else None,
        headers=sent,
    )


async def dashboard(request: Request) -> web.Response:
    """Give the page that shows operators how it goes."""
    return given(request, request.app[PAGES]["dashboard.html"], _GUARDED)


async def docs(request: Request) -> web.Response:
    """Give the page that shows the routes, to read and to try."""
    return given(request, request.app[PAGES]["docs.html"], _GUARDED)


async def part(request: Request) -> web.Response:
    """Give a file that pages are made of; raise 404 for any other name."""
    page = request.app[PAGES].get(request.match_info["name"])
    if page is None:
        raise web.HTTPNotFound
    return given(request, page, _GUARDED)
