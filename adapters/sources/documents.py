"""From bytes to a document: JSON, XML by hardened lxml, CSV; declared charsets."""

from __future__ import annotations

import codecs
import csv
import io
from functools import lru_cache
from typing import Any

import msgspec
import orjson
from lxml import etree

_KOREAN = {"euc-kr", "euc_kr", "euckr", "ks_c_5601-1987", "ksc5601", "cp949", "ms949"}
_TEXT_LIMIT = 65_536


class Document(msgspec.Struct, frozen=True):
    """A body that was read: its text (the start of it, for rules) and its value.

    *value* is None where the body is neither JSON, XML nor CSV.
    """

    text: str
    value: Any


@lru_cache(maxsize=64)
def python_charset(name: str) -> str:
    """Return Python's name of a charset, UTF-8 for unknown ones.

    EUC-KR is read as cp949, its superset: euc-kr fails on 똠 and 쀍.
    """
    lowered = name.strip().strip("\"'").lower()
    if lowered in _KOREAN:
        return "cp949"
    try:
        return codecs.lookup(lowered).name if lowered else "utf-8"
    except LookupError:
        return "utf-8"


def read_document(body: bytes, wanted: str, charset: str) -> Document:
    """Return *body* as *wanted* (``json``, ``xml`` or ``csv``), or as what it is instead.

    A gateway answers errors in XML where JSON was asked, and in JSON where XML was.
    """
    encoding = python_charset(charset)
    text = body.decode(encoding, errors="replace").lstrip("\ufeff")
    start = text[:256].lstrip()
    value: Any = None
    if start.startswith("<"):
        value = read_xml(body, encoding if charset else "")
    elif wanted == "csv" and not start.startswith(("{", "[")):
        value = _read_csv(text)
    elif start:
        value = _read_json(body, text, encoding)
    return Document(text[:_TEXT_LIMIT], value)


def _read_json(body: bytes, text: str, encoding: str) -> Any:
    try:
        if encoding == "utf-8":
            return orjson.loads(body.removeprefix(codecs.BOM_UTF8))
        return orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError):
        return None


def _read_csv(text: str) -> list[dict[str, Any]] | None:
    try:
        return list(csv.DictReader(io.StringIO(text), strict=True))
    except csv.Error:
        return None


def read_xml(body: bytes, encoding: str = "") -> dict[str, Any] | None:
    """Return ``{root: …}``, or None where *body* is no XML.

    No DTD is loaded, no entity resolved, nothing fetched; huge trees are refused.
    *encoding* overrules what the body declares of itself.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding=encoding or _declared_korean(body),
    )
    try:
        root = etree.fromstring(body.strip(), parser)
    except (etree.XMLSyntaxError, ValueError, LookupError):
        return None
    return {_local(root.tag): _to_value(root)}


def _declared_korean(body: bytes) -> str | None:
    head = body[:120].lower()
    return "cp949" if b"encoding" in head and b"euc-kr" in head else None


def _local(tag: Any) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _to_value(element: etree._Element) -> Any:
    children = [child for child in element if isinstance(child.tag, str)]
    attributes = {f"@{_local(name)}": text for name, text in element.attrib.items()}
    if not children or _is_mixed(element, children):
        text = _text(element) if len(element) else (element.text or "").strip() or None
        return {**attributes, "#text": text} if attributes else text
    value: dict[str, Any] = dict(attributes)
    for child in children:
        name, content = _local(child.tag), _to_value(child)
        if name not in value:
            value[name] = content
        elif isinstance(value[name], list):
            value[name].append(content)
        else:
            value[name] = [value[name], content]
    return value


def _text(element: etree._Element) -> str | None:
    return "".join(str(piece) for piece in element.itertext()).strip() or None


def _is_mixed(element: etree._Element, children: list[etree._Element]) -> bool:
    texts = [element.text, *(child.tail for child in children)]
    return any(text and not text.isspace() for text in texts)
