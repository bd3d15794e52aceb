"""How the publisher of each exam counts an answer: one rule for each of their programs.

A rule compares a prediction, the string that the publisher's own program takes out of a response,
with the key. What it splits at, strips and credits is part of the score that was published, so it
is kept as it was read there, special questions and accidents included.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from lm_eval_tasks.answers.reading import published_prediction
from lm_eval_tasks.answers.reasoning import strip_reasoning
from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.prompting.doc import Doc

EITHER: Mapping[str, str] = {"119E28": "ac"}
"""IgakuQA119: of these questions each letter alone is right, and no two of them are."""
ACCIDENTS: Mapping[str, bool] = {"116A71": True, "107_888-26": False}
"""medLLM_QA_benchmark: what its program counts whatever the answer. DenQA has a question of the id
that IgakuQA's program, from which it comes, credits to all; the key of one question of JJSIMQA
holds a comma, and no prediction does after it was split at commas."""
MARKED = re.compile(r"【回答】\s*(.+)")
DIGITS = "12345678"
"""Of the choices, where the exam numbers them."""


def igakuqa(doc: Doc, prediction: str) -> bool:
    """Split at commas, nothing stripped, in any order.

    The special questions are data: 116A71, credited to all, of the card; 112B30, a or d, of the
    published file.

    Source: jungokasai/IgakuQA@2bc4c3d159cf5505f6253d24a909fbd53237e239 scripts/evaluate_main.py
    """
    return _comma_parts(prediction) in (doc["accepted"] or [[doc["gold"]]])


def jmle119(doc: Doc, prediction: str) -> bool:
    """All characters but blanks, commas and brackets, in any order and case: "ac", "[C, A]".

    Numbers are compared in the same way, so that their digits count in any order: 63 for 36.

    Source: docto-rin/IgakuQA119@2d942397cbaa1031ca139184bc4af16e1ffa202d src/grading_logic.py
    """
    given = _characters(prediction)
    if doc["id"] in EITHER:
        return given in map(list, EITHER[doc["id"]])
    return given == _characters("".join(_key(doc)))


def jmle120(doc: Doc, prediction: str) -> bool:
    """Letters that stand alone between commas and blanks, Markdown left out; a number by its value.

    Source: naoto-iwase/JMLE2026-Bench@76c4b29475d3008072a77a091a0d27df049dadcd benchmark.py
    """
    if doc["accepted"]:
        return _lone_letters(prediction) == _key(doc)
    try:
        return float(prediction) == float(doc["gold"])
    except ValueError:
        return False


def yakugakuqa(doc: Doc, prediction: str) -> bool:
    """Digits of the choices, 1 for the first: split at commas, nothing stripped, in any order.

    Where more are right than asked for, the key is all of them. Letters in place of all digits
    count too, because the prompts of this project letter the choices.

    Source: EQUES-Inc/pharma-LLM-eval@998387e8fe73f775990ca11d0a45d2a6819bf4e3
    scripts/evaluate_main.py
    """
    return _numbered_parts(prediction) == _key(doc)


def kokushimd10(doc: Doc, prediction: str) -> bool:
    """Letters and digits of ASCII in any order and case, whatever stands between; six at most.

    Digits of choices count for letters and the other way round, since some of its ten exams number
    the choices and the prompts of this project letter all.

    Source: jamed-llm/KokushiMD-10@245536432673e95aaf63ffe2b2601ec838d96a67 calculate_scores.py
    """
    keys = ["".join(_key(doc))]
    if doc["accepted"]:
        keys.append("".join(DIGITS[LETTERS.index(letter)] for letter in _key(doc)))
    return _alphanumerics(prediction) in map(_alphanumerics, keys)


def medllm_qa(doc: Doc, prediction: str) -> bool:
    """Half-width; split at commas of either kind, the parts stripped, in any order; the whole key.

    Source: aistairc/medLLM_QA_benchmark@6e7bce9740a4e2658ffe6c706d3455b4613c2c49
    scripts/evaluate_main.py
    """
    if doc["id"] in ACCIDENTS:
        return ACCIDENTS[doc["id"]]
    return _stripped_parts(prediction) == _key(doc)


def jmed_llm(doc: Doc, prediction: str) -> bool:
    """The first of the capitals A to F in a whole response, whatever word it is part of.

    Source: sociocom/JMED-LLM@3774a34e4a26a7b8a7851f421ecad91a04c2f59b src/utils.py
    """
    return first_capital(prediction) == doc["gold"].upper()


def first_capital(response: str) -> str:
    """The label that JMED-LLM's program takes out of a response, "" if there is none."""
    found = re.search("[A-F]", response)
    return found[0] if found else ""


