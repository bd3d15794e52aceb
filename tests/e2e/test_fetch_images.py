"""Images over real HTTP from 127.0.0.1: fetched where asked for, by the rules of all files."""

import io
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from PIL import Image

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams import card
from lm_eval_tasks.exams.images import image_files
from lm_eval_tasks.files.image import open_image
from tests.e2e.servers import FileServer

SOURCE = "someone/exam@" + "0123456789" * 4
FOLDER = SOURCE.replace("@", "/")
CARD = {
    "title": "tiny", "language": "ja", "reader": "jmle2026", "source": SOURCE,
    "manifest": "tiny.sha256", "images": "tiny.images.sha256", "published": {"": 1},
    "licence": "none", "citation": "nobody",
}  # fmt: skip
QUESTIONS = {"questions.json": b"[]"}


def drawn(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (60, 40), shade).save(out, "PNG")
    return out.getvalue()


IMAGES = {f"images/900A-{n}_1.png": drawn(n) for n in (1, 2, 3)}
FIRST, SECOND, THIRD = IMAGES


def manifest(files: dict[str, bytes]) -> str:
    return "".join(
        f"{sha256(data).hexdigest()}  {len(data)}  {path}\n" for path, data in files.items()
    )


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Publishes the exam that is the only one there is; the cache is empty."""
    folder = tmp_path / "tasks" / "tiny"
    folder.mkdir(parents=True)
    (folder / "tiny.card").write_text(yaml.safe_dump(CARD), encoding="utf-8")
    (folder / "tiny.sha256").write_text(manifest(QUESTIONS))
    (folder / "tiny.images.sha256").write_text(manifest(IMAGES))
    monkeypatch.setattr(card, "TASKS_PATH", folder.parent)
    monkeypatch.setenv("JMED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    files = {f"/{FOLDER}/{path}": data for path, data in (QUESTIONS | IMAGES).items()}
    with FileServer(files) as running:
        monkeypatch.setenv("JMED_MIRROR", running.address)
        yield running


def requested(server: FileServer) -> list[str]:
    return [path.removeprefix(f"/{FOLDER}/") for path in server.requests]


def refusal(*names: str) -> str:
    with pytest.raises(JmedError) as caught:
        image_files(card.read_card("tiny"), names)
    return str(caught.value)


def test_images_are_fetched_where_they_are_asked_for_alone(
    server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["fetch", "tiny"])
    assert requested(server) == [*QUESTIONS]
    assert (
        "images, which vision models are shown: jmed fetch tiny --images" in capsys.readouterr().out
    )
    main(["fetch", "tiny", "--images"])
    assert requested(server) == [*QUESTIONS, *IMAGES]
    printed = capsys.readouterr()
    assert "tiny: 1 files and 3 images (0.0 MB) here and checked" in printed.out
    assert "fetch tiny images: 100%" in printed.err
    main(["fetch", "--all", "--images"])
    assert requested(server) == [*QUESTIONS, *IMAGES]  # nothing is fetched twice


def test_a_run_fetches_the_images_that_it_needs(server: FileServer, tmp_path: Path) -> None:
    found = image_files(card.read_card("tiny"), [THIRD, FIRST, THIRD])
    assert found == {path: tmp_path / "cache" / FOLDER / path for path in (THIRD, FIRST)}
    assert requested(server) == [THIRD, FIRST]
    assert open_image(found[FIRST]).size == (60, 40)


def test_what_was_interrupted_goes_on_with_the_next_image(server: FileServer) -> None:
    server.faults[f"/{FOLDER}/{SECOND}"] = "cut"
    message = refusal(*IMAGES)
    assert "tiny: 2 of its images are not on this machine" in message
    assert "Run `jmed fetch tiny --images` where the network is" in message
    server.faults.clear()
    server.requests.clear()
    main(["fetch", "tiny", "--images"])
    assert requested(server) == [*QUESTIONS, SECOND, THIRD]


def test_offline_the_command_to_run_is_named(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    message = refusal(FIRST)
    assert "tiny: 1 of its images are not on this machine" in message
    assert f"(the first: {FOLDER}/{FIRST}): downloads are off (HF_HUB_OFFLINE)" in message
    assert "`jmed fetch tiny --images`" in message
    assert server.requests == []


def test_an_image_changed_or_never_published_is_refused(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    (mirror / FOLDER / "images").mkdir(parents=True)
    (mirror / FOLDER / SECOND).write_bytes(drawn(9))
    monkeypatch.setenv("JMED_MIRROR", str(mirror))
    assert f"{mirror / FOLDER / SECOND}: not the published file: sha256 " in refusal(SECOND)
    assert "image 'images/x.png' is not listed in tiny.images.sha256" in refusal("images/x.png")
    assert server.requests == []


def test_an_exam_without_images_says_which_has_some(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tasks" / "tiny" / "bare.card"
    bare = {key: value for key, value in CARD.items() if key != "images"}
    file.write_text(yaml.safe_dump(bare), encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["fetch", "bare", "--images"])
    assert "fetch --images: bare: no images; exams with some: tiny" in capsys.readouterr().err


def test_the_table_of_exams_counts_the_images_that_are_here(
    capsys: pytest.CaptureFixture[str],
) -> None:
    image_files(card.read_card("tiny"), [FIRST])
    main(["exams", "--json"])
    assert '"images": 3,\n    "images_here": 1,' in capsys.readouterr().out
