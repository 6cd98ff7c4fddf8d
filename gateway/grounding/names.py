"""Names in running text: what is spelled or placed like one, without any dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gateway.grounding.units import CANONICAL

AnySet = set[str] | frozenset[str]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NAME_SUFFIX = _words(
    "펜 프로펜 아민 마이신 실린 프라졸 코나졸 스타틴 사르탄 프릴 "
    "제팜 졸람 피린 염산염 나트륨 말레산염 시메티콘 에이트 "
    "세핀 옥사신 로신 티딘 라딘 타딘 디핀 졸론 메타손 로마이신 "
    "토판 옥시콜산 페나신 "
)
_NAME_ENDS = (*_NAME_SUFFIX, "정", "캡슐", "시럽", "현탁액", "연고", "크림", "겔")
_HANGUL = re.compile(r"[가-힣]")
_KOREAN_WORD = re.compile(r"[가-힣]{3,}")
_PARTICLES = (
    *("에서는", "으로는", "에게는", "입니다", "이라는"),
    *("이며", "이고", "에는", "에서", "으로", "까지", "부터"),
    *("은", "는", "이", "가", "을", "를", "의", "에", "와", "과", "도", "로"),
)
"""Longest first."""
_LOAN = frozenset(
    "펜센멘텐렌벤렉맥덱룩록크트프스르브드즈츠타카파티피키디비토포코로노모루투푸쿠듀뮤라레리네"
    "니메베케테페쎄엘콜롤놀졸돌솔몰글릴린민닌딘틴핀빈킨란판칸탄반샤쥬큐튜퓨락박삭팜탐캄람큐론"
    "톤폰콘돈본손셀멜델텔펠벨켈옥록톡폭쿨툴플클틀블슬들탈팔칼"
)
_KOREAN_OPENING = re.compile(r"[\n:.](?:(?<!\n) *)?([가-힣]{3,}?)[은는](?= )")
_KOREAN_SUBJECTS = _words(
    "성인 어린 소아 임산 임신 임부 수유 환자 고령 노인 의약 "
    "주의 복용 부작 이상 효능 효과 용법 용량 보관 사용 영아 "
    "유아 신생 다음 제품 증상 치료 투여 과량 여성 남성 대상 "
    "경우 일반 특히 또한 이것 해당 약물 청소 "
)
_LATIN_NAME = re.compile(r"[A-Za-z](?<![A-Za-z\d].)[A-Za-z\d-]{2,}")
_FOLDED_NAME = re.compile(r"[a-z](?=[a-z\d-]{2})(?<![a-z\d].)[a-z\d-]{2,}")
_LATIN_SUFFIX = re.compile(
    r"(?:phen|profen|xen|cillin|mycin|micin|statin|sartan|pril|azole|zepam|zolam|olol|dipine|oxetine"
    r"|tidine|tadine|floxacin|xaban|mab|nib|vir|cycline|farin|asone|olone|amine|caine"
    r"|formin|gliptin|triptan"
    r"|thiazide|semide|codone|morphone|aspirin|lukast|setron|oprazole|barbital|parin)s?$",
    re.IGNORECASE,
)
_OPENING_VERB = re.compile(
    r"\s+(?:is|are|was|relieves?|helps?|treats?|can|may|should|must|reduces?"
    r"|contains?|tablets?|works?"
    r"|capsules?|has|belongs|temporarily|ophthalmic|cream|gel|\d[\d.]*)\b"
)
_SUBJECTS = frozenset(
    _words(
        "this these that those it they there adults children patients "
        "people women anyone everyone nobody each medicine product drug use "
        "treatment dose doses side effects store keep what who which "
        "overdose taking using symptoms one both all some most pregnancy "
        "doctor pharmacist dosage "
    )
)


def names(sentence: str, known: AnySet = frozenset()) -> list[str]:
    """Return what looks like a name in the unfolded *sentence*, which may be several.

    Words in *known* are passed over: most words of a faithful text are its records' own.
    """
    return names_among(set(_KOREAN_WORD.findall(sentence)).difference(known), sentence, known)


def names_among(words: Iterable[str], sentence: str, known: AnySet) -> list[str]:
    """Return what looks like a name in *sentence*, of which the Korean *words* are not *known*."""
    found = [word for word in map(_bare, words) if _foreign(word)]
    found += _opening(sentence)
    latin = sentence.encode("ascii", "replace").decode().lower()  # far faster to search
    if not known.issuperset(_FOLDED_NAME.findall(latin)):
        found += _latin(sentence, known)
    return found


def _opening(sentence: str) -> Iterator[str]:
    """Yield the Korean words that a sentence is about; a new one there is a name."""
    for word in _KOREAN_OPENING.findall(f"\n{sentence}"):
        if not word.startswith(_KOREAN_SUBJECTS):
            yield word


def _latin(sentence: str, known: AnySet) -> Iterator[str]:
    """Yield the names in Latin letters; every word is one among Korean ones."""
    latin_text = not _HANGUL.search(sentence)
    for match in _LATIN_NAME.finditer(sentence):
        word = match.group()
        if word.lower() not in known and (not latin_text or _latin_name(word, sentence, match)):
            yield word


def _bare(word: str) -> str:
    if not word.endswith(_PARTICLES):
        return word
    return word.removesuffix(next(end for end in _PARTICLES if word.endswith(end)))


def _foreign(word: str) -> bool:
    """Return whether a Korean word is spelled like a drug: by its ending or by its syllables."""
    if len(word) < 3 or word in CANONICAL:
        return False
    if len(_LOAN.intersection(word)) >= 0.6 * len(word):
        return True
    return len(word) >= 4 and word.endswith(_NAME_ENDS) and word not in _NAME_ENDS


def _latin_name(word: str, sentence: str, match: re.Match[str]) -> bool:
    if _LATIN_SUFFIX.search(word):
        return True
    if not word[0].isupper() or word.casefold() in _SUBJECTS:
        return False
    before = sentence[: match.start()].rstrip("\"'“‘([*- ")
    opens = not before or before[-1] in ".!?:\n•■"
    return not opens or bool(_OPENING_VERB.match(sentence, match.end()))
