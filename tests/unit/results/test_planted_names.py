"""Names of the house in results, samples and run.json: what the outputs of jmed tell of them."""

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import exam_names, read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.report.facts import GPU
from lm_eval_tasks.results.model_name import is_of_hub
from lm_eval_tasks.results.withheld import _is_id
from tests.attack.planted import COMMANDS, WORD, Plant, plants, told
from tests.invented import Invented, Run, question, write, written

ALL = list(plants())
EVERY = 71
"""Of the places every so manieth is tried here, another one for each command; `make attack` tries
all. Coprime to the number of forms, so that each is met."""


@pytest.fixture(autouse=True)
def no_wait_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_planted_name_is_told(command: str, tmp_path: Path) -> None:
    tried = ALL[COMMANDS.index(command) :: EVERY]
    texts = [told(plant, tmp_path / str(n), command) for n, plant in enumerate(tried)]
    shown = [plant for plant, text in zip(tried, texts, strict=True) if text and WORD in text]
    assert shown == []
    assert sum(text is not None for text in texts) > 0.7 * len(tried)


@pytest.mark.parametrize("command", ["leaderboard", "report"])
def test_the_house_may_see_its_own_names(command: str, tmp_path: Path) -> None:
    plant = Plant("results", ("config", "model_args", "pretrained"), "a word", as_key=False)
    hidden = told(plant, tmp_path / "a", command)
    shown = told(plant, tmp_path / "b", command, "--show-local")
    assert hidden
    assert "local model" in hidden
    assert "local adapter" in hidden
    assert shown
    assert WORD in shown
    assert str(tmp_path) not in shown


@pytest.mark.parametrize(
    ("name", "sha", "public"),
    [
        ("org/model", None, True),
        ("org/model", "0" * 40, True),
        ("tanaka_taro/finetune", "", False),
        ("tanaka taro/finetune", None, False),
        ("田中/finetune", "0" * 40, False),
        ("../finetune", None, False),
        ("finetune", "0" * 40, False),
        ("gpt-4o-2024-11-20", None, True),
        ("/h/.cache/models--org--m-7B/snapshots/0ab1", "", True),
    ],
)
def test_a_folder_that_looks_like_a_name_of_the_hub(
    name: str, sha: object, public: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert is_of_hub(name, sha) is public


def test_without_a_network_the_cache_of_the_hub_knows_its_models(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    (tmp_path / "models--org--model").mkdir()
    assert is_of_hub("org/model", "")
    assert not is_of_hub("org/other", "")


def test_a_private_exam_is_not_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [question(n, "naika", category=f"{WORD} {n % 2}") for n in range(1, 9)]
    write(tmp_path / "out", Run("jmed_naika_letters", asked, answer=lambda _: "e", marks=""))
    outputs = []
    for more in ([], ["--show-local"]):
        page = tmp_path / f"{len(more)}.html"
        main(["report", str(tmp_path / "out"), "-o", str(page), *more])
        main(["leaderboard", str(tmp_path / "out"), *more])
        outputs.append(page.read_text(encoding="utf-8") + capsys.readouterr().out)
    for name in ("naika", f"{WORD} 1", "900A1"):
        assert name not in outputs[0]
        assert name in outputs[1]
    assert "withheld-1" in outputs[0]
    assert "withheld" not in outputs[1]


def test_differences_of_what_is_withheld_are_told(tmp_path: Path) -> None:
    for place, stop in enumerate(("。", "\n")):
        kwargs = {"until": [stop], "do_sample": False, "max_gen_toks": 64}
        config = Run().results()["configs"]["jmed_sample_letters"] | {"generation_kwargs": kwargs}
        write(tmp_path / str(place), Run(more={"configs": {"jmed_sample_letters": config}}), place)
    page = tmp_path / "r.html"
    main(["report", str(tmp_path / "0"), str(tmp_path / "1"), "-o", str(page)])
    assert "generation settings: {&#39;until&#39;: &#39;withheld-" in page.read_text("utf-8")


@pytest.mark.parametrize("exam", exam_names())
def test_a_card_names_all_categories_and_forms_of_ids(exam: str) -> None:
    card = read_card(exam)
    if card.hub:
        pytest.skip("needs the Hub")
    try:
        questions = load_exam(exam).questions
    except JmedError as error:
        pytest.skip(str(error)[:80])
    assert {one.category for one in questions} - {""} == {*card.categories}
    assert [one.id for one in questions if not _is_id(one.id, card)] == []
    assert {one.sitting for one in questions} <= {*card.published}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("GPU 0: NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB"),
        ("GPU 1: NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3"),
        ("GPU 0: NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 4090"),
        ("GPU 0: NVIDIA RTX 6000 Ada Generation", "NVIDIA RTX 6000 Ada Generation"),
        ("GPU 0: NVIDIA L4", "NVIDIA L4"),
        ("GPU 0: NVIDIA hanako", ""),
        ("GPU 0: gpu17 of tanaka", ""),
    ],
)
def test_cards_by_their_makers_words(line: str, name: str) -> None:
    assert "".join(GPU.findall(line)) == name


def test_formulas_in_csv_are_text_and_numbers_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, name in enumerate(("=1+1", "@SUM(1+1)*cmd|' C calc'!A0", "-2+3", "\t=1")):
        arguments = {"pretrained": name, "dtype": "float32"}
        write(tmp_path / str(place), Run(model_args=arguments), place)
    main(["compare", *(str(tmp_path / str(n)) for n in range(4)), "--csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    cells = [cell for row in rows for cell in row.values()]
    assert {row["base"] for row in rows} == {"'=1+1 (dtype=float32)"}
    assert len({row["other"] for row in rows}) == 3
    numbers = [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]
    assert all(math.isfinite(float(cell)) for cell in numbers)


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        main(arguments)
        found = capsys.readouterr()
        return found.out + found.err

    return run


@pytest.mark.parametrize("command", ["verdict", "leaderboard", "compare"])
def test_no_control_character_reaches_the_terminal(
    command: str, tmp_path: Path, shown: Callable[..., str]
) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m"
    arguments = {"leaderboard": ["--show-local"]}.get(command, [])
    base = Invented([True] * 3, model_args=f"pretrained=org/{evil}")
    other = Invented([True] * 3, model_args="pretrained=org/other")
    for name, run in (("a", base), ("b", other)):
        file = written(tmp_path / name, run)
        lines = file.with_name(f"samples_{run.task}_{file.stem[8:]}.jsonl")
        samples = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
        for sample in samples:
            sample["doc"] |= {"section": evil, "category": f"{evil}[/x]", "sitting": f"{evil}[/x]"}
            sample["passed"][1] = f"{evil}[/x]"
        lines.write_text("\n".join(map(json.dumps, samples)), "utf-8")
    (tmp_path / "a" / f"results_{evil}.json").write_text("{", "utf-8")
    folders = [str(tmp_path / name) for name in ("a", "b")][: 2 if command == "compare" else 1]
    text = shown(command, *folders, *arguments)
    assert "\ufffd" in text
    assert not {*text} & {"\x1b", "\x07", "\x9b"}
