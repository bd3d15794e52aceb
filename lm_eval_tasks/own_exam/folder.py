"""A checked private exam -> the folder that lm_eval reads: questions, images, card, task YAMLs."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import yaml

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import CARD_SUFFIX, set_names
from lm_eval_tasks.exams.manifest import read_pins
from lm_eval_tasks.files.write import new_draft, put_folder, recover, remove
from lm_eval_tasks.own_exam.check import Checked
from lm_eval_tasks.own_exam.images import FOLDER
from lm_eval_tasks.protocols import OWN_EXAM, PROTOCOLS, VISION_PROTOCOLS, task_name

NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
IMAGES_SUFFIX = ".images.sha256"
SEAL = "# as `jmed new-exam` wrote this folder: "
"""Comment at the end of the card, before a digest over all files."""


def check_name(name: str) -> str:
    """Return `name` if an exam may have it.

    Raises:
        JmedError: other letters, an existing exam's name, or one that ends like a protocol's,
            whose tasks could be taken for another exam's.
    """
    where = f"exam name: found {name!r}; give another with --name; allowed:"
    if not NAME.fullmatch(name):
        raise JmedError(f"{where} lower-case letters a-z, digits and _, at most 64")
    if name in set_names():
        raise JmedError(f"{where} a name other than those of jmed's exams")
    if name.endswith(tuple(f"_{protocol}" for protocol in OWN_EXAM)):
        raise JmedError(f"{where} a name that does not end in _{' or _'.join(OWN_EXAM)}")
    return name


def write_folder(name: str, exam: Checked, folder: Path) -> list[str]:
    """Write the exam whole or not at all, and return the names of the files, images aside.

    Args:
        exam: without faults.
        folder: created, or replaced if it holds exactly what this function wrote before.

    Raises:
        JmedError: it holds something else, or cannot be written; or an image changed meanwhile.
    """
    target = folder.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        recover(target)
        _refuse_foreign(target)
        made = new_draft(target)
        try:
            made.mkdir()
            files = exam_files(name, exam, _write_images(exam, made))
            for file, text in files.items():
                (made / file).write_text(text, encoding="utf-8", newline="\n")
            put_folder(made, target)
        finally:
            remove(made)
    except OSError as error:
        raise JmedError(f"{folder}: cannot be written: {error.strerror}") from None
    return list(files)


def _write_images(exam: Checked, made: Path) -> str:
    """Write the exam's images into the folder `made`, and return their manifest."""
    lines = []
    for path, image in exam.images.items():
        file, content = made / path, image.png()
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {len(content)}  {path}\n")
    return "".join(lines)


def exam_files(name: str, exam: Checked, images: str) -> dict[str, str]:
    """File name -> content of all text that belongs to the exam.

    Args:
        images: the manifest of its images, "" if it has none; then there is no task that shows any.
    """
    lines = [json.dumps(question, ensure_ascii=False) + "\n" for question in exam.questions]
    questions = "".join(lines)
    has_choices = any(question["choices"] for question in exam.questions)
    files = {
        f"{name}.jsonl": questions,
        f"{name}.sha256": f"{_sha256(questions)}  {name}.jsonl\n",
        **({f"{name}{IMAGES_SUFFIX}": images} if images else {}),
        **{
            f"{task_name(name, protocol)}.yaml": _task(name, protocol)
            for protocol in (*OWN_EXAM, *(VISION_PROTOCOLS if images else ()))
            if has_choices or not PROTOCOLS[protocol].needs_choices
        },
    }
    card = _card(name, exam)
    files[f"{name}{CARD_SUFFIX}"] = card
    files[f"{name}{CARD_SUFFIX}"] += f"{SEAL}{_digest(files)}\n"
    return files


def _task(name: str, protocol: str) -> str:
    # JSON quotes are YAML quotes: the path may hold a blank and a #
    template = json.dumps(str(TASKS_PATH / f"_{protocol}_yaml"), ensure_ascii=False)
    exam = f"{name}{CARD_SUFFIX}"
    task = task_name(name, protocol)
    return f"include: {template}\ntask: {task}\ndataset_kwargs: {{exam: {exam}}}\n"


def _card(name: str, exam: Checked) -> str:
    card = {
        "title": name,
        "language": "ja",
        "reader": "private",
        "source": "here",
        "manifest": f"{name}.sha256",
        **({"images": f"{name}{IMAGES_SUFFIX}"} if exam.images else {}),
        "published": dict(Counter(question["sitting"] for question in exam.questions)),
        "licence": "private",
        "citation": "private",
    }
    return yaml.safe_dump(card, allow_unicode=True, sort_keys=False)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(files: Mapping[str, str]) -> str:
    """Over all files, the line of the card aside that holds it."""
    bare = {name: text.partition(SEAL)[0] for name, text in files.items()}
    return _sha256(json.dumps(bare, sort_keys=True))


def _refuse_foreign(folder: Path) -> None:
    """Raise JmedError unless `folder` is absent, empty, or as `write_folder` left it."""
    if folder.exists() and not folder.is_dir():
        raise JmedError(f"{folder}: is a file; allowed: a folder that does not exist yet")
    try:
        held = {file.name: file for file in folder.iterdir()} if folder.exists() else {}
        if any(name.endswith(IMAGES_SUFFIX) for name in held) and _images_are_pinned(folder):
            held.pop(FOLDER, None)
        found = {name: _text(file) for name, file in held.items()}
    except OSError as error:
        raise JmedError(f"{folder}: cannot be read: {error.strerror}") from None
    seals = [text.partition(SEAL)[2].strip() for text in found.values() if SEAL in text]
    if found and seals != [_digest(found)]:
        raise JmedError(
            f"{folder}: exists and is not as `jmed new-exam` wrote it: another file or a change is "
            "in it. Nothing was written; give another folder with -o, or move this one away"
        )


def _images_are_pinned(folder: Path) -> bool:
    """Whether the folder of images holds exactly the files that the manifest lists.

    That the manifest itself is as it was written, the seal tells.
    """
    try:
        pins = read_pins(next(folder.glob(f"*{IMAGES_SUFFIX}")))
    except JmedError:
        return False
    images = folder / FOLDER
    files = [*images.iterdir()] if images.is_dir() and not images.is_symlink() else []
    return {f"{FOLDER}/{file.name}": _sha256_of(file) for file in files} == {
        path: pin.sha256 for path, pin in pins.items()
    }


def _sha256_of(file: Path) -> str:
    if file.is_symlink() or not file.is_file():
        return ""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
