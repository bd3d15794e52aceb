"""(doc, response) -> scores, the scorers that protocols name.

A metric that lm-eval averages gets lm-eval's own standard error. `points` is a sum, so it brings
its own: lm-eval shows a key `<metric>_stderr` as the error of the metric before it.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

from lm_eval_tasks.answers.corrections import published_claim, read_correction
from lm_eval_tasks.answers.entities import entity, listed, strict_list
from lm_eval_tasks.answers.inconsistencies import published_pairs, read_pairs
from lm_eval_tasks.answers.reading import Reading, read_letters, read_number, same_number
from lm_eval_tasks.answers.reasoning import strip_reasoning
from lm_eval_tasks.exams.free_answers import Contrast, Correction
from lm_eval_tasks.exams.question import LETTERS, normal_form
from lm_eval_tasks.prompting.doc import (
    ClinicalDoc,
    ContrastDoc,
    CorrectionDoc,
    Doc,
    gold_texts,
    is_clinical,
)
from lm_eval_tasks.prompting.orders import Pick
from lm_eval_tasks.protocols import METRICS
from lm_eval_tasks.scoring.aggregations import Points
from lm_eval_tasks.scoring.agreement import UNREAD, Pair
from lm_eval_tasks.scoring.entity_f1 import exact_f1, overlap_f1, published_partial_f1
from lm_eval_tasks.scoring.gestalt import author_pick, author_scores, nearest_sets, set_score
from lm_eval_tasks.scoring.inconsistencies import found, pair_f1, published_found
from lm_eval_tasks.scoring.published_rules import (
    RULES,
    published_correct,
    published_line,
    rule_of,
)
from lm_eval_tasks.scoring.rouge import rouge1, rouge_l
from lm_eval_tasks.scoring.set_figures import (
    NO,
    YES,
    contrast_key,
    counted,
    error_key,
    numbered,
    sentence_key,
)
from lm_eval_tasks.scoring.verdict import Item

Scores = dict[str, float | Points | Item | Pick | Pair]
MARKERS = ("### 応答：\n", "### Response:", "### Answer:")
HEADING = re.compile(r"\A#{1,6}[ \t]*(?:応答|答え|回答|Response|Answer)[ \t]*[:：]?\s*")


def paper(doc: Doc, results: Sequence[str]) -> Scores:
    """The metrics of JMedLoRA, as its author's program has them and as sets (see gestalt.py).

    exact_match, gestalt_score, gestalt_acc: the author's definition.
    exact_match_set, gestalt_score_set, gestalt_acc_set: ours; in gestalt_acc_set a tie is wrong.
    gestalt_tie: several sets of choices were equally near.
    """
    response = strip_reasoning(results[0])
    return _paper_author(doc, response) | _paper_set(doc, response)


def letters(doc: Doc, results: Sequence[str]) -> Scores:
    """Answers given as letters, or as a number where the question has no choices.

    acc: the rule of the exam's publisher (published_rules.py) on the response's answer line or else
        its first line, half-width and lower case; absent, and points too, if it has none.
    acc_lenient: any width, order and separator, words around it; numbers by value or by sheet.
    points, points_lenient: what these earn; points_possible: what all kept questions are worth.
    extracted: share of responses in which the lenient rules found an answer.
    The figures of a sitting (`sitting_scores`) take the lenient answer.
    """
    response = results[0]
    reading = picked(doc, response)
    lenient = lenient_correct(doc, reading)
    answer = reading.letters & frozenset(LETTERS[: len(doc["choices"])])
    return {
        **_published(doc, response),
        "acc_lenient": float(lenient),
        "extracted": float(bool(reading.rule)),
        **_agreement(doc, kappa_lenient=answer),
        **_points(doc, points_lenient=lenient),
        **sitting_scores(doc, answer, correct=lenient),
    }


def mc(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """Log-likelihood of each choice's text; the answer is the n likeliest, n from the wording.

    acc: by the sum over tokens; acc_norm: by that sum over the number of characters, as lm-eval
    normalises; both need the whole set of several answers. points by acc.
    """
    logprobs = [logprob for logprob, _ in results]
    per_character = [
        logprob / len(choice) for logprob, choice in zip(logprobs, doc["choices"], strict=True)
    ]
    answer = likeliest(doc, logprobs)
    correct = _is_accepted(doc, answer)
    return {
        "acc": float(correct),
        "acc_norm": float(_is_accepted(doc, likeliest(doc, per_character))),
        **_agreement(doc, kappa=answer),
        **_points(doc, points=correct),
        **sitting_scores(doc, answer, correct=correct),
    }


def letters_mc(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """As `mc`, on the letters of the choices; all are one character, so there is no acc_norm."""
    scores = mc(doc, results)
    del scores["acc_norm"]
    return scores


def lenient_correct(doc: Doc, reading: Reading) -> bool:
    """Whether the answer that was read from a response (`picked`) is one that earns the points."""
    if doc["credited_to_all"]:
        return True
    if doc["number"]:
        return same_number(reading.number, doc["number"], doc["gold"])
    return _is_accepted(doc, reading.letters)


def picked(doc: Doc, response: str) -> Reading:
    """The letters or the number that the lenient rules read."""
    return read_number(response) if doc["number"] else read_letters(response, doc["n_select"])


def likeliest(doc: Doc, values: Sequence[float]) -> frozenset[str]:
    """The letters of as many choices as the question asks for, those with the highest values."""
    order = sorted(range(len(values)), key=lambda index: (-values[index], index))
    return frozenset(LETTERS[index] for index in order[: doc["n_select"]])


def _published(doc: Doc, response: str) -> Scores:
    """By the publisher's rule; nothing if it has none."""
    if not rule_of(doc):
        return {}
    line = published_line(doc, response)
    correct = published_correct(doc, line)
    named = RULES[rule_of(doc)].letters(line)
    return {
        "acc": float(correct),
        **_agreement(doc, kappa=named),
        **_points(doc, points=correct),
    }


