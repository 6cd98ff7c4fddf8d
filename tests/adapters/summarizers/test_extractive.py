"""The extractive summary says what the records say, in their words."""

from adapters.source import Record
from adapters.summarizers.base import Brief, Roles
from adapters.summarizers.extractive import Extractive

KOREAN = Roles(purpose=("efficacy",), usage=("usage",), caution=("warning", "caution"))
TYLENOL: Record = {
    "id": "1",
    "name": "타이레놀정500밀리그람",
    "efficacy": "이 약은 두통, 치통에 사용합니다.\n",
    "usage": "만 12세 이상은 1회 1~2정, 1일 3~4회 복용합니다.\n\n1일 8정을 초과하지 마십시오.\n",
    "warning": None,
    "caution": "이 약에 과민증 환자는 복용하지 마십시오.\n\n임부는 의사와 상의하십시오.\n",
    "storage": "실온에서 보관하십시오.",
}
CHILD: Record = {**TYLENOL, "id": "2", "name": "어린이타이레놀산160밀리그램"}
LABEL: Record = {
    "id": "3",
    "name": "Acme Ibuprofen",
    "uses": ["Uses temporarily relieves: ■ headache ■ toothache"],
    "directions": ["Directions take 1 tablet every 4 to 6 hours. Do not exceed 6 tablets."],
    "warnings": ["Warnings Stomach bleeding warning: may cause bleeding. If pregnant, ask first."],
}
ENGLISH = Roles(purpose=("uses",), usage=("directions",), caution=("warnings",))


async def text(brief: Brief) -> str:
    return (await Extractive().summarize(brief)).text


async def test_a_korean_summary_says_purpose_usage_and_caution_in_order() -> None:
    assert await text(Brief("타이레놀", (TYLENOL,), "ko", roles=KOREAN)) == (
        "타이레놀정500밀리그람: 이 약은 두통, 치통에 사용합니다. "
        "만 12세 이상은 1회 1~2정, 1일 3~4회 복용합니다. 1일 8정을 초과하지 마십시오. "
        "이 약에 과민증 환자는 복용하지 마십시오. 임부는 의사와 상의하십시오."
    )


async def test_an_english_summary_drops_the_drug_facts_headings() -> None:
    assert await text(Brief("ibuprofen", (LABEL,), "en", roles=ENGLISH)) == (
        "Acme Ibuprofen: temporarily relieves: headache, toothache. "
        "take 1 tablet every 4 to 6 hours. Do not exceed 6 tablets. "
        "Stomach bleeding warning: may cause bleeding. If pregnant, ask first."
    )


async def test_the_record_nearest_to_the_query_leads_and_others_are_named() -> None:
    said = await text(Brief("타이레놀", (CHILD, TYLENOL), "ko", roles=KOREAN))
    assert said.startswith("타이레놀정500밀리그람: ")
    assert said.endswith("그 밖에 찾은 것: 어린이타이레놀산160밀리그램.")


async def test_a_keyword_picks_the_sentences_that_speak_of_it() -> None:
    brief = Brief("타이레놀", (TYLENOL,), "ko", keyword="임신", roles=KOREAN)
    assert await text(brief) == "타이레놀정500밀리그람: 임부는 의사와 상의하십시오."


async def test_an_english_keyword_finds_other_forms_of_its_word() -> None:
    brief = Brief("ibuprofen", (LABEL,), "en", keyword="pregnancy", roles=ENGLISH)
    assert await text(brief) == "Acme Ibuprofen: If pregnant, ask first."


async def test_a_keyword_that_nothing_speaks_of_gives_the_general_summary() -> None:
    general = await text(Brief("타이레놀", (TYLENOL,), "ko", roles=KOREAN))
    assert await text(Brief("타이레놀", (TYLENOL,), "ko", "우주", KOREAN)) == general


async def test_a_long_sentence_is_shortened_between_clauses_and_keeps_its_verb() -> None:
    patients = ", ".join(f"만성 질환 {number}군의 환자" for number in range(40))
    record = {**TYLENOL, "caution": f"{patients}, 수유부는 복용하지 마십시오."}
    said = await text(Brief("타이레놀", (record,), "ko", roles=KOREAN))
    assert said.endswith("환자 … 수유부는 복용하지 마십시오.")
    assert len(said) < 600


async def test_a_long_first_sentence_of_purpose_is_not_skipped_for_a_short_later_one() -> None:
    record = {**LABEL, "uses": f"Acme is indicated for {'severe ' * 30}pain. Not for cats."}
    assert "Acme is indicated" in await text(Brief("acme", (record,), "en", roles=ENGLISH))


async def test_the_same_sentence_is_said_once() -> None:
    record = {**LABEL, "warnings": LABEL["directions"]}
    said = await text(Brief("acme", (record,), "en", roles=ENGLISH))
    assert said.count("Do not exceed 6 tablets.") == 1


async def test_without_roles_the_fields_speak_in_their_order() -> None:
    said = await text(Brief("타이레놀", (TYLENOL,), "ko"))
    assert said.startswith("타이레놀정500밀리그람: 이 약은 두통")
    assert said.endswith("실온에서 보관하십시오.")


async def test_no_records_give_an_empty_text() -> None:
    draft = await Extractive().summarize(Brief("없음", (), "ko"))
    assert (draft.text, draft.by) == ("", "extractive")


async def test_the_cautions_that_concern_the_reader_come_first() -> None:
    record = {
        "id": "1",
        "name": "A",
        "caution": "Keep it dry and away from the light of the sun at all times. "
        * 2
        + "Do not drive a car or use a machine after you have taken it in the evening. "
        "Ask a doctor before use if you are pregnant. Never give it to an infant.",
    }
    roles = Roles(caution=("caution",))

    async def told(*context: tuple[str, str]) -> str:
        return await text(Brief("a", (record,), "en", roles=roles, context=context))

    assert (await told(("pregnancy", "yes"))).startswith("A: Ask a doctor before use if you are")
    assert (await told(("age", "child"))).startswith("A: Never give it to an infant.")
    assert await told(("pregnancy", "no")) == await told()
