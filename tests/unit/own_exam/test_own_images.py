"""Images of a private exam: checked row by row, copied as pixels alone, pinned in its folder."""

import hashlib
from pathlib import Path
from unicodedata import normalize

import pytest
from PIL import Image, PngImagePlugin

from lm_eval_tasks.cli import main as cli
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.images import image_files, image_pins
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.files.image import open_image
from lm_eval_tasks.own_exam import folder as own_folder
from lm_eval_tasks.own_exam.check import check
from lm_eval_tasks.own_exam.folder import write_folder
from lm_eval_tasks.own_exam.sheet import read_sheet
from lm_eval_tasks.prompting.dataset import vision_questions
from lm_eval_tasks.prompting.images import doc_to_image
from tests.unit.own_exam.test_private_folder import ROWS
from tests.unit.private_sheets import ONE, checked, faults

PATIENT = "国試花子"
AS_BEFORE = "2409997ba208a20ca4b1bd28b4c1e4f5d8b9474ae09953aa7bfe731bc2702d43"
"""Over the folder of ROWS as it was written before there were images."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "sheet").mkdir()
    return tmp_path / "sheet" / "my_exam.csv"


def photo(file: Path, shade: int = 90) -> Path:
    """A picture taken sideways whose EXIF and text hold a patient's name."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, PATIENT
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Patient", PATIENT)
    picture = Image.new("RGB", (64, 40), (shade, 9, 9))
    picture.paste((shade, 200, 9), (0, 0, 20, 20))
    if file.suffix.lower() == ".png":
        picture.save(file, exif=exif, pnginfo=text)
    else:
        picture.save(file, exif=exif, comment=PATIENT.encode())
    assert PATIENT.encode() in file.read_bytes()
    return file


def test_images_are_named_in_either_column_and_shown_in_their_order(file: Path) -> None:
    one, two = photo(file.with_name(f"{PATIENT}_CT.jpg")), photo(file.with_name("b.PNG"), 10)
    exam = checked(
        file,
        ONE | {"画像": f"{one.name}、{two.name}"},
        ONE | {"画像ファイル": f"{two.name} ; {one.name}", "画像": "はい"},
        ONE | {"画像ファイル": two.name},
        ONE | {"画像": "はい"},
        ONE,
    )
    assert exam.faults == []
    first, second, third, flagged, plain = exam.questions
    assert first["images"] == second["images"][::-1] == [*exam.images]
    assert third["images"] == [second["images"][0]]
    assert [question["figure"] for question in exam.questions] == [True, True, True, True, False]
    assert "images" not in flagged.keys() | plain.keys()
    assert PATIENT not in str(exam.questions)


@pytest.mark.parametrize("column", ["image", "Images", "画像 ファイル", "figure", "画像"])
def test_the_column_goes_by_several_names(column: str, file: Path) -> None:
    photo(file.with_name("a.png"))
    assert len(checked(file, ONE | {column: "a.png"}).images) == 1


