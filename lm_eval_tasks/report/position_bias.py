"""A task's picks -> the section on position bias: is it the place that is picked, or the text?"""

from collections.abc import Iterator, Sequence

from lm_eval_tasks.report import charts
from lm_eval_tasks.report.charts import Bar, BarGroup
from lm_eval_tasks.report.models import Model, Runs
from lm_eval_tasks.report.positions import MINUS, PERMUTED, Positions, positions
from lm_eval_tasks.report.section import Figure, Lines, Paragraph, Section
from lm_eval_tasks.report.task import Task, or_none
from lm_eval_tasks.words import Words


def section(task: Task, words: Words) -> Section:
    """A chart of the picks at each position, and the metrics of permuted choices."""
    spread = [
        (model, found)
        for model, result in task.runs
        if (letters := task.picks[model]) is not None
        and (found := or_none(positions, result, letters)) is not None
    ]
    figure = _figure(f"{task.name}-positions", spread, words)
    if figure is None:
        return Section(
            words.report["positions"], [Paragraph(words.report["no positions"], small=False)]
        )
    return Section(
        words.report["positions"], [figure, Lines(list(_notes(task.runs, spread, words)))]
    )


def _figure(name: str, known: Sequence[tuple[Model, Positions]], words: Words) -> Figure | None:
    """Share of the picks at each position, marked where the key's lies."""
    able = [(model, one) for model, one in known if one.all_picked and one.all_key]
    if not able:
        return None
    letters = [one.letter for one in max((p.positions for _, p in able), key=len)]
    rows = [
        BarGroup(letter, [_bar(m, p, place) for m, p in able if place < len(p.positions)])
        for place, letter in enumerate(letters)
    ]
    return Figure(
        title=words.report["positions chart"],
        svg=charts.bars(
            name, (words.report["positions chart"], words.report["positions caption"]), rows
        ),
        head=[
            words.report["position"],
            *(f"{model.sign} {words.report['picked/key']}" for model, _ in able),
        ],
        rows=[
            [
                letter,
                *(
                    f"{one.positions[place].picked} / {one.positions[place].key}"
                    if place < len(one.positions)
                    else ""
                    for _, one in able
                ),
            ]
            for place, letter in enumerate(letters)
        ],
        note=words.report["positions caption"],
    )


def _bar(model: Model, found: Positions, place: int) -> Bar:
    position = found.positions[place]
    share = position.picked / found.all_picked
    return Bar(
        place=model.place,
        sign=model.sign,
        share=share,
        text=f"{position.picked} ({share:.0%})",
        mark=position.key / found.all_key,
    )


def _notes(runs: Runs, spread: Sequence[tuple[Model, Positions]], words: Words) -> Iterator[str]:
    for model, found in spread:
        unread = words.report["unread of"].format(n=found.unread, answers=found.answers)
        yield f"{model.sign}: {unread}"
    for model, result in runs:
        stated = result.run.results.scores(result.run.task)
        values = {metric: stated.get(f"{metric},none") for metric in PERMUTED}
        # the exponent's minus too is the typographic one, as everywhere on the page
        numbers = [
            f"{k} = {v:.3g}".replace("-", MINUS)
            for k, v in values.items()
            if isinstance(v, int | float)
        ]
        if numbers:
            yield f"{model.sign}: {', '.join(numbers)}"
