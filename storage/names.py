"""Names as people type them: how they are folded, taken apart and compared. Pure."""

from __future__ import annotations

import unicodedata

_FIRST_SYLLABLE, _LAST_SYLLABLE = 0xAC00, 0xD7A3
_FIRST_INITIAL, _LAST_INITIAL = 0x1100, 0x1112
_SYLLABLES_PER_INITIAL = 588
_FIRST_FINAL = 0x11A8
# The 27 final consonants in the order of Unicode; clusters as the two letters that are typed.
_FINALS = [
    *"ㄱㄲ",
    "ㄱㅅ",
    "ㄴ",
    "ㄴㅈ",
    "ㄴㅎ",
    *"ㄷㄹ",
    "ㄹㄱ",
    "ㄹㅁ",
    "ㄹㅂ",
    "ㄹㅅ",
    "ㄹㅌ",
    "ㄹㅍ",
]
_FINALS += ["ㄹㅎ", *"ㅁㅂ", "ㅂㅅ", *"ㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]
_FINAL_AS_TYPED = {
    _FIRST_FINAL + index: unicodedata.normalize("NFKD", letters)
    for index, letters in enumerate(_FINALS)
}


def fold(name: str) -> str:
    """Return *name* without what typists vary: case, width, accents, spaces and punctuation.

    Only letters and digits are left. Hangul is composed; a lone consonant is the one that begins
    a syllable (U+1100 to U+1112), whichever of Unicode's three alphabets of them it came from.
    """
    if name.isascii():  # composed, and its own compatible form
        return "".join(filter(str.isalnum, name.casefold()))
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    return unicodedata.normalize("NFC", "".join(filter(str.isalnum, plain)))


def is_hangul(character: str) -> bool:
    """Say whether *character* is a composed syllable or a lone initial consonant."""
    return _is_syllable(ord(character)) or _is_initial(ord(character))


def is_initial(character: str) -> bool:
    """Say whether *character* is a lone consonant that begins a syllable."""
    return _is_initial(ord(character))


def has_initials(folded: str) -> bool:
    """Say whether a folded text holds lone initial consonants, as in ``ㅌㅇㄹㄴ``."""
    return any(_is_initial(ord(character)) for character in folded)


def initials(folded: str) -> str:
    """Return the folded text with each syllable replaced by its initial consonant."""
    if folded.isascii():
        return folded
    return "".join(map(_initial, folded))


def fits(pattern: str, text: str) -> bool:
    """Say whether *text* begins as *pattern* does; an initial consonant stands for its syllables.

    Both are folded.
    """
    return len(text) >= len(pattern) and all(
        p in (t, _initial(t)) for p, t in zip(pattern, text, strict=False)
    )


def exchanges(folded: str) -> list[str]:
    """Return the texts that differ from *folded* by two neighbors in each other's place."""
    return [
        folded[:place] + folded[place + 1] + folded[place] + folded[place + 2 :]
        for place in range(len(folded) - 1)
    ]


def jamo(folded: str) -> str:
    """Return the letters of a folded text in the order in which they are typed.

    One wrong key is then one wrong letter, whether it changes a syllable or splits it in two.
    """
    return unicodedata.normalize("NFD", folded).translate(_FINAL_AS_TYPED)


def ngrams(text: str, size: int) -> list[str]:
    """Return every run of *size* characters of *text*."""
    return [text[start : start + size] for start in range(len(text) - size + 1)]


class Part:
    """A text that is looked for, with errors, in many others.

    Hyyrö's form of Myers' algorithm, "A fast bit-vector algorithm for approximate string
    matching" (1999): one step for each character of the other text, whatever the part's length.
    """

    def __init__(self, letters: str) -> None:
        self._size = len(letters)
        self._places: dict[str, int] = {}
        for index, letter in enumerate(letters):
            self._places[letter] = self._places.get(letter, 0) | 1 << index

    def distance(self, text: str) -> int:
        """Return the fewest edits that turn the part into some part of *text*."""
        if not self._size:
            return 0
        mask, last = (1 << self._size) - 1, 1 << (self._size - 1)
        plus, minus, edits = mask, 0, self._size
        fewest, places = edits, self._places.get
        for letter in text:
            same = places(letter, 0)
            diagonal = (((same & plus) + plus) ^ plus) | same
            up, down = minus | ~(diagonal | plus) & mask, plus & diagonal
            if down & last:
                edits -= 1
                fewest = min(fewest, edits)
            elif up & last:
                edits += 1
            same |= minus
            up <<= 1
            plus = (down << 1 | ~(same | up)) & mask
            minus = up & same
        return fewest


def _is_syllable(code: int) -> bool:
    return _FIRST_SYLLABLE <= code <= _LAST_SYLLABLE


def _is_initial(code: int) -> bool:
    return _FIRST_INITIAL <= code <= _LAST_INITIAL


def _initial(character: str) -> str:
    code = ord(character)
    if not _is_syllable(code):
        return character
    return chr(_FIRST_INITIAL + (code - _FIRST_SYLLABLE) // _SYLLABLES_PER_INITIAL)