def _agreement(doc: Doc, **named: Collection[str]) -> dict[str, Pair]:
    """The pair of each metric over a whole clinical set, and of its error.

    Args:
        named: the letters that the answer names; other than one are no label.

    Nothing of sets that are not compared so, and of a question whose choices were permuted.
    """
    if not doc.get("kappa") or doc["order"]:
        return {}
    pairs: dict[str, Pair] = {}
    for name, letters in named.items():
        given = "".join(letters).upper() if len(letters) == 1 else UNREAD
        pair = Pair(doc["gold"].upper(), given, str(doc["kappa"]))  # type: ignore[typeddict-item]
        pairs[name] = pairs[f"{name}_stderr"] = pair
    return pairs


def _paper_author(doc: Doc, response: str) -> Scores:
    line = response
    for marker in MARKERS:
        line = line.split(marker)[0]
    line = line.strip().split("\n")[0].strip().replace(".", "").strip()
    gold = ",".join(gold_texts(doc))
    split = sorted(gold.split(","))  # also at commas inside a choice: the author's program does
    nearest = author_pick(author_scores(line, doc["choices"]), len(split))
    clean_gold = gold.replace(".", "").strip()
    return {
        "exact_match": float(line == clean_gold),
        "gestalt_score": author_scores(line, [clean_gold])[0],
        "gestalt_acc": float(sorted(doc["choices"][index] for index in nearest) == split),
    }


def _paper_set(doc: Doc, response: str) -> Scores:
    line = _answer_part(doc, response)
    choices = [normal_form(choice) for choice in doc["choices"]]
    golds = [[choices[LETTERS.index(name)] for name in accepted] for accepted in doc["accepted"]]
    score = max(set_score(line, gold) for gold in golds)
    nearest = nearest_sets(line, choices, doc["n_select"])
    answer = frozenset(LETTERS[index] for index in nearest[0]) if len(nearest) == 1 else frozenset()
    return {
        "exact_match_set": float(score == 1.0),
        "gestalt_score_set": score,
        "gestalt_acc_set": float(_is_accepted(doc, answer)),
        "gestalt_tie": float(len(nearest) > 1),
        **sitting_scores(doc, answer, correct=_is_accepted(doc, answer)),
    }


