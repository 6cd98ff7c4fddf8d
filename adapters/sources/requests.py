"""From a query to the one URL and the headers that the upstream gets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from math import inf
from typing import NoReturn
from urllib.parse import quote_from_bytes

import msgspec
from yarl import URL

from adapters.errors import Kind, UpstreamError
from adapters.source import Query
from adapters.sources.documents import python_charset
from adapters.sources.expressions import compile_pattern
from adapters.sources.keys import Redactor, plain_key
from adapters.sources.spec import AuthSpec, ParamSpec, RequestSpec, SpecError
from adapters.sources.templates import AbsentError, Template

_NO_KEY = "no key is configured for this source: its request.auth needs one"
_OPTIONAL = re.compile(r"\[([^\[\]]*\{[^\[\]]*)\]")
_NO_PLAIN = re.compile(r"[{}\[\]?#]")
_AUTHORITY = re.compile(r"https?://[^/?#]+")
PAGE_NAMES = ("page", "offset", "first", "last", "size", "cursor")
_LABEL = re.compile(r"[A-Za-z0-9-]{1,63}")


class Request(msgspec.Struct, frozen=True):
    """What is sent."""

    url: URL
    headers: Mapping[str, str]


class Asker:
    """Builds the requests of one source; its templates compile here."""

    def __init__(self, spec: RequestSpec, params: Mapping[str, ParamSpec]) -> None:
        """Compile *spec*; raise `SpecError`."""
        names = {"q", "lang", *params, *spec.vars, *PAGE_NAMES}
        self._spec = spec
        self._charset = python_charset(spec.charset)
        self._constant = {**dict.fromkeys(params, ""), **spec.vars}
        self._first = {**_page_values(spec.pages.size, 0, ""), **self._constant}
        self._keyed = [(auth, plain_key("request.auth.key", auth)) for auth in spec.auths]
        self._has_keys = spec.has_keys
        self.redactor = Redactor(key for _, key in self._keyed)
        self._origin, self._segments = _compile_url(spec.url, {*names, "key"})
        self._plain = _plain_url(spec.url)
        self._query = _compile_all("request.params", spec.params, names)
        self._headers = _compile_all("request.headers", spec.headers, names)
        for name, param in params.items():
            compile_pattern(f"params.{name}.pattern", param.pattern)
        for auth in spec.auths:
            if auth.place != "path" and not auth.name:
                raise SpecError("request.auth.name", "name the parameter or header of the key")

    def build(self, query: Query, page: int = 0, cursor: str = "") -> Request:
        """Return the request for *page* (from 0) of what *query* asks.

        Raise `UpstreamError` when it cannot be asked.
        """
        if not self._has_keys:
            raise UpstreamError(Kind.AUTH_CONFIG, _NO_KEY)
        known = self._first
        if page or cursor:
            known = {**_page_values(self._spec.pages.size, page, cursor), **self._constant}
        values = {**known, **query.params, "q": query.text, "lang": query.language}
        pairs = _filled(self._query, values)
        headers = _filled(self._headers, values)
        for auth, key in self._keyed:
            if key and auth.place == "query":
                pairs[auth.name] = key
            elif key and auth.place == "header":
                headers[auth.name] = _with_scheme(auth, key)
            elif key:
                values["key"] = key
        return Request(self._url(values, pairs), headers)

    def follow(self, place: str, first: Request) -> Request:
        """Return the request for the page at *place*, which an answer to *first* named.

        The key goes with it, so it must be where *first* was; raise `UpstreamError` otherwise.
        """
        try:
            url = first.url.join(URL(place, encoded=True))
            near = url.origin() == first.url.origin()
        except ValueError:
            near = False
        if not near:
            raise UpstreamError(Kind.MALFORMED, "the upstream's next page is on another host")
        for auth, key in self._keyed:
            if key and auth.place == "query":
                rest = url.without_query_params(auth.name)
                pair = f"{self._encode_query(auth.name)}={self._encode_query(key)}"
                joined = "&".join(filter(None, (rest.raw_query_string, pair)))
                url = URL(f"{rest.with_query(None)}?{joined}", encoded=True)
        return Request(url, first.headers)

    def _url(self, values: Mapping[str, str], pairs: Mapping[str, str]) -> URL:
        encode = self._encode_query
        joined = "&".join([f"{encode(name)}={encode(value)}" for name, value in pairs.items()])
        if self._plain is not None:  # which is not parsed for each request
            return self._plain(query_string=joined)
        try:
            text = self._origin.fill(values, _host_label)
        except AbsentError as error:
            _refuse(error)
        for template, optional in self._segments:
            try:
                text += template.fill(values, self._encode)
            except AbsentError as error:
                if not optional:
                    _refuse(error)
        if pairs:
            text += ("&" if "?" in text else "?") + joined
        return URL(text, encoded=True)

    def _encode(self, value: str) -> str:
        if value in (".", ".."):
            raise UpstreamError(Kind.INVALID_INPUT, "the upstream cannot be asked for a dot")
        return self._quote(value)

    def _encode_query(self, value: str) -> str:
        return self._quote(value).replace("%20", self._spec.space)

    def _quote(self, value: str) -> str:
        try:
            return _quoted(value, self._spec.safe, self._charset)
        except UnicodeEncodeError as error:
            what = f"{value[error.start : error.end]!r} cannot be written in {self._spec.charset}"
            raise UpstreamError(Kind.INVALID_INPUT, what) from error


@lru_cache(maxsize=1024)
def _quoted(value: str, safe: str, charset: str) -> str:
    """Quote once what is configured: it comes with every request."""
    return quote_from_bytes(value.encode(charset), safe)


def lifetime(spec: RequestSpec) -> tuple[float, float]:
    """Return from when until when this API can be asked, in Unix seconds, wherever one is.

    Raise `SpecError` for what is no date.
    """
    begins = _midnight("request.valid_from", spec.valid_from, "+14:00", -inf)
    last_day = _midnight("request.valid_until", spec.valid_until, "-12:00", inf)
    return begins, last_day + 86_400


def _midnight(path: str, day: str, offset: str, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(f"{day}T00:00:00{offset}").timestamp() if day else otherwise
    except ValueError as error:
        raise SpecError(path, f"{day!r} is no date: write 2027-06-30") from error


def _compile_url(text: str, names: set[str]) -> tuple[Template, list[tuple[Template, bool]]]:
    match = _AUTHORITY.match(text)
    if match is None:
        raise SpecError("request.url", f"{text!r} is no http or https URL")
    segments: list[tuple[Template, bool]] = []
    for number, piece in enumerate(_OPTIONAL.split(text[match.end() :])):
        segments.append((Template("request.url", piece, names), number % 2 == 1))
    return Template("request.url", match[0], names - {"key"}), segments


def _plain_url(text: str) -> Callable[..., URL] | None:
    """Return what adds a query to *text*, where that has no placeholder and no query yet."""
    if _NO_PLAIN.search(text):
        return None
    try:
        url = URL(text, encoded=True)
    except ValueError as error:
        raise SpecError("request.url", f"{text!r} is no http or https URL") from error
    authority, path = url.raw_authority, url.raw_path
    return partial(URL.build, scheme=url.scheme, authority=authority, path=path, encoded=True)


def _compile_all(path: str, texts: Mapping[str, str], names: set[str]) -> dict[str, Template]:
    return {name: Template(f"{path}.{name}", text, names) for name, text in texts.items()}


def _page_values(size: int, page: int, cursor: str) -> dict[str, str]:
    return {
        "page": str(page + 1),
        "offset": str(page * size),
        "first": str(page * size + 1),
        "last": str((page + 1) * size),
        "size": str(size),
        "cursor": cursor,
    }


def _filled(templates: Mapping[str, Template], values: Mapping[str, str]) -> dict[str, str]:
    filled = {}
    for name, template in templates.items():
        try:
            text = template.fill(values)
        except AbsentError:
            continue
        if text:
            filled[name] = text
    return filled


def _with_scheme(auth: AuthSpec, key: str) -> str:
    return f"{auth.scheme} {key}" if auth.scheme else key


def _host_label(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise UpstreamError(Kind.INVALID_INPUT, f"{value!r} cannot be part of a host name")
    return value


def _refuse(error: AbsentError) -> NoReturn:
    raise UpstreamError(Kind.INVALID_INPUT, f"{error.name!r} is required") from error
