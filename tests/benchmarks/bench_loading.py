"""Loading the exams and building their requests, against lm-eval's own way with the same rows.

    JMED_MIRROR=… python -m tests.benchmarks.bench_loading

Ours reads the published files, checks their sha256, attaches case texts and filters. The other way
is that of lm-eval's medqa: a JSON file of finished rows, `process_docs`, Jinja prompts. Both build
the same number of requests; every figure is the median of paired runs in one process.
"""

import json
import logging
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import disable_caching, disable_progress_bars
from lm_eval.tasks import TaskManager
from rich.table import Table

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.exams.card import exam_names, read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.sources import is_local
from lm_eval_tasks.tables.scores import console

RUNS = 5
MEDQA_STYLE = """\
task: other_{exam}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
output_type: multiple_choice
process_docs: !function tests.benchmarks.bench_loading.process_docs
doc_to_text: "Question: {{{{text}}}}\\n{{% for c in choices %}}{{{{c}}}}\\n{{% endfor %}}Answer:"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: target
metadata: {{version: 1}}
"""


def process_docs(dataset: Any) -> Any:
    """What lm-eval's medqa does to each row: put the parts together."""
    return dataset.map(lambda row: {"text": f"{row['context']}\n{row['stem']}".strip()})


def main() -> None:
    logging.disable(logging.CRITICAL)
    disable_progress_bars()
    disable_caching()
    table = Table(title=f"median of {RUNS} paired runs, {platform.machine()}, one process")
    for heading in ("exam", "questions", "ours, s / 1,000", "medqa style, s / 1,000", "ratio"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for card in map(read_card, exam_names()):
            if is_local(card):
                table.add_row(card.name, *_row(card.name, Path(folder)))
    console().print(table)


def _row(exam: str, folder: Path) -> tuple[str, str, str, str]:
    ours, name = (
        TaskManager(include_path=str(TASKS_PATH), include_defaults=False),
        f"jmed_{exam}_mc",
    )
    rows = folder / exam / "rows.json"
    rows.parent.mkdir()
    docs = [{**doc, "target": 0} for doc in ours.load([name])["tasks"][name].test_docs()]
    rows.write_text("\n".join(json.dumps(doc) for doc in docs), encoding="utf-8")
    yaml = MEDQA_STYLE.format(exam=exam, rows=rows)
    rows.with_name("other.yaml").write_text(yaml, encoding="utf-8")
    theirs = TaskManager(include_path=str(rows.parent), include_defaults=False)
    pairs = [
        (_seconds(ours, name, load_exam.cache_clear), _seconds(theirs, f"other_{exam}"))
        for _ in range(RUNS)
    ]
    medians = (statistics.median(column) for column in zip(*pairs, strict=True))
    mine, other = (seconds * 1000 / len(docs) for seconds in medians)
    return str(len(docs)), f"{mine:.3f}", f"{other:.3f}", f"{other / mine:.2f}"


def _seconds(manager: TaskManager, task: str, before: Callable[[], object] = bool) -> float:
    before()
    start = time.perf_counter()
    loaded = manager.load([task])["tasks"][task]
    loaded.build_all_requests(rank=0, world_size=1)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
