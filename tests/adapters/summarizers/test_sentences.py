"""Sentences end where they end, and nowhere else."""

import pytest

from adapters.summarizers.sentences import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "이 약은 두통에 사용합니다.성인은 1회 1~2정을 복용합니다.\n\n감량하십시오.\n",
            ["이 약은 두통에 사용합니다.", "성인은 1회 1~2정을 복용합니다.", "감량하십시오."],
        ),
        ("Take 1.5 mg daily. Do not chew.", ["Take 1.5 mg daily.", "Do not chew."]),
        (
            "Take with a drink, e.g. Water. Ask Dr. Kim vs. Others.",
            ["Take with a drink, e.g. Water.", "Ask Dr. Kim vs. Others."],
        ),
        ("<p>위염에 사용합니다.</p><p>정제입니다.</p>", ["위염에 사용합니다.", "정제입니다."]),
        ("5 mg/kg&nbsp;이하를 씁니다.", ["5 mg/kg 이하를 씁니다."]),
        ("", []),
    ],
)
def test_a_text_is_cut_into_whole_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_list_stays_with_the_words_that_lead_it() -> None:
    text = "# Uses\n\ntemporarily relieves pain due to:\n\n- headache\n- backache\n\nreduces fever"
    assert sentences(text) == [
        "temporarily relieves pain due to: headache, backache",
        "reduces fever",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Uses temporarily relieves pain.", "temporarily relieves pain."),
        ("WARNINGS For external use only.", "For external use only."),
        ("1 INDICATIONS AND USAGE Mekinist is a pill.", "Mekinist is a pill."),
        ("Uses For relief of: ■ colds ■ flu", "For relief of: colds, flu"),
        (
            "May harm a fetus [see Warnings (5.1)] and a mother ( 8.1 , 8.2 ).",
            "May harm a fetus and a mother.",
        ),
    ],
)
def test_headings_bullets_and_cross_references_are_not_said(text: str, expected: str) -> None:
    assert sentences(text) == [expected]


def test_a_heading_word_that_begins_a_sentence_stays() -> None:
    assert sentences("Use of this pill is safe.") == ["Use of this pill is safe."]
