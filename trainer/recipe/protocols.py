"""What lm_eval asks under a protocol: the task's own shots, and which task asks other ones."""

from dataclasses import dataclass

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.protocols import LOGLIKELIHOOD, PROTOCOLS, task_name
from trainer.recipe.recipe import Data


@dataclass(frozen=True)
class ScoringTask:
    """How lm_eval is made to ask what a recipe trains."""

    protocol: str
    """Of the task to name."""
    shots: int
    """Worked examples before each question."""
    flag: int | None
    """What --num_fewshot has to say, None where the task's own number is meant."""

    @property
    def by_loglikelihood(self) -> bool:
        """Whether given answers are scored, rather than one generated."""
        return self.protocol in LOGLIKELIHOOD

    def task(self, exam: str) -> str:
        return task_name(exam, self.protocol)


def scoring_task(data: Data) -> ScoringTask:
    """The task that asks with the recipe's shots.

    lm_eval leaves a task at 0 shots whose config says 0, whatever --num_fewshot says
    (lm_eval 0.4.13, evaluator.py, simple_evaluate); `paper` has a twin that says 1.

    Raises:
        JmedError: no task can be made to ask so.
    """
    own = PROTOCOLS[data.protocol].shots
    shots = own if data.num_fewshot is None else data.num_fewshot
    if shots == own:
        return ScoringTask(data.protocol, shots, None)
    if own:
        return ScoringTask(data.protocol, shots, shots)
    twin = f"{data.protocol}_1shot"
    if twin not in PROTOCOLS:
        raise JmedError(
            f"data.num_fewshot: {shots}: lm_eval asks {data.protocol} without worked examples, "
            "whatever --num_fewshot says, so it could not be scored as it was trained; allowed: 0"
        )
    return ScoringTask(twin, shots, None if shots == PROTOCOLS[twin].shots else shots)
