"""kill -9 before every change of the disk: nothing is lost, half or left, and again is as new."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.files import write as atomic
from tests import invented
from tests.e2e import killed

SHEET = "問題,選択肢a,選択肢b,正解,画像\n架空の問い。正しいのはどれか。,赤い石,青い石,{0},{0}.png\n"


def _sheet(folder: Path, key: str) -> list[str]:
    Image.new("L", (8, 8), ord(key)).save(folder / f"{key}.png")
    (folder / "ex.csv").write_text(SHEET.format(key), encoding="utf-8")
    return ["new-exam", str(folder / "ex.csv"), "-o", str(folder / "out" / "ex")]


def _runs(folder: Path, name: str) -> Path:
    pupil = invented.Pupil(model_args=f"pretrained=org/{name}")
    return invented.reported(folder / "runs" / name, pupil)


def _board(folder: Path, name: str) -> list[str]:
    _runs(folder, name)
    return ["leaderboard", str(folder / "runs"), "-o", str(folder / "out" / "board.html")]


def _report(folder: Path, name: str) -> list[str]:
    return ["report", str(_runs(folder, name)), "-o", str(folder / "out" / "report.html")]


def _submission(folder: Path, name: str) -> list[str]:
    runs = folder / "runs" / name
    invented.write(runs, invented.Run())
    return ["submission", str(runs), "--model-id", "org/name", "-o", str(folder / "out")]


COMMANDS: dict[str, Callable[[Path, str], list[str]]] = {
    "new-exam": _sheet,
    "leaderboard": _board,
    "report": _report,
    "submission": _submission,
}


@pytest.mark.parametrize(
    ("command", "exchange"), [("new-exam", False), *((command, True) for command in COMMANDS)]
)
def test_killed_anywhere(
    command: str, exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1.8e9)  # records hold the time
    if not exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    out = tmp_path / "out"
    main(COMMANDS[command](tmp_path, "a"))  # here, so that what is killed has imported all it needs
    old = killed.content(out)
    again = COMMANDS[command](tmp_path, "b")
    changes = killed.run(again)
    new = killed.content(out)
    assert changes > 1
    for moment in range(1, changes + 1):
        shutil.rmtree(out)
        for name, data in old.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(data)
        assert killed.run(again, moment) == -1
        kept = {name: data for name, data in killed.content(out).items() if ".jmed-" not in name}
        if exchange:
            assert set(kept) >= set(old) & set(new)  # no moment without the file or folder
            assert all(data in (old.get(name), new.get(name)) for name, data in kept.items())
        killed.run(again)
        assert killed.content(out) == new
        assert not [path for path in out.rglob("*") if ".jmed-" in path.name]


def test_a_draft_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    mine = atomic.new_draft(target)
    living = mine.with_name(mine.name.replace(str(os.getpid()), "1"))
    elsewhere = mine.with_name(mine.name.replace(atomic._machine(), "000000"))
    dead = mine.with_name(mine.name.replace(str(os.getpid()), str(2**22 + 1)))
    other = tmp_path / f".other.html.{atomic._machine()}-{2**22 + 1}.jmed-draft"
    for path in (mine, living, elsewhere, dead, other):
        path.write_text("half")
    atomic.write_text(target, "whole")
    assert sorted(tmp_path.iterdir()) == sorted([living, elsewhere, other, target])
    os.utime(elsewhere, (0, 0))
    atomic.write_text(target, "whole")
    assert not elsewhere.exists()


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.md", tmp_path / "link.md"
    real.write_text("before")
    real.chmod(0o600)
    link.symlink_to(real)
    atomic.write_text(link, "after")
    assert link.is_symlink()
    assert real.read_text() == "after"
    assert real.stat().st_mode & 0o777 == 0o600


def test_a_name_as_long_as_the_file_system_allows_is_written(tmp_path: Path) -> None:
    target = tmp_path / ("長" * 83 + ".html")
    atomic.write_text(target, "whole")
    assert target.read_text() == "whole"
