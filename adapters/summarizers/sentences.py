"""Cuts the running text of a record into sentences, Korean and English."""

from __future__ import annotations

import html
import re

_TAG = re.compile(r"<[^<>]{1,200}>")
_CROSS_REFERENCE = re.compile(
    r"\s*(?:\[\s*see [^\[\]]{1,300}\]|\(\s*(?:\d{1,2}(?:\.\d+)?[\s,]*)+\))", re.IGNORECASE
)
"""``[see Warnings (5.1)]`` and ``( 5.1 , 5.2 )`` point into a label that the reader has not got."""
_NUMBERED_HEADING = re.compile(
    r"^\d{1,2}(?:\.\d{1,2})*\s+(?:[A-Z][A-Z&,/()-]+\s+){1,8}(?=[A-Z(\d])"
)
_HEADING = (
    r"Drug Facts|Uses?|Purposes?|Warnings?|Directions?|Precautions?|Contraindications?"
    r"|Indications?(?: (?:and|&) Usage)?|Dosage(?: (?:and|&) Administration)?"
)
_DRUG_FACTS = re.compile(
    rf"^(?:#+\s*)?(?:{_HEADING}|{_HEADING.upper()})\b\s*"
    r"(?::\s*|(?=[A-Z(\d■•])|(?=(?:for|do|temporarily|take|wet|adults?|helps?) ))"
)
_BULLET = re.compile(r"\s*(?:^|(?<=\s)|(?<=:))[■•●▪◦∙*·・-]\s+|\s*[■•●▪◦∙]\s*")
_SPACE = re.compile(r"\s+")
_END = re.compile(
    r"(?<=[.!?。])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z0-9가-힣■])"  # a mark, a space, a beginning
    r"|(?<=[다요오음함됨임것]\.)(?=[가-힣A-Z(])"  # e약은요 often leaves the space out
    r"|(?<=。)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|vs|cf|approx|No|Nos|Dr|Mr|Mrs|Ms|St|Fig|Inc|Lic|Ltd|Co|Corp|U\.S|U\.K|etc|ca|al|spp?|max|min)"
    r"|(?<![A-Za-z])[A-Z])\.$"
)
_NUMBER_POINT = re.compile(r"^\d{1,2}\.$")


def sentences(text: str) -> list[str]:
    """Return the sentences of *text*, whole and in order, white space folded.

    Markup, Drug-Facts headings in front, cross-references and bullets are taken out; a
    list that follows a colon stays with the words that lead it.
    """
    found: list[str] = []
    for paragraph in _paragraphs(text):
        pending = ""
        for piece in _END.split(paragraph):
            pending = f"{pending} {piece}".strip()
            if _ABBREVIATION.search(pending) or _NUMBER_POINT.match(pending):
                continue
            found.append(pending)
            pending = ""
        if pending:
            found.append(pending)
    return [sentence for sentence in found if len(sentence) > 3]


def _paragraphs(text: str) -> list[str]:
    """Return the lines of *text*, with the items of a list joined to what leads it."""
    plain = html.unescape(_TAG.sub("\n", text))
    paragraphs: list[str] = []
    for raw in plain.splitlines():
        line = _SPACE.sub(" ", raw).strip()
        if not line or line.startswith(("#", "|")):
            continue
        item = _BULLET.match(line)
        line = _clean(line[item.end() :] if item else line)
        leads = bool(paragraphs) and (item is not None) and not paragraphs[-1].endswith(".")
        if leads and line:
            joint = " " if paragraphs[-1].endswith(":") else ", "
            paragraphs[-1] += joint + line
        elif line:
            paragraphs.append(line)
    return paragraphs


def _clean(line: str) -> str:
    line = _CROSS_REFERENCE.sub("", line)
    line = _DRUG_FACTS.sub("", _NUMBERED_HEADING.sub("", line))
    line = re.sub(r":\s*,\s*", ": ", _BULLET.sub(", ", line))
    return line.strip(" ,")