def _answer_part(doc: Doc, response: str) -> str:
    """The answer part of a response: its first line, or as many lines as the answer has."""
    text = HEADING.sub("", response).split("###")[0].strip()
    if any("\n" in choice for choice in doc["choices"]):
        return normal_form(re.split(r"\n\s*\n", text)[0])
    lines = [line for line in text.split("\n") if line.strip()] or [""]
    listed = doc["n_select"] > 1 and not re.search("[,、，]", lines[0])
    return normal_form("\n".join(lines[: doc["n_select"] if listed else 1]))


def _is_accepted(doc: Doc, answer: frozenset[str]) -> bool:
    return doc["credited_to_all"] or sorted(answer) in doc["accepted"]


def _points(doc: Doc, **correct: bool) -> dict[str, Points]:
    """Each sum with its error, and what there was to earn.

    Nothing of a repeated question, and of a clinical set, where no points are earned.
    """
    if doc["order"] or is_clinical(doc):
        return {}
    items: dict[str, Points] = {}
    for name, right in correct.items():
        items[name] = items[f"{name}_stderr"] = (doc["points"], doc["points"] * right)
    return items | {"points_possible": (doc["points"], doc["points"])}


def sitting_scores(doc: Doc, answer: frozenset[str], *, correct: bool) -> dict[str, Item | Pick]:
    """Metric -> what its aggregation needs of this answer.

    Args:
        answer: the letters picked, as shown; empty if none could be read.
        correct: the answer earns the points.

    Returns:
        Of a run with permuted choices, the metrics over orders; of an exam with pass marks, those
        over sittings, each followed by its standard error; of others, nothing.
    """
    if doc["order"]:
        return dict.fromkeys(_of("orders"), _pick(doc, answer, correct=correct))
    if doc["pass_marks"]:
        names = [name for metric in _of("sitting") for name in (metric, f"{metric}_stderr")]
        return dict.fromkeys(names, _item(doc, answer, correct=correct))
    return {}


def _item(doc: Doc, answer: frozenset[str], *, correct: bool) -> Item:
    return Item(
        marks=doc["pass_marks"],
        sitting=doc["sitting"],
        required=doc["required"],
        worth=doc["points"],
        earned=doc["points"] * correct,
        correct=correct,
        prohibited=not answer.isdisjoint(doc["prohibited"]),
        asked=doc["sitting_asked"],
        required_possible=doc["sitting_required"],
        general_possible=doc["sitting_general"],
        labelled=doc["sitting_labelled"],
    )


def _pick(doc: Doc, answer: frozenset[str], *, correct: bool) -> Pick:
    return Pick(
        id=doc["id"],
        permutation=doc["permutation"],
        n_choices=len(doc["choices"]),
        picked="".join(sorted(answer)),
        original="".join(sorted(doc["order"][LETTERS.index(letter)] for letter in answer)),
        correct=correct,
    )


def _of(over: str) -> list[str]:
    return [name for name, metric in METRICS.items() if metric.over == over]


def extract(doc: Doc, results: Sequence[str]) -> Scores:
    """Expressions of a text, given as a list.

    exact_f1, partial_f1: the publisher's program, on responses that are a list and nothing else.
    exact_f1_set, partial_f1_set: ours, on the last list in the response, in normal form.
    extracted: share of responses in which a list could be read.
    """
    strict, named = strict_list(results[0]), listed(results[0])
    right = cast(ClinicalDoc, doc)["entities"]
    ours = {*map(entity, right)}, {*map(str, named.items)}
    published = {*right}, {*strict.items}
    return {
        "exact_f1_set": exact_f1(*ours),
        "partial_f1_set": overlap_f1(*ours),
        "exact_f1": exact_f1(*published),
        "partial_f1": published_partial_f1(*published),
        "extracted": 0.0 if named.reason else 1.0,
    }


