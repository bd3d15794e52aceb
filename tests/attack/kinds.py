"""The kinds of files that jmed reads: a whole one of each, and what reads it."""

import contextlib
import hashlib
import io
import json
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.cli import main as cli
from lm_eval_tasks.cli.eval import check_arguments
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.streams import REFUSED
from lm_eval_tasks.tables.leaderboard_files import END, START
from tests import invented, invented_clinical, training_record
from tests.unit import clinical_runs, private_sheets

ROOT = Path(__file__).parents[2]
Files = Mapping[str, bytes]
Run = Callable[[Path, random.Random], None]
STAMP = invented.STAMP


@dataclass(frozen=True)
class Kind:
    """files: whole ones, by their path. damaged: those that are, by the ends of their names.

    run: reads them, below a folder; of it, JmedError and exits 0 and 2 are allowed.
    inputs: how many of it `make attack` tries.
    always_files: something else made sure that there are files, and regular ones.
    """

    name: str
    files: Callable[[], Files]
    damaged: tuple[str, ...]
    run: Run
    inputs: int
    always_files: bool = False


def jmed(*arguments: object) -> None:
    """A command in this process, its output thrown away.

    Raises:
        JmedError: it ends with 2.
        SystemExit: with another status than 0.
    """
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            cli.main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            if stopped.code == REFUSED:
                raise JmedError("refused") from None
            if stopped.code:
                raise


def written(write: Callable[[Path], object]) -> Files:
    """What a function writes into a folder."""
    with TemporaryDirectory() as folder:
        write(Path(folder))
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }


@cache
def results() -> Files:
    """An adapter's run beside its base's, with the record of its training."""

    def write(folder: Path) -> None:
        questions = [invented.question(n) for n in range(1, 5)]
        base = invented.Run(questions=questions, model_args={"pretrained": "org/base"})
        tuned = invented.Run(
            questions=questions, model_args={"pretrained": "org/base", "peft": "adapter"}
        )
        invented.write(folder / "base", base)
        invented.write(folder / "tuned", tuned)
        training_record.write_adapter(folder / "tuned" / "adapter", training_record.record())

    return written(write)


def _read_results(folder: Path, chance: random.Random) -> None:
    tuned, base = folder / "tuned", folder / "base"
    chance.choice(
        (
            lambda: jmed("leaderboard", folder, "--lang", chance.choice(("ja", "en"))),
            lambda: jmed("leaderboard", folder, "--show-local", "-o", folder / "o.html"),
            lambda: jmed("report", tuned, "-o", folder / "o.html", "--show-local", "--with-text"),
            lambda: jmed("report", base, tuned, "-o", folder / "o.html"),
            lambda: jmed("compare", base, tuned),
            lambda: jmed("compare", base, tuned, chance.choice(("--json", "--csv"))),
            lambda: jmed("verdict", tuned, *chance.choice(([], ["--json"]))),
            lambda: jmed(
                "submission", tuned, "--model-id", "a/b", "--adapter-id", "a/c", "-o", folder / "o"
            ),
        )
    )()


@cache
def mc_results() -> Files:
    """Log-likelihoods and permuted choices, which only the report reads."""
    pupil = invented.Pupil(permute=2, protocols=("letters_mc", "letters"), limit=12)
    return written(lambda folder: invented.reported(folder / "tuned", pupil))


def _report(folder: Path, _: random.Random) -> None:
    jmed("report", folder / "tuned", "-o", folder / "o.html")


@cache
def predictions() -> Files:
    rows = [
        {"problem_id": question.id, "prediction": "a"} for question in load_exam("sample").questions
    ]
    samples = invented.Run().samples()
    published = {"results": [{"question_number": "119A1", "answers": [{"answer": "a"}]}]}
    return {
        "p.jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "s.jsonl": "\n".join(map(json.dumps, samples)).encode(),
        "r.json": json.dumps(published).encode(),
    }


