"""A sentence of the records is read once, and states the same whoever asks."""

from gateway.grounding.statements import forget, split, state_all, stated_in


def test_a_sentence_that_was_read_before_is_not_read_again() -> None:
    text = "1일 3회 복용합니다. 운전하지 마십시오."
    forget()
    first = stated_in([text])
    again = stated_in([text, text])
    assert [each is first[index % 2] for index, each in enumerate(again)] == [True] * 4
    assert first == state_all(split(text))


def test_only_the_sentences_read_last_stay_read() -> None:
    forget()
    (oldest,) = stated_in(["오래된 문장입니다."])
    stated_in([f"{number}번째 문장입니다." for number in range(4096)])
    assert stated_in(["오래된 문장입니다."])[0] is not oldest


def test_what_is_too_long_for_a_sentence_is_read_each_time() -> None:
    forget()
    long = "가나다 " * 200
    assert stated_in([long])[0] is not stated_in([long])[0]


def test_sentences_end_at_their_marks_and_at_lines() -> None:
    text = "한 알을 드세요.두 알은 안 됩니다. Take 0.5 g.\n\n끝?! 네"
    assert split(text) == ["한 알을 드세요.", "두 알은 안 됩니다.", "Take 0.5 g.", "끝?!", "네"]
