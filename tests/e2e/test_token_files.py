"""Tokens in Arrow files: ids, labels and order as before, made once, found whole or made again."""

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trl import pack_dataset

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files import json_file
from tests.e2e.sft_run import ROOT, environment
from tests.e2e.token_cases import (
    RECORDED,
    build_base,
    byte_tokenizer,
    recipe,
    texts,
    write_jsonl,
)  # fmt: skip
from trainer.data import kept_once
from trainer.data.dataset import Prepared, prepare
from trainer.data.mixture import mix
from trainer.data.packing import rows_to_train
from trainer.data.token_file import TokenFile, lengths_of, write_tokens
from trainer.data.tokens import IGNORED, Tokens
from trainer.model.base_model import read_tokenizer
from trainer.recipe.recipe import Recipe

PREPARE = """
import sys
from pathlib import Path
from tests.e2e.token_cases import recipe
from trainer.data import dataset
from trainer.data.mixture import mix
from trainer.model.base_model import read_tokenizer
made = []
encode_texts = dataset.encode_texts
def counted(examples, template):
    made.extend(examples)
    return encode_texts(examples, template)
dataset.encode_texts = counted
told = recipe("texts in pieces", Path(sys.argv[1]), Path(sys.argv[2]))
prepared = dataset.prepare(told, mix(told.data, 3), read_tokenizer(told.model))
print(len(made), prepared.train.sha256)
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_base(tmp_path_factory.mktemp("bytes"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One of its own, for the processes that are started too."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(folder))
    return folder / "jmed"


def prepared(told: Recipe) -> Prepared:
    return prepare(told, mix(told.data, 3), read_tokenizer(told.model))


@pytest.mark.parametrize("case", RECORDED)
def test_ids_labels_and_order_are_those_that_were_recorded(
    base: Path, tmp_path: Path, case: str
) -> None:
    """A run that began with lists of Python is resumed with files of Arrow."""
    found = prepared(recipe(case, base, tmp_path))
    held_out = found.held_out.sha256 if found.held_out else None
    assert (found.train.sha256, held_out) == RECORDED[case]
    ids = [example.ids for example in found.train.examples]
    assert found.train.tokens == sum(map(len, ids)) == sum(lengths_of(found.train.examples.rows))
    labels = [label for row in found.train.examples.rows["labels"] for label in row]
    assert found.train.learnt == sum(label != IGNORED for label in labels)


def test_no_list_of_ids_is_held(base: Path, tmp_path: Path) -> None:
    told = recipe("texts in pieces", base, tmp_path)
    write_jsonl(tmp_path / "rows.jsonl", texts(20_000))
    mixture = mix(told.data, 3)
    gc.collect()
    before = sum(type(one) is list for one in gc.get_objects())
    found = prepare(told, mixture, read_tokenizer(told.model))
    gc.collect()
    assert len(found.train.examples) > 20_000
    assert sum(type(one) is list for one in gc.get_objects()) - before < 1_000
    (file,) = found.train.examples.rows.cache_files
    assert Path(file["filename"]).name == "train.arrow"
    # where, text and offsets aside
    assert Path(file["filename"]).stat().st_size < 8.5 * found.train.tokens + 64 * 41_000


def test_two_ranks_tokenise_once(base: Path, tmp_path: Path) -> None:
    """At the same moment, in processes of their own, as a launcher starts them."""
    recipe("texts in pieces", base, tmp_path)
    command = [sys.executable, "-c", PREPARE, str(base), str(tmp_path)]

    def rank(_: int) -> str:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=300, cwd=ROOT, check=True,
            env=environment(PYTHONPATH=str(ROOT)),
        ).stdout  # fmt: skip

    with ThreadPoolExecutor() as ranks:
        printed = [line.split() for line in ranks.map(rank, range(2))]
    assert sorted(int(count) for count, _ in printed) == [0, 60]
    assert {digest for _, digest in printed} == {RECORDED["texts in pieces"][0]}


@pytest.mark.parametrize("damage", ["cut", "bit", "record", "unmarked"])
def test_what_is_damaged_is_made_again(
    base: Path, tmp_path: Path, cache: Path, damage: str
) -> None:
    told = recipe("texts in pieces", base, tmp_path)
    first = prepared(told).train.sha256
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    file = folder / "train.arrow"
    content = file.read_bytes()
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "bit":
        half = len(content) // 2
        file.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
    elif damage == "record":
        (folder / kept_once.RECORD).write_text("{", encoding="utf-8")
    else:
        (folder / "complete.json").unlink()
    again = prepared(told)
    assert again.train.sha256 == first
    assert file.read_bytes() == content
    assert len(again.train.examples) == 121


@pytest.mark.parametrize("strategy", ["bfd", "bfd_split"])
def test_rows_are_packed_as_trl_packs_them_and_once(
    base: Path, tmp_path: Path, cache: Path, strategy: str
) -> None:
    told = recipe("held out, weighed", base, tmp_path)
    found = prepared(told)
    train = {**told.train, "packing": True, "packing_strategy": strategy}
    rows = rows_to_train(found.train, train)
    wanted = pack_dataset(found.train.examples.rows, train["max_length"], strategy)
    assert rows.to_dict() == wanted.to_dict()
    assert sum(lengths_of(rows)) == found.train.tokens
    (folder,) = cache.glob("packed-*[!k]")
    file = folder / "packed.arrow"
    made, content = file.stat().st_mtime_ns, file.read_bytes()
    assert rows_to_train(found.train, train).to_dict() == wanted.to_dict()
    assert file.stat().st_mtime_ns == made
    file.write_bytes(content[:-1000] + bytes([content[-1000] ^ 1]) + content[-999:])
    assert rows_to_train(found.train, train).to_dict() == wanted.to_dict()


def test_rows_that_are_not_packed_are_fed_as_they_are(base: Path, tmp_path: Path) -> None:
    told = recipe("held out, weighed", base, tmp_path)
    held_out = prepared(told).held_out
    assert held_out is not None
    packing = {**told.train, "packing": True}
    for train, key in (
        (told.train, "packing"),
        ({**packing, "eval_packing": False}, "eval_packing"),
        ({**packing, "shuffle_dataset": True}, "packing"),  # TRL shuffles, then packs
    ):
        assert rows_to_train(held_out, train, key) is held_out.examples.rows
    assert "seq_lengths" in rows_to_train(held_out, packing, "eval_packing").column_names


def test_a_corpus_of_many_lengths_is_found_again(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """Limits on what somebody else sends do not hold for what was just written here."""
    monkeypatch.setattr(json_file, "MOST_VALUES", 10)
    made: list[Path] = []

    def make(folder: Path) -> dict[str, list[int]]:
        made.append(folder)
        return {"lengths": [*range(100)]}

    for _ in range(2):
        assert kept_once.kept_once("many", make)[1] == {"lengths": [*range(100)]}
    assert len(made) == 1


def test_a_fault_of_the_rows_leaves_nothing_behind(base: Path, tmp_path: Path, cache: Path) -> None:
    told = recipe("instruction", base, tmp_path)
    told.train["max_length"] = 3
    with pytest.raises(JmedError, match="48 of 48 examples are longer than"):
        prepared(told)
    assert not [path for path in cache.iterdir() if path.is_dir()]


def test_a_cache_that_cannot_be_written_is_one_message(
    base: Path, tmp_path: Path, cache: Path
) -> None:
    told = recipe("instruction", base, tmp_path)
    cache.parent.write_text("a file", encoding="utf-8")
    with pytest.raises(JmedError, match="allowed: HF_DATASETS_CACHE=a folder with room"):
        prepared(told)


@pytest.mark.parametrize("changed", ["a row", "max_length", "eos_token"])
def test_other_rows_or_settings_are_other_files(
    base: Path, tmp_path: Path, cache: Path, changed: str
) -> None:
    told = recipe("texts in pieces", base, tmp_path)
    first = prepared(told).train.sha256
    if changed == "a row":
        write_jsonl(tmp_path / "rows.jsonl", texts(61))
    elif changed == "max_length":
        told.train["max_length"] = 99
    else:
        data = told.data.model_copy(update={"eos_token": "<s>"})
        told = told.model_copy(update={"data": data})
    assert prepared(told).train.sha256 != first
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 2


def test_an_end_of_documents_that_no_row_has_is_refused(base: Path, tmp_path: Path) -> None:
    told = recipe("instruction", base, tmp_path)
    data = told.data.model_copy(update={"eos_token": "<s>"})
    with pytest.raises(JmedError, match=r"data\.eos_token: no row is plain text"):
        prepared(told.model_copy(update={"data": data}))


def test_what_ends_documents_is_said(base: Path, tmp_path: Path) -> None:
    found = prepared(recipe("texts in pieces", base, tmp_path))
    assert found.notes == ("60 documents of plain text end with </s> (the tokenizer's eos_token)",)


def test_another_tokenizer_is_another_file(base: Path, tmp_path: Path, cache: Path) -> None:
    told = recipe("texts in pieces", base, tmp_path)
    mixture = mix(told.data, 3)
    tokenizer = byte_tokenizer()
    first = prepare(told, mixture, tokenizer)
    tokenizer.add_tokens(["血圧"])
    assert prepare(told, mixture, tokenizer).train.tokens < first.train.tokens


def test_files_that_change_while_they_are_read_are_refused(base: Path, tmp_path: Path) -> None:
    told = recipe("texts in pieces", base, tmp_path)
    mixture = mix(told.data, 3)
    write_jsonl(tmp_path / "rows.jsonl", texts(61)[1:])
    with pytest.raises(JmedError, match=r"rows\.jsonl: was changed while it was read"):
        prepare(told, mixture, read_tokenizer(told.model))


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.booleans()), min_size=1), min_size=1)
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[tuple[int, bool]]]
) -> None:
    examples = []
    for number, row in enumerate(rows):
        spans = [(place, place + 1) for place, (_, learnt) in enumerate(row) if learnt]
        examples.append(Tokens([token for token, _ in row], tuple(spans), f"a:{number}"))
    file = tmp_path_factory.mktemp("tokens") / "a.arrow"
    written = write_tokens(file, examples)
    found = TokenFile(file)
    assert [(e.ids, e.labels, e.where) for e in found] == [
        (e.ids, e.labels, e.where) for e in examples
    ]
    assert written["learnt"] == sum(example.learnt for example in found)
    assert [e.ids for e in found[:2]] == [e.ids for e in examples[:2]]
    shuffled = found.rows.shuffle(seed=1)
    assert lengths_of(shuffled) == [len(ids) for ids in shuffled["input_ids"]]
