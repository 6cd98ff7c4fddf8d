"""Is a text a summary at all: whole, in its language, no refusal, no echo, no links; pure."""

from __future__ import annotations

import re

_REFUSAL = re.compile(
    r"\bas an? (?:AI|artificial intelligence|(?:large )?language model)\b"
    r"|\bI(?:['’]m| am) (?:sorry|unable|not able|an AI)\b"
    r"|\bI (?:can(?:['’]?t|not)|won['’]t|will not|do not feel comfortable) "
    r"(?:help|assist|provide|summari[sz]e|comply|answer|create|write|give|fulfil|process|do)\b"
    r"|\b(?:unable|not able) to (?:help|assist|provide|summari[sz]e|comply|answer|fulfil)\b"
    r"|\bno (?:records|data|information) (?:was|were) (?:provided|given)\b"
    r"|AI (?:언어 ?)?모델(?:로서|이므로|이라)"
    r"|(?:도와|답변|답|제공|요약|작성|응답)[가-힣]{0,3} ?(?:드릴|할|해 ?드릴|하기) ?"
    r"(?:수 ?(?:가 )?없|어렵)"
    r"|죄송(?:합니다|하지만|해요)",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"https?://[^\s<>()\"'）]+|\bwww\.[^\s<>()\"'）]+"
    r"|[\w.+-]+@[\w-]+\.[a-z]{2,}"
    r"|(?<![\w@.])(?:[a-z0-9-]+\.)+(?:com|net|org|info|biz|io|kr|co|me|ly|gov|shop|site|xyz)\b(?:/\S*)?",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"\b(?:ignore|disregard|forget) (?:all|any|the|your|previous|prior|above)\b[^.]{0,40}"
    r"|\bsystem prompt\b|\bclick (?:here|on|the)\b|\b(?:visit|subscribe to|sign up|log in to) \w+"
    r"|\bpromo(?:tion)? code\b|\bbuy (?:now|it|this|here)\b|<script\b|\]\("
    r"|클릭(?:하|해)|접속(?:하|해)|구매(?:하|해)|가입(?:하|해)|(?:이전|위)의? ?(?:지시|명령)",
    re.IGNORECASE,
)
_MARKS = re.compile(r"</?records\b", re.IGNORECASE)
_HANGUL = re.compile(r"[가-힣ㄱ-ㅎㅏ-ㅣ]")
_LATIN = re.compile(r"[A-Za-z]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_ENDS = re.compile(r"(?:[.!?。][\"'”’)\]*]*|[다요음함됨임것오][\"'”’)\]*]*)$")
_BULLET = re.compile(r"\s*(?:[-*•■▪·]|\d{1,2}[.)])\s")
_ECHO_LENGTH = 40
_SPACE = re.compile(r"\s+")


def refuses(text: str, records: str) -> bool:
    """Return whether *text* declines to answer, in words that *records* do not hold."""
    found = _REFUSAL.search(text)
    return found is not None and found.group().casefold() not in records.casefold()


def cut_off(text: str) -> bool:
    """Return whether *text* stops in the middle of a sentence; a list may end without a mark."""
    text = text.rstrip()
    if text.endswith(("…", "...")):
        return True
    last = text.rsplit("\n", 1)[-1]
    return not (_ENDS.search(text) or _BULLET.match(last))


def in_language(text: str, language: str) -> bool:
    """Return whether *text* is written in *language*; a language whose script we do not know is.

    Korean texts hold Latin drug names and units, so a third of Hangul is Korean enough.
    """
    hangul, latin = len(_HANGUL.findall(text)), len(_LATIN.findall(text))
    kana, han = len(_KANA.findall(text)), len(_HAN.findall(text))
    letters = hangul + latin + kana + han
    if not letters:
        return False
    match language.split("-", 1)[0]:
        case "ko":
            return hangul / letters >= 0.3
        case "en":
            return latin / letters >= 0.7
        case "ja":
            return (kana + han) / letters >= 0.3 and kana > 0
        case "zh":
            return han / letters >= 0.3
        case _:
            return True


def echoes(text: str, prompt: str) -> bool:
    """Return whether *text* repeats a long run of *prompt*, or the marks round the records."""
    if _MARKS.search(text):
        return True
    said, told = folded(text), folded(prompt)
    # Every run of 40 characters holds one that begins at a multiple of 20 and is 20 long.
    step = _ECHO_LENGTH // 2
    return any(
        told[start : start + step] in said and _runs_on(said, told, start)
        for start in range(0, len(told) - step, step)
    )


def _runs_on(said: str, told: str, start: int) -> bool:
    step = _ECHO_LENGTH // 2
    first = max(0, start - step)
    windows = range(first, min(start, max(0, len(told) - _ECHO_LENGTH)) + 1)
    return any(told[at : at + _ECHO_LENGTH] in said for at in windows)


def foreign_links(text: str, records: str) -> tuple[str, ...]:
    """Return the links, addresses and calls to act in *text* that *records* do not hold."""
    known = folded(records)
    found = (match.group() for shape in (_LINK, _INSTRUCTION) for match in shape.finditer(text))
    return tuple(dict.fromkeys(said for said in found if folded(said).rstrip(".,)") not in known))


def folded(text: str) -> str:
    """Return *text* without case and with single spaces."""
    return _SPACE.sub(" ", text).casefold().strip()
