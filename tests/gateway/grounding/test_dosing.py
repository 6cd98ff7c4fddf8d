"""How often, how much at most, how long, by which way: said otherwise it is refused, and said in
other words it is not."""

from __future__ import annotations

import pytest

from gateway.grounding import Grounds

TWELVE = "Adults: take 1 tablet every 12 hours. Do not take more than 2 tablets in 24 hours."
TWICE = "Take one capsule twice daily with food."
SIX = "Take 2 tablets every 6 hours; maximum 8 tablets per day."
EXCEED = "Do not exceed 4 g per day."
TEN = "Do not use for more than 10 days."
UNDER = "Do not give to children under 12 years of age."
OVER = "Adults and children 12 years and over: 2 tablets."
KOREAN = "1일 2회, 1회 1정 복용합니다."


def refused(record: str, said: str) -> bool:
    return bool(Grounds([{"name": "X", "text": record}]).check(said))


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (TWELVE, "Adults take 1 tablet twice daily."),
        (TWICE, "Take one capsule every 12 hours with food."),
        (TWICE, "Take one capsule two times a day with food."),
        (TWICE, "Take one capsule 2 times per day with food."),
        ("Take one capsule once daily.", "Take one capsule daily."),
        ("Take one capsule three times a day.", "Take one capsule every 8 hours."),
        ("Take 1 tablet every 4 to 6 hours.", "Take 1 tablet every 6 hours."),
        ("Apply once a week.", "Apply once every 7 days."),
        (KOREAN, "하루 두 번, 한 번에 1정 복용합니다."),
        (KOREAN, "12시간마다 1정 복용합니다."),
        ("8시간 간격으로 복용합니다.", "하루 3회 복용합니다."),
        (SIX, "Take 2 tablets every 6 hours, up to 8 tablets daily."),
        ("Take no more than 8 tablets daily.", "Take at most 8 tablets per day."),
        (EXCEED, "Do not take more than 4 g per day."),
        (EXCEED, "The maximum is 4 g per day."),
        ("1일 4g을 초과하지 마십시오.", "하루 최대 4g까지 복용합니다."),
        (TEN, "Use for no longer than 10 days."),
        ("Do not use for more than 7 days.", "Do not use for more than 1 week."),
        (UNDER, "Do not give to children under 12 years."),
        (OVER, "Adults and children aged 12 and older take 2 tablets."),
        ("Contraindicated in liver disease.", "Do not use in liver disease."),
        ("Take with or without food.", "It can be taken with food."),
        ("Aspirin and an NSAID differ.", "Two NSAIDs differ."),
    ],
)
def test_the_same_in_other_words_passes(record: str, said: str) -> None:
    assert not refused(record, said)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (TWELVE, "Adults take 1 tablet once daily."),
        (TWELVE, "Adults take 1 tablet three times daily."),
        (TWELVE, "Adults take 1 tablet every 8 hours."),
        (TWICE, "Take one capsule once daily with food."),
        ("Take one capsule once daily with food.", TWICE),
        ("Apply once a week to the affected area.", "Apply once a day to the affected area."),
        (KOREAN, "하루 세 번, 한 번에 1정 복용합니다."),
        (KOREAN, "8시간마다 1정 복용합니다."),
        (SIX, "Take 8 tablets every 6 hours."),
        (EXCEED, "You may exceed 4 g per day."),
        (EXCEED, "Take more than 4 g per day."),
        ("1일 최대 4g까지 복용합니다.", "하루 4g 이상 복용하십시오."),
        (TEN, "Use for more than 10 days."),
        (TEN, "Do not use for more than 14 days."),
        (UNDER, "Do not give to children over 12 years of age."),
        (OVER, "Adults and children under 12 take 2 tablets."),
        ("Contraindicated in patients with liver disease.", "Indicated in patients with disease."),
        ("For intravenous injection.", "For intramuscular injection."),
        ("Take by mouth with water.", "Inject with water."),
        ("For external use only.", "For oral use only."),
        ("Instill in the eye.", "Instill in the ear."),
        ("경구 투여합니다.", "정맥 주사합니다."),
    ],
)
def test_another_way_another_limit_or_another_time_is_refused(record: str, said: str) -> None:
    assert refused(record, said)


def test_a_limit_that_is_turned_round_is_refused_though_it_is_said_of_something_else() -> None:
    record = "Do not take longer than 10 days. Ask a doctor if pain lasts more than 10 days."
    assert refused(record, "Take longer than 10 days.")
    assert not refused(record, "Do not take it longer than 10 days.")
    assert not refused(record, "If pain lasts more than 10 days, ask a doctor.")


def test_a_way_that_the_records_name_for_another_of_them_may_be_said() -> None:
    records = [
        {"name": "A", "text": "Take one tablet by mouth."},
        {"name": "B", "text": "For intravenous use only."},
    ]
    assert not Grounds(records).check("B is given by intravenous injection.")


def test_where_the_records_say_no_way_and_no_time_none_is_missed() -> None:
    assert not refused("It relieves pain.", "It relieves pain, taken by mouth twice daily.")
