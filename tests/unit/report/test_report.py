"""The page: whole, self-contained, readable without sight, and silent about the house."""

import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.protocols import PROTOCOLS
from lm_eval_tasks.report.mistakes import counted
from lm_eval_tasks.report.models import unique_names
from lm_eval_tasks.words import LANGUAGES, read_words
from tests.invented import EXAM, Pupil
from tests.invented import reported as written

VOID = {"meta", "link", "br", "img", "hr", "input"}
LORA = "pretrained=org/base,peft=org/lora"


class Page(HTMLParser):
    """Every tag is closed in order; what tests ask about is collected."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = text
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


Make = Callable[..., Page]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def report(*pupils: Pupil, more: tuple[str, ...] = ()) -> Page:
        folders = [
            str(written(tmp_path / f"run{place}", pupil)) for place, pupil in enumerate(pupils)
        ]
        file = tmp_path / "report.html"
        main(["report", *folders, "-o", str(file), *more])
        return Page(file.read_text(encoding="utf-8"))

    return report


@pytest.fixture(params=LANGUAGES)
def both(request: pytest.FixtureRequest, make: Make) -> Page:
    """Base and adapter."""
    return make(Pupil(), Pupil(knows=0.9, model_args=LORA), more=("--lang", request.param))


def test_the_page_asks_for_nothing(both: Page) -> None:
    (policy,) = [m["content"] for m in both.all("meta") if "http-equiv" in m]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    addresses = [a[key] for _, a in both.tags for key in ("src", "href", "action") if key in a]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert not re.search(r"url\((?!#)|@import", both.text)
    assert not {"script", "iframe", "object", "img"} & {tag for tag, _ in both.tags}


def test_the_page_can_be_used_without_sight_or_mouse(both: Page) -> None:
    (root,) = both.all("html")
    assert root["lang"] in LANGUAGES
    ids = Counter(a["id"] for _, a in both.tags if "id" in a)
    assert ids.most_common(1)[0][1] == 1
    targets = {a["href"][1:] for a in both.all("a")}
    assert "main" in targets
    named = {name for _, a in both.tags for name in a.get("aria-labelledby", "").split()}
    assert targets | named <= set(ids)
    levels = [int(tag[1]) for tag, _ in both.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert all(svg["role"] == "img" for svg in both.all("svg"))
    assert both.all("svg")
    assert all(head["scope"] in {"row", "col"} for head in both.all("th"))
    wide = [div for div in both.all("div") if div.get("class") == "wide"]
    assert len(wide) == len(both.all("table"))
    assert all(div["tabindex"] == "0" and div["aria-label"] for div in wide)


def test_the_page_says_what_was_found(make: Make) -> None:
    page = make(Pupil(), Pupil(knows=0.9, model_args=LORA)).text
    for told in ("研究用", "参考値", "合格", "不合格", "116/120", "/155 = ", "org/base + org/lora",
                 "ECE", "画像が要る", "無作為に選ぶ", "ab" * 32, "誤答一覧", "‡", "McNemar",
                 "2026-01-02 03:00 UTC"):  # fmt: skip
        assert told in page, told


def test_text_of_questions_only_when_asked(make: Make) -> None:
    stems = [question.stem for question in EXAM.questions]
    page = make(Pupil()).text
    assert not [stem for stem in stems if stem in page]
    page = make(Pupil(), more=("--with-text",)).text
    assert len([stem for stem in stems if stem in page]) > 30


@pytest.mark.parametrize(
    "changes",
    [
        {"model_name": "/home/tanaka/weights/base", "model_source": "/home/tanaka/x"},
        {"lm_eval_version": "tanaka", "transformers_version": "tanaka", "date": "tanaka"},
        {"chat_template": "tanaka", "chat_template_sha": "tanaka"},
        {"system_instruction": "tanaka", "system_instruction_sha": "tanaka"},
        {"git_hash": "tanaka", "pretty_env_info": "GPU 0: tanaka/x\nhost tanaka"},
        {
            "config": {
                "model_args": "pretrained=/home/tanaka/weights/base,peft=/home/tanaka/a/lora,"
                "token=hf_tanaka,base_url=http://tanaka",
                "device": "tanaka", "model_dtype": "tanaka", "batch_size": "tanaka x",
                "random_seed": "tanaka", "model_num_parameters": "tanaka",
            }
        },
    ],
)  # fmt: skip
def test_nothing_of_the_house_is_told(make: Make, changes: dict[str, object]) -> None:
    page = make(Pupil(changes=changes), Pupil(changes=changes)).text
    assert "tanaka" not in page
    assert "/home" not in page


def test_markup_in_results_stays_text(make: Make) -> None:
    evil = "<script>alert(1)<script>"
    pupils = [Pupil(model_args=f"pretrained={name}") for name in (evil, f"a{evil}")]
    page = make(*pupils, more=("--show-local",))
    assert "&lt;script&gt;alert(1)" in page.text
    assert not page.all("script")


def test_runs_that_cannot_be_compared_say_why(make: Make) -> None:
    page = make(Pupil(), Pupil(limit=20)).text
    assert "比べられるタスクがない" in page
    assert "--limit 20/116" in page


def test_questions_among_the_training_rows_mark_every_score(make: Make, tmp_path: Path) -> None:
    adapter = tmp_path / "lora"
    adapter.mkdir()
    overlap = {"found": {"sample": {"rows": 7, "questions": 5}}, "compared": [], "not_here": []}
    (adapter / "run.json").write_text(json.dumps({"overlap": overlap}), encoding="utf-8")
    tuned = Pupil(knows=0.9, model_args=f"pretrained=org/base,peft={adapter}")
    page = make(Pupil(), tuned, more=("--lang", "en")).text
    assert "7 training rows hold 5 questions" in page
    assert re.search(r'<td class="value">[\d.]+%†</td>', page)
    assert re.search(r"<dd>\d+/159†</dd>", page)
    assert "PASS († trained on questions of it)" in page
    assert '<td class="number">1 of 1†</td>' in page
    boxes = re.findall(r'<div class="box .*?</dl>(.*?)</div>', page, re.DOTALL)
    assert ["such a score says little" in box for box in boxes] == [False, True] * 2
    assert str(tmp_path) not in page


@pytest.mark.parametrize(
    ("language", "why"),
    [
        ("ja", "未完了: 116 問中 10 問のみ解答"),
        ("en", "incomplete: 10 of 116 questions were answered"),
    ],
)
def test_an_incomplete_sitting_has_neither_points_nor_verdict(
    make: Make, language: str, why: str
) -> None:
    page = make(Pupil(limit=10, protocols=("letters",)), more=("--lang", language)).text
    (box,) = re.findall(r'<div class="box .*?</dl>.*?</div>', page, re.DOTALL)
    assert why in box
    assert re.findall(r"<dd>(.*?)</dd>", box) == ["–", "–", "–", "10/116"]
    assert "</span> –</p>" in box
    assert "/159" not in page


def test_permuted_choices_and_one_model_alone(make: Make) -> None:
    page = make(Pupil(permute=3, protocols=("letters", "letters_mc")), more=("--lang", "en"))
    assert "permute 3" in page.text
    assert "Verdict (参考値)" not in page.text
    assert "Changes from the base" not in page.text
    assert "Share of picks" in page.text


def test_damaged_results_are_left_out_without_their_paths(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "run0" / "__home__tanaka__base"
    folder.mkdir(parents=True)
    (folder / "results_2020-01-01T00-00-00.json").write_text("{", encoding="utf-8")
    page = make(Pupil()).text
    assert "results_2020-01-01T00-00-00.json" in page
    assert "tanaka" not in page


def test_samples_of_another_version_cost_what_they_lack(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(Pupil())
    for file in (tmp_path / "run0").glob("samples_*"):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub('"(choices|filtered_resps)":', r'"old_\1":', text), encoding="utf-8")
    main(["report", str(tmp_path / "run0"), "-o", str(tmp_path / "b.html"), "--lang", "en"])
    page = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert page.count("Not computed") == 6
    assert "FAIL" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "-o", "a.html"], "no results of a jmed task"),
        (["nowhere", "-o", "a.pdf"], "a report is HTML"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["report", *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_the_same_run_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path / "run", Pupil(protocols=("mc",)))
    for twice in (folder, next(folder.glob("results_*"))):
        with pytest.raises(SystemExit) as stopped:
            main(["report", str(folder), str(twice), "-o", str(tmp_path / "a.html")])
        assert stopped.value.code == 2
        told = capsys.readouterr().err
        assert f"the same run is named twice: {folder}, {twice}" in told
        assert told.count("\n") == 1


def test_models_of_one_name_are_numbered(make: Make) -> None:
    a, b = (Pupil(model_args=f"pretrained=/{place}/model", protocols=("mc",)) for place in "ab")
    assert '<td class="name">local model (1)' in make(a, b).text
    page = make(a, b, more=("--show-local",)).text
    assert '<td class="name">model (1)' in page
    assert '<td class="name">model (2)' in page
    assert unique_names(["a", "b", "a"]) == ["a (1)", "b", "a (2)"]


def test_ids_are_in_the_order_people_count_in() -> None:
    ids = ["1", "2", "10", "900-A1", "900-A2", "900-A11", "900-B1", "A1", "A2", "A11", "A11a"]
    by_letter = sorted(ids)
    assert by_letter != ids
    assert sorted(by_letter, key=counted) == ids


def test_a_device_is_named_only_where_there_was_a_gpu(make: Make) -> None:
    settings = {"model_args": "pretrained=org/base,token=x", "device": "cuda:0"}
    without = {"config": settings, "pretty_env_info": "Is CUDA available: False"}
    page = make(Pupil(changes=without, protocols=("mc",))).text
    assert "cuda:0" not in page
    assert "デバイス" not in page
    assert "引数の数" not in page
    with_gpu = {"config": settings, "pretty_env_info": "GPU 0: NVIDIA H100 80GB HBM3"}
    page = make(Pupil(changes=without), Pupil(changes=with_gpu)).text
    assert '<th scope="row">デバイス</th><td>–</td><td>cuda:0</td>' in page


@pytest.mark.parametrize("protocols", [("letters",), ("mc",), ("letters", "letters_mc")])
def test_the_metrics_of_the_page_and_no_others_are_explained(
    make: Make, protocols: tuple[str, ...]
) -> None:
    page = make(Pupil(protocols=protocols)).text
    wanted = {metric for protocol in protocols for metric in PROTOCOLS[protocol].metrics}
    ece = set() if protocols == ("letters",) else {"ECE"}
    (told,) = re.findall(r"<summary>指標の説明</summary>(.*?)</details>", page, re.DOTALL)
    assert set(re.findall("<dt>(.*?)</dt>", told)) == wanted | ece


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_metric_has_its_line(language: str) -> None:
    told = read_words(language).report["metrics"]
    known = {name for one in PROTOCOLS.values() for name in (*one.metrics, *one.over_set)}
    assert set(told) == known | {"ECE"}


def test_the_score_stands_beside_its_task(both: Page) -> None:
    scores = both.text.split('<h2 id="scores">')[1].split("</table>")[0]
    for row in scores.split("<tbody>")[1].split("<tr>")[1:]:
        assert re.match(r'<th scope="row">[^<]*</th><td>M\d</td><td class="number">[\d.]+ ±', row)
    assert "<caption" not in both.text


def test_the_verdicts_come_first(make: Make) -> None:
    page = make(Pupil(), Pupil(knows=0.9, model_args=LORA)).text
    top = page.split("</aside>")[1].split("<nav")[0]
    assert top.count("不合格") == 2
    assert top.count("○ 合格 ‡") == 2
    assert "学習記録 (run.json) が見つからず" in top


def test_one_word_for_each_thing(make: Make) -> None:
    page = make(Pupil(), Pupil(knows=0.4, model_args=LORA)).text
    for word in ("課題", "装置", "実行系", "正解へ", "課題数", "精度"):
        assert word not in page, word
    assert re.search("[^格]基準", page) is None
    assert page.count("得点率") == page.count("出題分の得点率")
    assert re.search(r">[^<]*[ \[(]-\d", page.split("<body>")[1]) is None
