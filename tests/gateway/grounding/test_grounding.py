"""A summary may say what its records say, in other words, and nothing else."""

import pytest

from gateway.grounding import Grounds

KOREAN = {
    "id": "202106092",
    "name": "타이레놀정500밀리그람(아세트아미노펜)",
    "efficacy": "이 약은 감기로 인한 발열 및 두통, 치통에 사용합니다.",
    "usage": "만 12세 이상 성인은 1회 1~2정씩, 1일 3~4회 복용합니다.\n\n"
    "1일 8정(4,000 mg)을 초과하지 마십시오.\n\n소아는 1일 2회 1/2정을 식후에 복용합니다.",
    "caution": "이 약을 복용하기 전에 임부는 의사와 상의하십시오.\n\n"
    "간장애 환자는 이 약을 복용하지 마십시오.\n\n2026년 3월 1일 개정. 함량은 50%입니다.",
}
ENGLISH = {
    "id": "1",
    "name": "Acme Ibuprofen",
    "usage": "Adults and children 12 years and over: take 1 tablet (200 mg) every 4 to 6 hours. "
    "Do not exceed 6 tablets in 24 hours. Use twice daily with meals.",
    "warnings": "Do not use before heart surgery. Ask a doctor before use if you are pregnant. "
    "The dose was reduced in elderly patients with mild disease. Effective March 1, 2026.",
}
KO, EN = Grounds([KOREAN], "타이레놀"), Grounds([ENGLISH], "ibuprofen")


@pytest.mark.parametrize(
    "text",
    [
        "타이레놀은 감기로 인한 발열과 두통에 쓰는 약이에요.",
        "12세 이상 성인은 한 번에 1∼2정씩 하루 3~4회 드세요.",
        "하루 8정(4000 밀리그램)을 초과하지 마세요.",
        "소아는 하루 2회 반 정을 식후에 드세요.",
        "소아는 1일 2회 0.5정을 식후에 복용합니다.",
        "간장애 환자는 이 약을 복용하지 마세요.",
        "간장애 환자는 복용하면 안 됩니다.",
        "2026년 3월 1일에 개정되었습니다.",
        "함량은 50 퍼센트입니다.",
        "1. 두통에 사용합니다.\n2. 치통에 사용합니다.",
        "① 두통에 사용합니다.",
        "아세트아미노펜 500mg이 든 약입니다.",
    ],
)
def test_a_faithful_korean_text_passes(text: str) -> None:
    assert KO.check(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Ibuprofen: take one tablet (200 milligrams) every 4-6 hrs.",
        "Don't exceed 6 tablets in 24 hours.",
        "Adults and children 12 and over take 1 tablet.",
        "It is used 2 times a day with meals.",
        "If you are pregnant, ask a doctor before use.",
        "The label is effective 2026-03-01.",
        "성인은 4~6시간마다 1정(200 mg)을 복용합니다.",
    ],
)
def test_a_faithful_english_text_passes(text: str) -> None:
    assert EN.check(text) == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("만 12세 이상 성인은 1회 1~3정씩, 1일 3~4회 복용합니다.", "number"),
        ("성인은 1회 1~2정씩, 1일 8회 복용합니다.", "number"),
        ("1일 8정(4,000 g)을 초과하지 마십시오.", "number"),
        ("1일 8캡슐을 초과하지 마십시오.", "number"),
        ("함량은 55%입니다.", "number"),
        ("2026년 4월 1일 개정되었습니다.", "number"),
        ("만 12세 미만은 1회 1~2정씩 복용합니다.", "comparison"),
        ("간장애 환자는 이 약을 복용하십시오.", "negation"),
        ("이 약은 감기로 인한 발열 및 두통, 치통에 사용하지 않습니다.", "negation"),
        ("이 약을 복용한 후에 임부는 의사와 상의하십시오.", "term"),
        ("소아는 1일 2회 1/2정을 식전에 복용합니다.", "term"),
        ("이부프로펜은 감기로 인한 발열에 사용합니다.", "name"),
        ("게보린정은 두통에 사용합니다.", "name"),
        ("Aspirin 성분이 든 약입니다.", "name"),
    ],
)
def test_a_korean_text_that_changes_a_fact_is_caught(text: str, kind: str) -> None:
    assert kind in {claim.kind for claim in KO.check(text)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Take 1 tablet (400 mg) every 4 to 6 hours.", "number"),
        ("Take 1 tablet (200 mL) every 4 to 6 hours.", "number"),
        ("Take 1 tablet every 4 to 8 hours.", "number"),
        ("Do not exceed 6 tablets in 12 hours.", "number"),
        ("Effective March 2, 2026.", "number"),
        ("Children 12 years and under: take 1 tablet.", "comparison"),
        ("Use before heart surgery.", "negation"),
        ("Exceed 6 tablets in 24 hours.", "negation"),
        ("The dose was increased in elderly patients with mild disease.", "term"),
        ("Naproxen is taken every 4 to 6 hours.", "name"),
        ("Take Tylenol every 4 to 6 hours.", "name"),
        ("It contains naproxen.", "name"),
    ],
)
def test_an_english_text_that_changes_a_fact_is_caught(text: str, kind: str) -> None:
    assert kind in {claim.kind for claim in EN.check(text)}


