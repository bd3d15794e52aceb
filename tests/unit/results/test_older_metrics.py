"""Results written before a metric was added are read with the metrics that they have."""

from dataclasses import replace
from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.protocols import PROTOCOLS
from lm_eval_tasks.results import result
from lm_eval_tasks.results.read import read_results
from tests.invented import Invented, written

EXTRACTED, READ = '"extracted"', '"read"'


@pytest.fixture
def one_more(monkeypatch: pytest.MonkeyPatch) -> str:
    """A metric of `letters` that no result before had."""
    letters = PROTOCOLS["letters"]
    more = {**PROTOCOLS, "letters": replace(letters, metrics=(*letters.metrics, "acc_strict"))}
    monkeypatch.setattr(result, "PROTOCOLS", more)
    return "acc_strict"


def test_older_results_are_read_and_compared(
    tmp_path: Path, one_more: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Invented([True, False] * 4)
    new = Invented([True, True] * 4, model_args="pretrained=org/new", sample={one_more: 1.0})
    written(tmp_path / "old", old)
    written(tmp_path / "new", new)
    (before,) = read_results(tmp_path / "old").results
    (after,) = read_results(tmp_path / "new").results
    assert before.metrics == ["acc_lenient", "acc", "extracted"]
    assert after.metrics == [*before.metrics, one_more]
    for folders in (("old", "new"), ("new", "old")):
        main(["compare", *(str(tmp_path / name) for name in folders), "--lang", "en"])
        assert f"metrics of one run alone: {one_more}" in capsys.readouterr().out


def test_only_the_deciding_metric_must_be_there(tmp_path: Path) -> None:
    file = written(tmp_path, Invented([True, False]))
    (samples,) = tmp_path.glob("samples_*")
    text = samples.read_text(encoding="utf-8")
    samples.write_text(text.replace(EXTRACTED, READ), encoding="utf-8")
    assert read_results(file).results[0].metrics == ["acc_lenient", "acc"]
    first, _, rest = text.partition("\n")
    samples.write_text(f"{first.replace(EXTRACTED, READ)}\n{rest}", encoding="utf-8")
    with pytest.raises(JmedError, match="extracted"):
        read_results(file)
    samples.write_text(text.replace('"acc_lenient"', '"lenient"'), encoding="utf-8")
    with pytest.raises(JmedError, match="acc_lenient"):
        read_results(file)