def _rescore(folder: Path, chance: random.Random) -> None:
    file = folder / chance.choice(("p.jsonl", "s.jsonl", "r.json"))
    more = chance.choice(([], ["--verdict"], ["--json"]))
    jmed("rescore", "sample", file, "--missing", "unanswered", *more)


@cache
def sheets() -> Files:
    from openpyxl import Workbook  # noqa: PLC0415

    text = private_sheets.csv_text([private_sheets.ONE, private_sheets.NUMBER] * 3)
    book = Workbook()
    for line in text.splitlines():
        book.worksheets[0].append(line.split(","))
    packed = io.BytesIO()
    book.save(packed)
    rows = [private_sheets.ONE, private_sheets.NUMBER]
    return {
        "x.csv": text.encode(),
        "y.csv": text.encode("cp932"),
        "x.xlsx": packed.getvalue(),
        "x.jsonl": "\n".join(map(json.dumps, rows)).encode(),
    }


def _sheet(folder: Path, chance: random.Random) -> None:
    for file in (folder / "x.csv", folder / "x.xlsx", folder / "x.jsonl", folder / "y.csv"):
        with contextlib.suppress(JmedError):
            jmed("check-exam", file)
    if chance.random() < 0.1:
        jmed("new-exam", folder / "x.csv", "-o", folder / "new")


@cache
def images() -> Files:
    """A sheet and pictures of every kind of pixels, turned, with EXIF and text."""
    from PIL import Image, PngImagePlugin  # noqa: PLC0415

    picture = Image.effect_noise((60, 40), 90)
    exif, text = Image.Exif(), PngImagePlugin.PngInfo()
    exif[0x0112], exif[0x010E] = 6, "x"
    text.add_itxt("a", "b", zip=True)
    found: dict[str, bytes] = {}
    for name in ("RGB.png", "P.png", "LA.png", "I;16.png", "RGB.jpg", "CMYK.jpg", "L.jpg"):
        out, (mode, ending) = io.BytesIO(), name.split(".")
        form = "PNG" if ending == "png" else "JPEG"
        picture.convert(mode).save(out, form, exif=exif, pnginfo=text, progressive=mode == "L")
        found[name.replace(";", "")] = out.getvalue()
    rows = [private_sheets.ONE | {"images": name} for name in found]
    return {"x.csv": private_sheets.csv_text(rows).encode(), **found}


def _images(folder: Path, _: random.Random) -> None:
    jmed("check-exam", folder / "x.csv")


@cache
def private_exam() -> Files:
    def write(folder: Path) -> None:
        (folder / "x.csv").write_bytes(sheets()["x.csv"])
        jmed("new-exam", folder / "x.csv", "-o", folder / "x")
        (folder / "x.csv").unlink()

    return written(write)


def _private(folder: Path, chance: random.Random) -> None:
    if chance.random() < 0.5:  # else every change of the questions ends at their hash
        _seal(folder / "x")
    jmed("fetch", folder / "x" / "x.card")
    load_exam.cache_clear()
    load_exam(str(folder / "x" / "x.card"))


def _seal(folder: Path) -> None:
    if (folder / "x.jsonl").is_file() and not (folder / "x.sha256").is_dir():
        (folder / "x.sha256").unlink(missing_ok=True)
        digest = hashlib.sha256((folder / "x.jsonl").read_bytes()).hexdigest()
        (folder / "x.sha256").write_text(f"{digest}  x.jsonl\n", encoding="utf-8")


@cache
def published_exam() -> Files:
    """The files of the embedded exam, as the physicians' exams are published."""
    folder = TASKS_PATH / "sample"
    files = [*sorted(folder.glob("900-[AB]*")), folder / "prompt.jsonl"]
    return {file.name: file.read_bytes() for file in files}


