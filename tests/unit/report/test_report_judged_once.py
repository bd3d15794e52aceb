"""The page's top, its scores and its sections on verdicts say the same of a run: judged once."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.results import result
from lm_eval_tasks.scoring.sittings import verdicts
from lm_eval_tasks.scoring.verdict import Item, Verdict
from tests.invented import Run, write


def test_a_report_judges_each_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []

    def counted(items: Sequence[Item], questions: Sequence[str]) -> list[Verdict]:
        judged.append(len(items))
        return verdicts(items, questions)

    monkeypatch.setattr(result, "verdicts", counted)
    for name in ("base", "other"):
        write(tmp_path / name, Run(model_args={"pretrained": f"org/{name}"}))
    folders = [str(tmp_path / name) for name in ("base", "other")]
    main(["report", *folders, "-o", str(tmp_path / "page.html")])
    assert judged == [8, 8]