def test_the_folder_holds_the_pixels_and_nothing_else_of_the_files(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = photo(file.with_name(f"{PATIENT}_CT.jpg")), photo(file.with_name("b.png"), 10)
    checked(file, ONE | {"画像": f"{one.name},{two.name}"}, ONE | {"画像": two.name}, ONE)
    made = tmp_path / "made"
    cli.main(["new-exam", str(file), "-o", str(made)])
    printed = capsys.readouterr().out
    assert "     2 with images, 2 in all: asked by jmedvision_ tasks alone\n" in printed
    assert "images/ (2 PNG, without metadata)\n" in printed
    assert f"jmed eval --include_path {made} --tasks 'jmedvision_my_exam_*'" in printed
    for part in [made, *made.rglob("*")]:
        assert PATIENT not in part.name
        assert part.is_dir() or PATIENT.encode() not in part.read_bytes()
    load_exam.cache_clear()
    exam = load_exam(str(made / "my_exam.card"))
    files = image_files(exam.card, exam.questions[0].images)
    assert [open_image(copy) for copy in files.values()] == [open_image(one), open_image(two)]
    assert {*files} == {*image_pins(exam.card)}
    assert [open_image(copy).size for copy in files.values()] == [(40, 64)] * 2  # upright
    assert {str(path.relative_to(made)) for path in made.rglob("*.png")} == {*files}


def test_its_tasks_show_the_images(file: Path, tmp_path: Path) -> None:
    one = photo(file.with_name("a.png"))
    made = tmp_path / "made"
    exam = checked(file, ONE | {"画像": "a.png"}, ONE | {"画像": "○"}, ONE)
    names = write_folder("my_exam", exam, made)
    tasks = [name for name in names if name.startswith("jmedvision_")]
    assert tasks == ["jmedvision_my_exam_letters.yaml", "jmedvision_my_exam_cot.yaml"]
    assert "task: jmedvision_my_exam_cot\n" in (made / tasks[1]).read_text()
    assert "_cot_vision_yaml" in (made / tasks[1]).read_text()
    load_exam.cache_clear()
    record: dict[str, object] = {}
    docs = vision_questions(str(made / "my_exam.card"), record)["test"]
    assert [len(doc["images"]) for doc in docs] == [1, 0]
    assert record["left_out"] == {"its figure is not published": 1}
    assert doc_to_image(docs[0]) == [open_image(one)]


def test_without_images_the_folder_is_as_it_always_was(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_folder, "TASKS_PATH", Path("/jmed"))
    made = tmp_path / "made"
    write_folder("my_exam", checked(file, *ROWS), made)
    held = b"".join(path.name.encode() + path.read_bytes() for path in sorted(made.iterdir()))
    assert hashlib.sha256(held).hexdigest() == AS_BEFORE


def test_what_was_written_is_a_sheet_again(file: Path, tmp_path: Path) -> None:
    photo(file.with_name("a.png"))
    photo(file.with_name("b.png"), 10)
    exam = checked(file, ONE | {"画像": "b.png, a.png"}, ONE)
    made = tmp_path / "made"
    write_folder("my_exam", exam, made)
    held = {path: path.read_bytes() for path in made.rglob("*.*")}
    again = check(read_sheet(made / "my_exam.jsonl"))
    assert again == exam
    assert [*again.images] == [*exam.images]
    write_folder("my_exam", again, made)  # over the files that it reads
    assert {path: path.read_bytes() for path in made.rglob("*.*")} == held


@pytest.mark.parametrize("written", ["がぞう.png", "sub\\a.png", "sub/a.png", "./sub/../sub/a.png"])
def test_a_name_is_found_as_other_systems_write_it(written: str, file: Path) -> None:
    (file.parent / "sub").mkdir()
    photo(file.parent / "sub" / "a.png")
    photo(file.parent / normalize("NFD", "がぞう.png"))  # as macOS packs an archive
    assert len(checked(file, ONE | {"画像": normalize("NFC", written)}).images) == 1


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"画像": "none.png"}, "figure 画像: found 'none.png'; allowed: names of PNG or JPEG files "
         "beside the sheet, parted by commas; 'none.png': cannot be read: No such file"),
        ({"images": "a.png,none.png"}, "images 画像ファイル: found 'a.png,none.png'; allowed: "
         "names of PNG or JPEG files beside the sheet, parted by commas; 'none.png': cannot be"),
        ({"画像": "../outside.png"}, "'../outside.png': lies outside the sheet's folder"),
        ({"画像": "link.png"}, "'link.png': lies outside the sheet's folder"),
        ({"画像": "/etc/hosts.png"}, "'/etc/hosts.png': "),
        ({"画像": "dangling.png"}, "'dangling.png': cannot be read: No such file"),
        ({"画像": "circle.png"}, "'circle.png': cannot be read"),
        ({"画像": "scan.gif"}, "'scan.gif': no image that can be read; allowed: PNG and JPEG"),
        ({"画像": "cut.png"}, "'cut.png': the image is damaged or cut off"),
        ({"画像": "large.png"}, "'large.png': 9000 x 9000 pixels; allowed: 67,108,864 in all"),
        ({"画像": "folder.png"}, "'folder.png': cannot be read"),
        ({"画像": "a.png;a.png"}, "parted by commas, each picture once"),
        ({"画像": "x" * 300 + ".png"}, "cannot be read: File name too long"),
        ({"画像": "図1"}, "found '図1'; allowed: yes or no, はい or いいえ, ○ or nothing, or"),
        ({"画像": "no", "images": "a.png"}, "figure 画像: found 'no'; allowed: yes or nothing, "
         "since the row has images"),
        ({"画像": "a.png", "images": "a.png"}, "figure 画像: found 'a.png'; allowed: yes or "
         "nothing, since the column images names the files"),
    ],
)  # fmt: skip
def test_a_row_s_faults_name_the_file(cells: dict[str, str], told: str, file: Path) -> None:
    photo(file.with_name("a.png"))
    photo(file.parents[1] / "outside.png")
    file.with_name("link.png").symlink_to(file.parents[1] / "outside.png")
    file.with_name("dangling.png").symlink_to("nowhere.png")
    file.with_name("circle.png").symlink_to("circle.png")
    Image.new("L", (8, 8)).save(file.with_name("scan.gif"))
    file.with_name("cut.png").write_bytes(file.with_name("a.png").read_bytes()[:-20])
    Image.new("1", (9000, 9000)).save(file.with_name("large.png"))
    file.with_name("folder.png").mkdir()
    (found,) = faults(file, ONE | cells)
    assert found.startswith("2: ")
    assert told in found