def _published(folder: Path, _: random.Random) -> None:
    from lm_eval_tasks.exams.card import read_card  # noqa: PLC0415
    from lm_eval_tasks.exams.readers import igakuqa  # noqa: PLC0415

    files = {file.name: file for file in folder.iterdir() if file.name != "prompt.jsonl"}
    list(igakuqa.read(read_card("sample"), files))
    igakuqa.read_demonstrations(read_card("sample"), folder / "prompt.jsonl")


@cache
def clinical_results() -> Files:
    """A base and another model on clinical sets: labels that are compared, and words of texts."""
    tasks = [
        *("jmed_crade_letters", "jmed_nrner_extract"),
        *("jmed_medrect_ja_correct", "jmed_sogocheck_easy_contrast"),
    ]

    def write(folder: Path) -> None:
        clinical_runs.write_run(folder / "base", tasks, clinical_runs.skilled(0.9))
        clinical_runs.write_run(folder / "tuned", tasks, clinical_runs.skilled(0.5), "tuned")

    return written(write)


@cache
def clinical_tables() -> Files:
    """Invented rows of JMED-LLM's two kinds of table, and worked examples."""
    folder = TASKS_PATH / "jmed_llm"
    return {
        "crade.csv": 'tag,question,optionA,optionB,answer\nx,"色\nは？",赤,青,A\n'.encode(),
        "nrner.csv": "tag,question,answer\nd,色は？,\"['赤', '青']\"\n".encode(),
        "crade.examples.jsonl": (folder / "crade.examples.jsonl").read_bytes(),
    }


def _clinical_tables(folder: Path, _: random.Random) -> None:
    from lm_eval_tasks.exams.card import read_card  # noqa: PLC0415
    from lm_eval_tasks.exams.examples import read_examples  # noqa: PLC0415
    from lm_eval_tasks.exams.readers import jmed_llm  # noqa: PLC0415

    list(read_examples(replace(read_card("crade"), folder=folder)))
    for name in ("crade", "nrner"):
        list(jmed_llm.read(read_card(name), {"x.csv": folder / f"{name}.csv"}))


@cache
def unpinned() -> Files:
    """Invented files of exams and sets that are pinned by their commit alone, so that any content
    reaches the readers."""
    row = {
        "id": "117A16", "question": "木は？", "choices": {"a": "松", "b": "杉"}, "answer": ["b"],
    }  # fmt: skip
    year = {
        "question_number": 1, "section": "A", "question_text": "木は？", "text_reference": None,
        "options": {"1": "松", "2": "杉"}, "correct_answer": ["2"], "text_only": True,
        "img": {"content_img": [], "answer_img": []},
    }  # fmt: skip
    medrect, sogocheck = TASKS_PATH / "medrect_ja", TASKS_PATH / "sogocheck"
    return {
        "medrect_jmle.json": json.dumps([row]).encode(),
        "jmed48k.json": json.dumps({"questions": [year]}).encode(),
        "medrect.json": json.dumps(invented_clinical.texts(4)).encode(),
        "sogocheck.jsonl": "\n".join(map(json.dumps, invented_clinical.documents(4))).encode(),
        "medrect_ja.examples.jsonl": (medrect / "medrect_ja.examples.jsonl").read_bytes(),
        "sogocheck.examples.jsonl": (sogocheck / "sogocheck.examples.jsonl").read_bytes(),
    }


def _unpinned(folder: Path, _: random.Random) -> None:
    from lm_eval_tasks.exams.card import read_card  # noqa: PLC0415
    from lm_eval_tasks.exams.examples import read_examples  # noqa: PLC0415
    from lm_eval_tasks.exams.readers import (  # noqa: PLC0415
        jmed48k,
        medrect,
        medrect_jmle,
        sogocheck,
    )

    documents, texts = read_card("sogocheck_easy"), read_card("medrect_ja")
    year, source = read_card("jmed48k"), read_card("jmle117_118")
    list(medrect_jmle.read(source, {"x": folder / "medrect_jmle.json"}))
    list(jmed48k.read_year(year, folder / "jmed48k.json", "nurse", "2024"))
    list(medrect.read(texts, {"x": folder / "medrect.json"}))
    list(sogocheck.read(documents, {"x": folder / "sogocheck.jsonl"}))
    list(read_examples(replace(texts, folder=folder)))
    list(read_examples(replace(documents, folder=folder)))


