"""`pip install .` without -e: every file is in the wheel, every command and protocol runs from it.

The checkout's own environment is an editable install and cannot see what the wheel lacks.
"""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from zipfile import ZipFile

import pytest

from demo.tiny_model import build
from lm_eval_tasks.cli import main as cli
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.protocols import TEXT_PROTOCOLS
from tests.e2e.installed import Environment, built, install
from tests.e2e.lm_eval_run import ROOT

PACKAGE = ROOT / "lm_eval_tasks"
SHEET = "問題,選択肢a,選択肢b,正解\n架空の問い。正しいのはどれか。,赤い石,青い石,a\n"


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return built(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def base(distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A plain install: there is no torch."""
    return install(distributions[1], tmp_path_factory.mktemp("base") / "venv", extras=False)


@pytest.fixture(scope="module")
def scored(base: Environment) -> Path:
    """What the installed `jmed eval` wrote: one task of each protocol, answered by no model."""
    tasks = ",".join(f"jmed_sample_{protocol}" for protocol in TEXT_PROTOCOLS)
    base.run(
        "jmed", "eval", "--model", "dummy", "--tasks", tasks, "--output_path", "out",
        "--log_samples",
    )  # fmt: skip
    return base.elsewhere / "out"


def test_every_file_of_the_package_is_in_sdist_and_wheel(distributions: tuple[Path, Path]) -> None:
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "lm_eval_tasks/scoring/pass_marks.yaml" in wanted
    sdist, wheel = distributions
    with ZipFile(wheel) as packed:
        assert not wanted - set(packed.namelist())
    with tarfile.open(sdist) as packed_source:
        names = {name.partition("/")[2] for name in packed_source.getnames()}
    assert not wanted - names


def test_the_environment_has_no_torch_and_no_checkout(base: Environment) -> None:
    code = (
        "import importlib.util as u, lm_eval_tasks;"
        "print([u.find_spec(name) for name in ('torch', 'trainer')]);"
        "print(lm_eval_tasks.__file__)"
    )
    found, file = base.run("python", "-c", code).stdout.splitlines()
    assert found == "[None, None]"
    assert Path(file).is_relative_to(base.folder)


def test_each_protocol_is_scored_to_its_verdict(scored: Path) -> None:
    (file,) = scored.rglob("results_*.json")
    results = json.loads(file.read_text(encoding="utf-8"))["results"]
    assert set(results) == {f"jmed_sample_{protocol}" for protocol in TEXT_PROTOCOLS}
    assert all("passed,none" in metrics for metrics in results.values())


def _eval_help(jmed: Environment, out: Path) -> None:
    del out
    assert "--tasks" in jmed.run("jmed", "eval", "--help").stdout


def _link(jmed: Environment, out: Path) -> None:
    del out
    stubs = jmed.folder.glob("lib/python*/site-packages/lm_eval/tasks/jmed/*.yaml")
    jmed.run("jmed", "link", "sample")
    assert len(list(stubs)) == len(TEXT_PROTOCOLS)


def _new_exam(jmed: Environment, out: Path) -> None:
    del out
    (jmed.elsewhere / "naika.csv").write_text(SHEET, encoding="utf-8")
    jmed.run("jmed", "check-exam", "naika.csv")
    jmed.run("jmed", "new-exam", "naika.csv")
    done = jmed.run(
        "python", "-m", "lm_eval", "--include_path", "naika", "--tasks", "jmed_naika_letters",
        "--model", "dummy",
    )  # fmt: skip
    assert "jmed_naika_letters" in done.stdout


def _rescore(jmed: Environment, out: Path) -> None:
    del out
    answers = [
        json.dumps({"problem_id": question.id, "prediction": "a"})
        for question in load_exam("sample").questions
    ]
    file = jmed.elsewhere / "900_all-a.jsonl"
    file.write_text("\n".join(answers), encoding="utf-8")
    jmed.run("jmed", "rescore", "sample", str(file), "--verdict")


def _compare(jmed: Environment, out: Path) -> None:
    copytree(out, jmed.elsewhere / "again")
    jmed.run("jmed", "compare", str(out), "again")


def _submission(jmed: Environment, out: Path) -> None:
    jmed.run("jmed", "submission", str(out), "--model-id", "org/name", "-o", "to_publish")


def _submission_check(jmed: Environment, out: Path) -> None:
    _submission(jmed, out)
    jmed.run("jmed", "submission", "check", "to_publish")


COMMANDS: dict[str, Callable[[Environment, Path], object]] = {
    "path": lambda jmed, out: jmed.run("jmed", "path"),
    "eval": _eval_help,
    "exams": lambda jmed, out: jmed.run("jmed", "exams"),
    "fetch": lambda jmed, out: jmed.run("jmed", "fetch", "sample"),
    "link": _link,
    "unlink": lambda jmed, out: jmed.run("jmed", "unlink"),
    "verdict": lambda jmed, out: jmed.run("jmed", "verdict", str(out)),
    "compare": _compare,
    "leaderboard": lambda jmed, out: jmed.run("jmed", "leaderboard", str(out)),
    "report": lambda jmed, out: jmed.run("jmed", "report", str(out), "-o", "report.html"),
    "rescore": _rescore,
    "floor": lambda jmed, out: jmed.run("jmed", "floor", "--task", "jmed_sample_paper"),
    "submission": _submission,
    "submission check": _submission_check,
    "new-exam": _new_exam,
    "check-exam": lambda jmed, out: jmed.run("jmed", "check-exam", "--help"),
}


def test_every_command_is_run_below() -> None:
    (actions,) = [
        action.choices
        for action in cli._parser()._actions
        if action.dest != "help" and action.choices
    ]
    assert set(COMMANDS) == set(actions)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_runs_from_the_wheel(name: str, base: Environment, scored: Path) -> None:
    COMMANDS[name](base, scored)


def test_with_the_extras_a_model_is_scored_from_the_wheel(
    distributions: tuple[Path, Path], tmp_path: Path
) -> None:
    build(tmp_path / "tiny")
    installed = install(distributions[1], tmp_path / "venv", extras=True)
    tasks = ",".join(f"jmed_sample_{protocol}" for protocol in TEXT_PROTOCOLS)
    done = installed.run(
        "jmed", "eval", "--model", "jmed_hf", "--model_args", f"pretrained={tmp_path / 'tiny'}",
        "--device", "cpu", "--batch_size", "8", "--tasks", tasks, "--limit", "2",
        "--gen_kwargs", "max_gen_toks=4",
    )  # fmt: skip
    assert all(f"jmed_sample_{protocol}" in done.stdout for protocol in TEXT_PROTOCOLS)
