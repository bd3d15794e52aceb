"""Planted questions are found however they are written; innocent rows are not."""

import json
import unicodedata
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import to_doc
from lm_eval_tasks.results.training_record import (
    OverlapCount,
    OverlapRecord,
    TrainingRecord,
)
from trainer.data.example import Example
from trainer.data.mixture import Mixture, mix
from trainer.data.overlap import Index, Overlap, normalized
from trainer.data.overlap_guard import guard, with_earlier
from trainer.data.source_examples import Examples, SourceExamples
from trainer.recipe.recipe import Data, Source

SAMPLE = [q for q in load_exam("sample").questions if q.choices]
INDEX = Index(SAMPLE)


def mixed(file: Path, texts: list[str]) -> Mixture:
    lines = [json.dumps({"text": text}) + "\n" for text in texts]
    file.write_text("".join(lines), encoding="utf-8")
    return mix(Data(datasets=[Source(path=str(file))]), seed=1)


class Given(SourceExamples):
    """A dataset of the Hub, as if it had been read."""

    rows: tuple[Example, ...] = ()

    def again(self) -> Iterator[Example]:
        return iter(self.rows)


def found(text: str) -> list[Overlap]:
    return list(INDEX.find("here:1", text))


def ids(text: str) -> set[str]:
    return {overlap.question for overlap in found(text)}


def spaced(text: str) -> str:
    return " \n".join(text)


def widened(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def unpunctuated(text: str) -> str:
    return "".join(c for c in text if not unicodedata.category(c).startswith("P"))


def test_every_question_of_the_sample_is_found_in_its_prompt() -> None:
    missed = [q.id for q in SAMPLE if q.id not in ids(prompts.letters(to_doc(q)))]
    assert len(missed) == INDEX.unseen


@pytest.mark.parametrize("change", [spaced, widened, unpunctuated, str.upper])
def test_another_way_of_writing_does_not_hide_a_question(change: object) -> None:
    assert callable(change)
    for question in SAMPLE:
        plain = prompts.paper(to_doc(question))
        assert ids(plain) <= ids(change(plain)), question.id


def test_three_quarters_of_a_stem_are_enough_and_a_third_is_not() -> None:
    longest = max(SAMPLE, key=lambda question: len(normalized(question.stem)))
    size = len(longest.stem)
    (overlap,) = [o for o in found(longest.stem[: size * 3 // 4]) if o.question == longest.id]
    assert overlap.kind == "text"
    assert 0.6 <= overlap.share < 1
    assert longest.id not in ids(longest.stem[: size // 3])


def test_choices_in_another_order_are_found_without_the_stem() -> None:
    told = max(SAMPLE, key=lambda question: len("".join(question.choices)))
    (overlap,) = found(" / ".join(reversed(told.choices)))
    assert (overlap.question, overlap.kind, overlap.share) == (told.id, "choices", 1.0)


def test_the_wording_of_questions_is_no_overlap() -> None:
    assert not found("次のうち正しいのはどれか。1つ選べ。a. はい b. いいえ c. どちらでもない")
    assert not found("")


@given(st.sampled_from(SAMPLE), st.text(max_size=60), st.text(max_size=60))
def test_what_stands_around_a_question_does_not_hide_it(
    question: Question, before: str, after: str
) -> None:
    alone = ids(f"\n{question.stem}\n")
    assert alone <= ids(f"{before}\n{question.stem}\n{after}")


def test_the_guard_names_rows_and_how_to_declare_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JMED_MIRROR", "")
    monkeypatch.setenv("JMED_CACHE", "/nonexistent")
    question = max(SAMPLE, key=lambda q: len(q.stem))
    rows = mixed(tmp_path / "x.jsonl", ["こんにちは。", question.stem])
    with pytest.raises(JmedError, match=r"x\.jsonl:2 \(sample .*may_overlap: \[sample\]") as error:
        guard(rows, [])
    assert question.stem not in str(error.value)
    record = guard(rows, ["sample"])
    assert record.found["sample"].rows == 1
    assert record.compared == ["sample"]
    assert "igakuqa" in record.not_here
    assert guard(mixed(tmp_path / "y.jsonl", ["こんにちは。"]), []).found == {}


def test_rows_of_one_place_are_all_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two entries of one dataset may number their rows alike."""
    monkeypatch.setenv("JMED_MIRROR", "")
    question = max(SAMPLE, key=lambda q: len(q.stem))
    data = Data(datasets=[Source(path="org/rows")])
    rows = Given(data.datasets[0], data, sha256="two rows of one place")
    rows.rows = (Example(question.stem, "a", "org/rows:1"), Example("箱。", "b", "org/rows:1"))
    mixture = Mixture(Examples([(rows, array("q", [0, 1]))]), Examples([]), {}, {})
    with pytest.raises(JmedError, match=r"may_overlap: \[sample\]"):
        guard(mixture, [])


def test_a_run_inherits_what_its_base_was_trained_on() -> None:
    own = OverlapRecord(
        found={"igakuqa": OverlapCount(rows=1, questions=1)},
        compared=["igakuqa", "jmle119", "sample"],
        not_here=["denqa"],
    )
    assert with_earlier(own, TrainingRecord(state="finished")) == own
    earlier = OverlapRecord(
        found={
            "igakuqa": OverlapCount(rows=9, questions=7),
            "sample": OverlapCount(rows=2, questions=2),
        },
        compared=["igakuqa", "sample"],
        not_here=["denqa", "jmle119"],
    )
    both = with_earlier(own, TrainingRecord(state="finished", overlap=earlier))
    assert both.found == earlier.found
    assert both.compared == ["igakuqa", "sample"]
    assert both.not_here == ["denqa", "jmle119"]
