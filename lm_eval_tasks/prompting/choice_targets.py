"""The right answer of `multiple_choice` tasks, of which a question may want several choices.

lm-eval 0.4 logs the target and writes it behind a worked example: a text serves. 0.5 (0.5.0.dev1,
lm_eval/api/task/_ll.py) looks it up among the choices, and where it is not one of them, "a,d", it
leaves the question out and the worked example unanswered, with no more than a line in the log. So
there a question has the places of its right choices for target, and a worked example, in
`fewshot_config`, has its whole answer for its only choice.
"""

from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.lm_eval_version import NEXT
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import Doc


def places(doc: Doc) -> list[int]:
    """Of the right choices, from 0."""
    return [LETTERS.index(letter) for letter in doc["accepted"][0]]


def _first(_: Doc) -> int:
    return 0


def _texts(doc: Doc) -> list[str]:
    return [prompts.paper_target(doc)]


def _letters(doc: Doc) -> list[str]:
    return [prompts.letters_target(doc)]


# names are those of the templates: a question's target, a worked example's target and choices
mc = places if NEXT else prompts.paper_target
mc_worked = _first if NEXT else prompts.paper_target
mc_worked_choices = _texts if NEXT else "{{choices}}"
letters_mc = places if NEXT else prompts.letters_target
letters_mc_worked = _first if NEXT else prompts.letters_target
letters_mc_worked_choices = _letters if NEXT else prompts.labels
