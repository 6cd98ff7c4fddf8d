from __future__ import annotations

import pytest

from adapters.sources.documents import python_charset, read_document, read_xml


@pytest.mark.parametrize("name", ["euc-kr", "EUC-KR", '"ks_c_5601-1987"', "ms949"])
def test_korean_charsets_are_read_as_their_superset(name: str) -> None:
    assert python_charset(name) == "cp949"
    body = '{"name": "똠방각하"}'.encode("cp949")
    assert read_document(body, "json", name).value == {"name": "똠방각하"}


def test_an_unknown_charset_is_utf_8() -> None:
    assert python_charset("x-no-such") == python_charset("") == "utf-8"


def test_a_byte_order_mark_is_no_part_of_the_document() -> None:
    assert read_document(b"\xef\xbb\xbf[1]", "json", "").value == [1]


@pytest.mark.parametrize("declared", ["euc-kr", "EUC-KR"])
def test_xml_that_says_euc_kr_is_read_as_cp949(declared: str) -> None:
    body = f'<?xml version="1.0" encoding="{declared}"?><a><b>똠</b></a>'.encode("cp949")
    assert read_document(body, "xml", "").value == {"a": {"b": "똠"}}


def test_xml_becomes_an_object() -> None:
    body = b"""<r xmlns:wb="http://w"><!-- no --><wb:row id="1">a</wb:row><wb:row id="2"/>
    <title>On <i>tea</i> and <b>rice</b></title><empty/><c><![CDATA[<p>x</p>]]></c></r>"""
    assert read_xml(body) == {
        "r": {
            "row": [{"@id": "1", "#text": "a"}, {"@id": "2", "#text": None}],
            "title": "On tea and rice",
            "empty": None,
            "c": "<p>x</p>",
        }
    }


def test_no_entity_of_a_file_is_read() -> None:
    body = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><r><a>&x;</a></r>'
    assert read_xml(body) in (None, {"r": {"a": "&x;"}}, {"r": {"a": None}})


@pytest.mark.parametrize("body", [b"<a>", b"", b"<a></b>", b"{"])
def test_what_is_no_xml_is_none(body: bytes) -> None:
    assert read_xml(body) is None


def test_json_where_xml_was_asked_is_read_all_the_same() -> None:
    assert read_document(b'{"error": 1}', "xml", "").value == {"error": 1}
    assert read_document(b'{"error": 1}', "csv", "").value == {"error": 1}
