"""The page on runs with images: both parts side by side, what images were worth, small copies."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.exams.card import Card, read_card
from lm_eval_tasks.exams.images import image_pins, missing_images
from lm_eval_tasks.exams.manifest import Pin
from lm_eval_tasks.report import thumbnails
from tests.invented import Invented, samples, written

SHOWN = Invented(
    [n % 3 != 0 for n in range(30)],
    task="jmedvision_jmle120_letters",
    rule="jmle120",
    figures=(2, *[1] * 9),
    changes={"model_source": "hf-multimodal"},
)
BLIND = replace(SHOWN, right=[n % 3 != 0 and n > 5 for n in range(30)], blind=True)
TEXT = Invented([n % 2 == 0 for n in range(20)], task="jmed_jmle120_letters", rule="jmle120")
FIGURE = ["6/10 = 60.0% [31.3%, 83.2%]", "14/20 = 70.0% [48.1%, 85.5%]"]
BLIND_FIGURE = ["2/10 = 20.0% [5.7%, 51.0%]", "14/20 = 70.0% [48.1%, 85.5%]"]
Page = Callable[..., str]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """The page about runs, each in a folder of its own."""

    def make(*runs: Invented, more: tuple[str, ...] = ()) -> str:
        for place, run in enumerate(runs):
            written(tmp_path / "out" / str(place), run)
        folders = [str(tmp_path / "out" / str(place)) for place in range(len(runs))]
        main(["report", *folders, "-o", str(tmp_path / "r.html"), *more])
        return (tmp_path / "r.html").read_text(encoding="utf-8")

    return make


def rows(text: str, anchor: str) -> list[list[str]]:
    """The cells of the tables of a section."""
    section = text.partition(f'<h2 id="{anchor}">')[2].partition("<h2")[0]
    found = re.findall(r"<tr><th scope=\"row\">.*?</tr>", section, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in found]


def test_both_parts_stand_side_by_side_and_the_pair_says_what_images_were_worth(
    page: Page,
) -> None:
    found = rows(page(SHOWN, BLIND, TEXT, more=("--lang", "en")), "figures")
    assert found[:2] == [
        ["jmedvision_jmle120_letters, 3 shots, images shown", "M1", *FIGURE],
        ["jmedvision_jmle120_letters, 3 shots, images withheld", "M2", *BLIND_FIGURE],
    ]
    assert [row[:4] for row in found[2:]] == [
        ["need a figure", "10", "20.0%", "60.0%"],
        ["need none", "20", "70.0%", "70.0%"],
        ["all", "30", "53.3%", "66.7%"],
    ]


def test_both_runs_of_one_folder_are_a_pair_too(tmp_path: Path) -> None:
    written(tmp_path / "out", SHOWN)
    written(tmp_path / "out", BLIND, stamp="2026-01-02T03-04-06.000006")
    main(["report", str(tmp_path / "out"), "-o", str(tmp_path / "r.html")])
    found = rows((tmp_path / "r.html").read_text(encoding="utf-8"), "figures")
    assert [row[1] for row in found[:2]] == ["M1", "M1"]
    assert [row[0] for row in found[2:]] == ["画像が要る問題", "画像が要らない問題", "全体"]


def test_the_change_from_the_base_says_who_saw(page: Page) -> None:
    text = page(SHOWN, BLIND, more=("--lang", "en"))
    assert "M1 (images shown) → M2 (images withheld): acc_lenient 66.7% → 53.3%" in text
    label = "jmedvision_jmle120_letters, 3 shots, images shown → images withheld"
    assert f"[1] {label}" in text
    assert [row[2:4] for row in rows(text, "changes") if row[0] == "need a figure"] == [
        ["60.0%", "20.0%"]
    ]


def test_models_that_differ_are_no_pair(page: Page) -> None:
    text = page(SHOWN, replace(BLIND, model_args="pretrained=org/other"), more=("--lang", "en"))
    assert len(rows(text, "figures")) == 2


def test_a_pair_that_does_not_compare_says_why(page: Page) -> None:
    cut = replace(BLIND, right=BLIND.right[:29], figures=(2, *[1] * 8))
    text = page(SHOWN, cut, more=("--lang", "en"))
    assert len(rows(text, "figures")) == 2
    section = text.partition('<h2 id="figures">')[2].partition("<h2")[0]
    assert "jmedvision_jmle120_letters: questions: 29 ≠ 30 answers" in section


def test_protocol_and_counts_name_the_images(page: Page) -> None:
    text = page(replace(SHOWN, max_pixels=1_000_000), more=("--lang", "en"))
    for label, value in (
        ("images", "images shown"),
        ("questions shown with images", "10"),
        ("image files", "11 (0.0 MB)"),
        ("most images of a question", "2"),
        ("most pixels of an image", "1,000,000"),
        ("options", "max_pixels 1000000"),
    ):
        assert re.search(rf"{label}</th><td[^>]*>{re.escape(value)}</td>", text), label
    assert "asks the questions that need a figure" in page(TEXT, more=("--lang", "en"))


def test_a_page_without_images_has_no_such_section(page: Page) -> None:
    assert 'id="figures"' not in page(TEXT)


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Path]:
    """Images of the questions of SHOWN beside a card that pins them; one is not there."""
    images = [image for one in samples(SHOWN) for image in one["doc"]["images"]]
    names = {image["file"]: image["sha256"] for image in images}
    files = {name: tmp_path / name for name in list(names)[1:]}
    for place, file in enumerate(files.values()):
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (1200, 600 + place), (9, 99, 200)).save(file)
    pins = {name: Pin(sha256) for name, sha256 in names.items()}

    def image_files(card: Card, wanted: list[str]) -> dict[str, Path]:
        assert card.name == "jmle120"
        assert set(wanted) <= files.keys(), "would be downloaded"
        return {name: files[name] for name in wanted}

    monkeypatch.setattr(thumbnails, "image_pins", lambda _: pins)
    monkeypatch.setattr(thumbnails, "missing_images", lambda _: list(names.keys() - files.keys()))
    monkeypatch.setattr(thumbnails, "image_files", image_files)
    return files


def test_wrong_answers_are_quoted_with_their_images(
    page: Page, pinned: Mapping[str, Path], tmp_path: Path
) -> None:
    """Of the first question one image of two is not here; the others wrong are 3, 6 and 9."""
    text = page(SHOWN, more=("--with-text", "--lang", "en"))
    found = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)"', text)
    assert [alt for _, alt in found] == [
        "image 2 of 900A0000",
        *(f"image 1 of 900A000{n}" for n in (3, 6, 9)),
    ]
    (tmp_path / "small.jpg").write_bytes(base64.b64decode(found[0][0]))
    with Image.open(tmp_path / "small.jpg") as small:
        assert max(small.size) == thumbnails.SIDE
    assert "1 images of wrong answers are not on this machine" in text
    assert "jmed fetch jmle120 --images" in text
    assert "<img" not in page(SHOWN)
    assert "<img" not in page(BLIND, more=("--with-text",))


def test_no_other_file_is_shown_whatever_a_results_file_names(
    tmp_path: Path, pinned: Mapping[str, Path]
) -> None:
    """A name of the house's own, a path, and the pinned name of another content."""
    name = next(iter(pinned))
    secret = tmp_path / "secret.png"
    Image.new("RGB", (9, 9)).save(secret)
    for file in (str(secret), "../secret.png", "images/../../secret.png", name):
        image = {"file": file, "sha256": "0" * 64}
        assert thumbnails.thumbnails("jmle120", [{"images": [image]}]) == {}
    assert thumbnails.thumbnails("hospital", [one["doc"] for one in samples(SHOWN)]) == {}


def test_nothing_is_fetched_without_a_mirror(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names and digests of two pinned images, and a machine that has none."""
    monkeypatch.setenv("JMED_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("JMED_MIRROR", raising=False)
    pins = list(image_pins(read_card("jmle120")).items())[:2]
    doc = {"images": [{"file": name, "sha256": pin.sha256} for name, pin in pins]}
    assert thumbnails.thumbnails("jmle120", [doc]) == {}
    assert not (tmp_path / "cache").exists()
    text = page(SHOWN, more=("--with-text",))
    assert "誤答の画像 5 枚は、この端末にないか" in text


def test_real_images_are_shown_from_the_mirror() -> None:
    card = read_card("jmle120")
    here = sorted(set(image_pins(card)) - set(missing_images(card)))
    if not here:
        pytest.skip("JMED_MIRROR has no images of jmle120")
    pins = image_pins(card)
    doc = {"images": [{"file": name, "sha256": pins[name].sha256} for name in here[:2]]}
    found = thumbnails.thumbnails("jmle120", [doc])
    assert set(found) == {pins[name].sha256 for name in here[:2]}
    assert all(len(uri) < 40_000 for uri in found.values())