def correct(doc: Doc, results: Sequence[str]) -> Scores:
    """The wrong sentence of a text, or that there is none, and the sentence put right.

    sentence_acc, detection_f1, error_sentence_acc: as the publisher's program reads a response.
    sentence_acc_lenient, detection_f1_lenient: as ours does; the metrics of the correction too.
    correction_exact_match: rightly none, or the right sentence with the very text of the key.
    correction_rouge1, correction_rougeL: of the text alone, whichever sentence it is for; 1 where
        it is rightly none, 0 where it is missing or too much. The publisher's are of words that
        MeCab parts; these are of characters, which need no dictionary.
    extracted: share of responses that ours could read.
    """
    key = cast(CorrectionDoc, doc)
    claim, ours = published_claim(results[0]), read_correction(results[0])
    error = error_key(doc)
    lenient = UNREAD if ours is None else YES if ours.sentence else NO
    detected = UNREAD if claim.error is None else YES if claim.error else NO
    return {
        "sentence_acc_lenient": float(ours is not None and ours.sentence == key["sentence"]),
        "sentence_acc": float(claim.sentence == key["sentence"]),
        **_correction_scores(key, ours),
        "extracted": float(ours is not None),
        **_pair("detection_f1_lenient", Pair(error, lenient, "detection_f1")),
        **_pair("detection_f1", Pair(error, detected, "detection_f1")),
        **_pair(
            "error_sentence_acc",
            Pair(sentence_key(doc), numbered(claim.sentence), "error_sentence_acc"),
        ),
    }


def _correction_scores(key: CorrectionDoc, ours: Correction | None) -> Scores:
    names = ("correction_exact_match", "correction_rouge1", "correction_rougeL")
    if not key["sentence"] or not ours or not ours.sentence:
        right = ours is not None and ours.sentence == key["sentence"]
        return dict.fromkeys(names, float(right))
    same = normal_form(ours.text) == normal_form(key["correction"])
    return {
        names[0]: float(same and ours.sentence == key["sentence"]),
        names[1]: rouge1(key["correction"], ours.text),
        names[2]: rouge_l(key["correction"], ours.text),
    }


def contrast(doc: Doc, results: Sequence[str]) -> Scores:
    """Places where two documents contradict each other.

    contrast_f1: of this text, contrast_f1_micro: of all; ours, see scoring/inconsistencies.py.
    contrast_recall: the publisher's program, which counts no pair that is wrongly named.
    extracted: share of responses in which a pair, or that there is none, could be read.
    """
    right = [Contrast(*pair) for pair in cast(ContrastDoc, doc)["contrasts"]]
    named = read_pairs(results[0])
    hits = found(right, named) if named.read else 0
    score = pair_f1(len(right), len(named.items), hits) if named.read else 0.0
    total, theirs = contrast_key(doc), published_found(right, published_pairs(results[0]))
    micro = Pair(total, counted(hits, len(named.items)), "contrast_f1_micro")
    return {
        "contrast_f1": score,
        "extracted": float(named.read),
        **_pair("contrast_f1_micro", micro),
        **_pair("contrast_recall", Pair(total, counted(theirs, theirs), "contrast_recall")),
    }


def _pair(name: str, pair: Pair) -> Scores:
    """For the metric and its error."""
    return {name: pair, f"{name}_stderr": pair}


SCORERS: Mapping[str, Callable[[Doc, Any], Scores]] = {
    "paper": paper,
    "letters": letters,
    "mc": mc,
    "letters_mc": letters_mc,
    "extract": extract,
    "correct": correct,
    "contrast": contrast,
}
"""The functions that protocols name."""