def marked_line(response: str) -> str:
    """What follows 【回答】 on its line; in a response without that mark, its answer line.

    The publisher counts a response without the mark as wrong. The prompts of this project ask for
    other forms, and without the mark any answer to them would be.
    """
    marked = MARKED.search(strip_reasoning(response))
    return marked[1].strip() if marked else published_prediction(response)


@dataclass(frozen=True)
class Rule:
    """The program of one publisher.

    correct: whether a prediction earns the points. letters: what it names, for prohibited choices.
    line: the prediction within a response that the publisher's program did not see.
    digits: published predictions name choices by digits.
    through: published predictions number the questions of a sitting through, over its sections.
    """

    correct: Callable[[Doc, str], bool]
    letters: Callable[[str], Sequence[str]]
    line: Callable[[str], str] = published_prediction
    digits: bool = False
    through: bool = False

    @property
    def source(self) -> str:
        """ "owner/repo@commit file" """
        told = str(self.correct.__doc__).partition("Source: ")[2]
        return " ".join(told.split())


def _comma_parts(prediction: str) -> list[str]:
    return sorted(prediction.split(","))


def _characters(prediction: str) -> list[str]:
    return sorted(re.sub(r"[][, ]", "", prediction.strip().lower()))


def _lone_letters(prediction: str) -> list[str]:
    parts = re.split(r"[,、\s]+", re.sub(r"[*_`#]", "", prediction))
    return sorted({part.lower() for part in parts if re.fullmatch("[a-eA-E]", part)})


def _numbered_parts(prediction: str) -> list[str]:
    parts = prediction.split(",")
    if all(part in [*DIGITS] for part in parts):
        parts = [LETTERS[DIGITS.index(part)] for part in parts]
    return sorted(parts)


def _alphanumerics(prediction: str) -> str:
    # sorted before the case is made one, as the publisher does: "aB" is not "ab"
    return "".join(sorted(re.sub("[^a-zA-Z0-9]", "", prediction))).upper()[:6]


def _stripped_parts(prediction: str) -> list[str]:
    parts = normalize("NFKC", prediction).replace("、", ",").split(",")
    return sorted(part.strip() for part in parts)


RULES: Mapping[str, Rule] = {
    "igakuqa": Rule(igakuqa, _comma_parts),
    "jmle119": Rule(jmle119, _characters),
    "jmle120": Rule(jmle120, _lone_letters, line=marked_line),
    "yakugakuqa": Rule(yakugakuqa, _numbered_parts, digits=True, through=True),
    "kokushimd10": Rule(kokushimd10, lambda text: _alphanumerics(text).lower(), digits=True),
    "medllm_qa": Rule(medllm_qa, _stripped_parts),
    "jmed_llm": Rule(jmed_llm, lambda text: first_capital(text).lower(), line=str),
}
"""By the name that cards and docs have; a card without one is of an exam without such a rule."""


def rule_of(doc: Mapping[str, object]) -> str:
    """The name of the rule that `acc` of a doc goes by, "" if its exam has none.

    Docs logged before each exam had its own were all counted by IgakuQA's.
    """
    return str(doc.get("rule", "igakuqa"))


def published_correct(doc: Doc, prediction: str) -> bool:
    """Whether the publisher's program counts `prediction` as right; the exam has such a rule."""
    if doc["credited_to_all"]:
        return True
    return bool(_key(doc)) and RULES[rule_of(doc)].correct(doc, prediction)


def published_line(doc: Doc, response: str) -> str:
    """The prediction in a whole response to a prompt of this project.

    The choices are lettered there, also where the publisher numbers them, and a digit could be the
    text of a choice: it names none.
    """
    rule = RULES[rule_of(doc)]
    line = rule.line(response)
    return "" if rule.digits and doc["accepted"] and re.search(r"\d", line) else line


def _key(doc: Doc) -> list[str]:
    """The letters of the printed key, all where more are right than asked for; or its number."""
    letters = {letter for accepted in doc["accepted"] for letter in accepted}
    return sorted(letters) or [gold for gold in [doc["gold"]] if gold]
