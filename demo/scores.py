"""lm-eval's results of several models -> one table, and whether facts were learnt.

The taught exam must be far above chance, the held-out one near it; both are measured in standard
errors of a model that guesses: sqrt(chance (1 - chance) / n).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from demo.facts import CHANCE

EXAMS = ("taught", "heldout")
METRICS = (
    ("mc", "acc"),
    ("paper", "exact_match"),
    ("paper", "gestalt_score"),
    ("paper", "gestalt_acc"),
)
"""Protocol and metric of each row of the table."""
GUESSED = (("mc", "acc"), ("paper", "gestalt_acc"))
"""Those that choose one of five, so that a guess is right with probability CHANCE."""
FAR, NEAR = 5.0, 3.0
"""Standard errors: what counts as far above chance, and as near it."""


@dataclass(frozen=True)
class Score:
    """A mean over n questions and its standard error as lm-eval gives it."""

    value: float
    stderr: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.2f} ± {self.stderr:.2f}"


@dataclass(frozen=True)
class Finding:
    """One sentence of the verdict. holds: it is as it should be."""

    holds: bool
    text: str


Scores = Mapping[tuple[str, str, str], Score]
"""(exam, protocol, metric) -> score."""


def tasks() -> list[str]:
    """The tasks that `read_scores` reads."""
    protocols = dict.fromkeys(protocol for protocol, _ in METRICS)
    return [f"jmed_{exam}_{protocol}" for exam in EXAMS for protocol in protocols]


def read_scores(folder: Path) -> Scores:
    """Read the newest results below lm-eval's --output_path."""
    newest = max(folder.rglob("results_*.json"), key=lambda file: file.name)
    results = json.loads(newest.read_text(encoding="utf-8"))
    scores = {}
    for exam in EXAMS:
        for protocol, metric in METRICS:
            task = f"jmed_{exam}_{protocol}"
            found = results["results"][task]
            scores[exam, protocol, metric] = Score(
                value=found[f"{metric},none"],
                stderr=found[f"{metric}_stderr,none"],
                n=results["n-samples"][task]["effective"],
            )
    return scores


def score_table(models: Mapping[str, Scores]) -> Table:
    """One row for each metric of each exam, one column for each model."""
    table = Table(title="mean ± standard error", title_justify="left")
    for heading in ("exam", "protocol", "metric"):
        table.add_column(heading)
    for heading in ("n", "a guess", *models):
        table.add_column(heading, justify="right", no_wrap=True)
    for exam in EXAMS:
        for row in METRICS:
            found = [scores[exam, *row] for scores in models.values()]
            guess = f"{CHANCE:.2f}" if row in GUESSED else ""
            cells = (exam, *row, str(found[0].n), guess, *map(str, found))
            table.add_row(*cells, end_section=row is METRICS[-1])
    return table


def findings(model: str, scores: Scores) -> list[Finding]:
    """What the scores of a trained model say about learning."""
    return [
        _finding(model, exam, f"{protocol} {metric}", scores[exam, protocol, metric])
        for exam in EXAMS
        for protocol, metric in GUESSED
    ]


def _finding(model: str, exam: str, metric: str, score: Score) -> Finding:
    error = math.sqrt(CHANCE * (1 - CHANCE) / score.n)
    distance = (score.value - CHANCE) / error
    taught = exam == "taught"
    holds = distance >= FAR if taught else abs(distance) <= NEAR
    wanted = f"at least +{FAR:.0f}" if taught else f"within ±{NEAR:.0f}"
    return Finding(
        holds,
        f"{model}, {exam}: {metric} {score.value:.2f} on n = {score.n}; chance {CHANCE:.2f} with "
        f"standard error {error:.2f}, so {distance:+.1f} standard errors ({wanted} wanted): "
        f"{'as it should be' if holds else 'NOT AS IT SHOULD BE'}",
    )


def all_hold(found: Sequence[Finding]) -> bool:
    return all(finding.holds for finding in found)