def _config_file() -> Files:
    config = {
        "model": "hf", "model_args": {"pretrained": "gpt2"}, "tasks": ["jmed_sample_letters"],
        "num_fewshot": 3, "metadata": {"jmed": {"permute": 2, "sittings": ["900"]}},
    }  # fmt: skip
    return {"c.yaml": json.dumps(config).encode()}


def _config(folder: Path, _: random.Random) -> None:
    check_arguments(["--config", str(folder / "c.yaml")])


def _metadata_file() -> Files:
    return {"m.json": b'{"jmed": {"permute": 2, "seed": 1, "sittings": ["900"]}}'}


def _metadata(folder: Path, chance: random.Random) -> None:
    text = (folder / "m.json").read_bytes().decode("utf-8", errors="surrogateescape")
    if chance.random() < 0.5:
        jmed("floor", "--task", "jmed_sample_letters", "--metadata", text)
    else:
        check_arguments(["--tasks", "jmed_sample_letters", "--metadata", text])


@cache
def submitted() -> Files:
    def write(folder: Path) -> None:
        for name, content in results().items():
            target = folder / "in" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        jmed(
            *("submission", folder / "in" / "base", "--model-id", "a/b", "-o", folder / "a"),
            "--eval-results",
        )
        jmed(
            *("submission", folder / "in" / "tuned", "--model-id", "a/b", "--adapter-id", "a/c"),
            *("-o", folder / "b"),
        )

    return {name: text for name, text in written(write).items() if name[:2] in ("a/", "b/")}


def _check_submission(folder: Path, _: random.Random) -> None:
    jmed("submission", "check", folder)


def _readme() -> Files:
    return {
        **results(),
        "README.md": f"# x\n{START}\n{END}\n日本語\n".encode(),
    }


def _into_readme(folder: Path, _: random.Random) -> None:
    jmed("leaderboard", folder, "-o", folder / "README.md")


KINDS = (
    Kind("results_*.json", results, (f"{STAMP[-6:]}.json",), _read_results, 2000),
    Kind("samples_*.jsonl", results, ("jsonl",), _read_results, 2000),
    Kind("run.json beside results", results, ("run.json",), _read_results, 1000),
    Kind("results and samples of mc", mc_results, ("json", "jsonl"), _report, 600),
    Kind("predictions", predictions, ("jsonl", "json"), _rescore, 2000),
    Kind("sheets: csv, xlsx, jsonl", sheets, ("csv", "xlsx", "jsonl"), _sheet, 2400),
    Kind("images of a sheet", images, ("png", "jpg"), _images, 1600),
    Kind("private exam: card, manifest, questions", private_exam, ("card", "sha256", "jsonl"),
         _private, 1600),
    Kind("published exam files", published_exam, ("jsonl",), _published, 2000, always_files=True),
    Kind("results of clinical sets", clinical_results, ("json", "jsonl"), _read_results, 1000),
    Kind("tables of clinical sets", clinical_tables, ("csv", "jsonl"), _clinical_tables, 1000),
    Kind("files pinned by a commit alone", unpinned, ("json", "jsonl"), _unpinned, 1200),
    Kind("eval --config", _config_file, ("yaml",), _config, 1000),
    Kind("--metadata", _metadata_file, ("json",), _metadata, 1000, always_files=True),
    Kind("submission check", submitted, ("json", "md", "yaml"), _check_submission, 1200),
    Kind("leaderboard into a README", _readme, ("README.md",), _into_readme, 400),
)  # fmt: skip
os.environ.setdefault("HF_HUB_OFFLINE", "1")
