"""An invented exam of eight questions with images of noise, made by the real `jmed new-exam`."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests.e2e.lm_eval_run import run_module

NAME = "stones"
SIZES = {"a": (60, 80), "b": (120, 56), "c": (40, 40), "d": (200, 150)}
"""Image -> width and height."""
SHOWN = ("", "a", "", "b,a", "c", "", "d", "")
"""The images of each question, in printed order."""
KEYS = "abcdabcd"
TASK, TEXT_TASK = f"jmedvision_{NAME}_letters", f"jmed_{NAME}_letters"


def write_vision_exam(folder: Path) -> Path:
    """Write sheet and images, and return the exam's folder that `jmed new-exam` makes of them."""
    for name, picture in pictures().items():
        picture.save(folder / f"{name}.png")
    sheet = folder / "sheet.csv"
    with sheet.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["番号", "問題", *(f"選択肢{letter}" for letter in "abcde"), "正解", "画像"])
        for number, (shown, key) in enumerate(zip(SHOWN, KEYS, strict=True), 1):
            files = ",".join(f"{name}.png" for name in shown.split(",") if name)
            stem = f"架空の山{number}にある石はどれか。"
            rows.writerow([f"石{number}", stem, "赤", "青", "白", "黒", "緑", key, files])
    made = folder / NAME
    run_module("lm_eval_tasks.cli", "new-exam", str(sheet), "--name", NAME, "-o", str(made))
    return made


def pictures() -> Mapping[str, Image.Image]:
    """Image -> its pixels, the same each time."""
    random = np.random.default_rng(0)
    return {
        name: Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for name, (width, height) in SIZES.items()
    }