def test_every_row_is_told_its_fault_at_once(file: Path) -> None:
    photo(file.with_name("a.png"))
    rows = [{"images": "x.png"}, {"images": "a.png"}, {"images": "x.png", "answer": "z"}]
    found = faults(file, *(ONE | row for row in rows))
    assert [line.partition(" ")[0] for line in found] == ["2:", "4:", "4:"]


def test_a_link_that_stays_inside_is_followed(file: Path) -> None:
    photo(file.with_name("a.png"))
    file.with_name("b.png").symlink_to("a.png")
    assert len(checked(file, ONE | {"画像": "b.png"}).images) == 1


def test_an_image_that_changes_between_check_and_write_stops_it(file: Path, tmp_path: Path) -> None:
    photo(file.with_name("a.png"))
    exam = checked(file, ONE | {"画像": "a.png"})
    photo(file.with_name("a.png"), 200)
    with pytest.raises(JmedError, match=r"a\.png: changed while the exam was written"):
        write_folder("my_exam", exam, tmp_path / "made")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sheet"]


def test_a_folder_with_images_is_replaced_only_as_it_was_written(
    file: Path, tmp_path: Path
) -> None:
    photo(file.with_name("a.png"))
    exam, made = checked(file, ONE | {"画像": "a.png"}), tmp_path / "made"
    write_folder("my_exam", exam, made)
    (image,) = (made / "images").iterdir()
    good = image.read_bytes()
    for change in ("other", "changed", "missing", "linked"):
        if change == "other":
            (made / "images" / "notes.txt").write_text("mine")
        elif change == "changed":
            image.write_bytes(good[:-1])
        else:
            image.unlink()
        if change == "linked":
            image.symlink_to(file.with_name("a.png"))
        with pytest.raises(JmedError, match="is not as `jmed new-exam` wrote it"):
            write_folder("my_exam", exam, made)
        (made / "images" / "notes.txt").unlink(missing_ok=True)
        image.unlink(missing_ok=True)
        image.write_bytes(good)
    write_folder("my_exam", exam, made)
    write_folder("my_exam", checked(file, ONE), made)
    assert not (made / "images").exists()


def test_an_image_changed_in_the_folder_is_refused_before_it_is_shown(
    file: Path, tmp_path: Path
) -> None:
    photo(file.with_name("a.png"))
    made = tmp_path / "made"
    write_folder("my_exam", checked(file, ONE | {"画像": "a.png"}), made)
    (image,) = (made / "images").iterdir()
    load_exam.cache_clear()
    card = load_exam(str(made / "my_exam.card")).card
    name = f"images/{image.name}"
    image.write_bytes(photo(tmp_path / "other.png").read_bytes())
    with pytest.raises(JmedError, match="not the published file: sha256"):
        image_files(card, [name])
    image.unlink()
    with pytest.raises(JmedError, match=rf"{image.name}: cannot be read: No such file"):
        image_files(card, [name])