def test_the_claim_is_named_so_that_a_model_can_be_told() -> None:
    (claim,) = KO.check("1일 9정을 초과하지 마십시오.")
    assert (claim.kind, claim.text) == ("number", "9정")


def test_without_records_only_a_text_without_claims_passes() -> None:
    nothing = Grounds([])
    assert nothing.check("두통에 사용합니다.") == ()
    assert nothing.check("500 mg을 복용합니다.") != ()


def test_what_was_asked_may_be_named() -> None:
    assert Grounds([ENGLISH], "Nurofen").check("Nurofen is taken every 4 to 6 hours.") == ()


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ("Take 500 mg twice daily.", "Take 0.5 g twice daily."),
        ("Take 0.5 g twice daily.", "Take 500 milligrams twice daily."),
        ("Take 250 mcg at night.", "Take 0.25 mg at night."),
        ("Drink 1.5 L of water.", "Drink 1500 mL of water."),
        ("Use it for 2 weeks.", "Use it for 14 days."),
        ("Wait 90 minutes between doses.", "Wait 1.5 hours between doses."),
        ("Take 1 tablet once a day.", "Take 1 tablet every 24 hours."),
        ("1회 0.5 g을 복용합니다.", "1회 500밀리그램을 복용합니다."),
    ],
)
def test_a_faithful_conversion_passes(record: str, text: str) -> None:
    assert Grounds([{"text": record}]).check(text) == ()


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ("Take 500 mg twice daily.", "Take 5 g twice daily."),
        ("Take 500 mg twice daily.", "Take 500 g twice daily."),
        ("Take 250 mcg at night.", "Take 2.5 mg at night."),
        ("Drink 1.5 L of water.", "Drink 150 mL of water."),
        ("Use it for 2 weeks.", "Use it for 12 days."),
        ("Wait 90 minutes between doses.", "Wait 9 hours between doses."),
        ("1회 0.5 g을 복용합니다.", "1회 50밀리그램을 복용합니다."),
    ],
)
def test_a_wrong_conversion_is_caught(record: str, text: str) -> None:
    assert "number" in {claim.kind for claim in Grounds([{"text": record}]).check(text)}


LIST = {
    "name": "약",
    "caution": "복용 전에 간장애 환자, 임부, 수유부, 고령자, 심장애 환자는 의사와 상의하십시오.",
    "usage": "Adults: take two tablets. Pregnant women: ask a doctor. "
    "Findings in pediatric patients were comparable to those in adults.",
}


@pytest.mark.parametrize(
    "text",
    [
        "간장애 환자, 임부, 수유부, 임부, 심장애 환자는 의사와 상의하세요.",
        "간장애 환자, 고령자, 수유부, 고령자, 심장애 환자는 의사와 상의하세요.",
        "Findings in pediatric patients were comparable to those in children.",
        "Children: take two tablets.",
    ],
)
def test_a_population_that_stands_in_anothers_place_is_caught(text: str) -> None:
    assert "term" in {claim.kind for claim in Grounds([LIST]).check(text)}


@pytest.mark.parametrize(
    "text",
    [
        "임부와 수유부는 의사와 상의하세요.",
        "고령자는 복용 전에 의사와 상의하세요.",
        "Adults take two tablets; pregnant women should ask a doctor.",
    ],
)
def test_populations_in_other_words_pass(text: str) -> None:
    assert Grounds([LIST]).check(text) == ()


def test_a_number_that_stands_in_anothers_place_is_caught() -> None:
    record = {"text": "Headache was seen in 6% and nausea in 11% of patients."}
    assert Grounds([record]).check("Headache was seen in 11% and nausea in 11% of patients.") != ()
    assert Grounds([record]).check("Nausea was seen in 11% of patients.") == ()


@pytest.mark.parametrize(
    ("text", "related"),
    [
        ("요약을 제공할 수 없습니다.", False),
        ("타이레놀에 대한 내용입니다.", False),
        ("감기로 인한 두통에 쓰는 약이에요.", True),
        ("두통.", True),
    ],
)
def test_a_text_without_a_word_of_the_records_is_not_about_them(text: str, related: bool) -> None:
    assert KO.touches(text) is related


@pytest.mark.parametrize("text", ["Simulated success", "The requested operation was completed."])
def test_an_english_text_without_a_word_of_the_records_is_not_about_them(text: str) -> None:
    assert not EN.touches(text)


def test_a_text_in_another_script_is_not_held_to_the_records_words() -> None:
    assert EN.touches("머리가 아플 때 먹는 약이에요.")
    assert KO.touches("For headaches and fever.")
