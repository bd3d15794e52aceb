"""An answer is taken up under the same key only: whatever it depends on changes the key."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.resume import identity as identity_module
from lm_eval_tasks.resume.identity import identity
from lm_eval_tasks.resume.key import hashed, keys_of

SETTINGS = {"until": ["\n"], "do_sample": False, "max_gen_toks": 64}


class JsonChatStr(NamedTuple):
    """As lm-eval's prompt of a chat API."""

    prompt: str


def request(*arguments: object, task: str = "jmed_sample_letters", **more: object) -> Any:
    return SimpleNamespace(task_name=task, args=arguments, **more)


def key(one: Any, kind: str = "generate_until", model: str = "m", version: object = 1.1) -> str:
    (found,) = keys_of(kind, [one], model, lambda task: version)
    return found


PLAIN = request("問題", SETTINGS)
CHANGED: dict[str, Callable[[], str]] = {
    "model": lambda: key(PLAIN, model="n"),
    "task": lambda: key(request("問題", SETTINGS, task="jmed_sample_cot")),
    "version": lambda: key(PLAIN, version=1.2),
    "kind": lambda: key(PLAIN, kind="loglikelihood"),
    "prompt": lambda: key(request("問題 ", SETTINGS)),
    "stop string": lambda: key(request("問題", SETTINGS | {"until": ["。"]})),
    "length": lambda: key(request("問題", SETTINGS | {"max_gen_toks": 65})),
    "sampling": lambda: key(request("問題", SETTINGS | {"do_sample": True})),
    "temperature": lambda: key(request("問題", SETTINGS | {"temperature": 0.7})),
    "image": lambda: key(request("問題", SETTINGS, {"visual": [Image.new("RGB", (2, 2))]})),
    "image of lm-eval 0.5": lambda: key(request("問題", SETTINGS, additional_args={"visual": []})),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=list(CHANGED))
def test_a_change_is_another_key(change: Callable[[], str]) -> None:
    assert change() != key(PLAIN)


def test_the_same_is_the_same_key_in_another_process() -> None:
    """The value itself: a key that moved with every process would be no key."""
    assert key(PLAIN) == key(request("問題", dict(reversed(SETTINGS.items()))))
    assert hashed(["あ", {"b": 1, "a": [None, True, 0.5]}]) == (
        "1d96a0d89304aba46261ba326524c920dc5fde9486c53d330e91ffa90429aa67"
    )


def test_the_same_request_again_has_its_own_key_by_number() -> None:
    first, other, second = keys_of(
        "generate_until", [PLAIN, request("b", SETTINGS), PLAIN], "m", lambda task: 1
    )
    assert len({first, other, second}) == 3
    again = [*keys_of("generate_until", [PLAIN, PLAIN], "m", lambda task: 1)]
    assert again == [first, second]


def test_images_count_by_their_pixels() -> None:
    def shown(*images: Image.Image) -> str:
        return key(request(JsonChatStr("[]"), SETTINGS, {"visual": list(images)}))

    black, white = Image.new("RGB", (4, 3)), Image.new("RGB", (4, 3), "white")
    assert shown(black) == shown(Image.new("RGB", (4, 3)))
    others = [shown(), shown(white), shown(Image.new("RGB", (3, 4))), shown(Image.new("L", (4, 9)))]
    assert len({shown(black), *others, shown(black, white), shown(white, black)}) == 7


def test_arrays_count_by_their_numbers() -> None:
    def heard(array: object) -> str:
        return key(request("q", SETTINGS, {"audio": [{"array": array}]}))

    assert heard(np.zeros(3)) == heard(np.zeros(3)) != heard(np.ones(3))
    assert heard(np.zeros(4, np.int8)) != heard(np.zeros(1, np.int32))


def test_what_has_no_stable_form_is_refused() -> None:
    with pytest.raises(JmedError, match=r"builtins\.object cannot be told apart"):
        key(request("q", SETTINGS, object()))


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    (folder / "checkpoint-1").mkdir(parents=True)
    (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
    (folder / "adapter_model.safetensors").write_bytes(b"\0" * 64)
    return folder


def of(folder: Path, **more: object) -> str:
    return hashed(identity("hf", {"pretrained": "acme/base", "peft": str(folder)} | more))


def test_an_adapter_is_its_content(adapter: Path) -> None:
    before = of(adapter)
    weights = adapter / "adapter_model.safetensors"
    weights.touch()
    assert of(adapter) == before
    weights.write_bytes(b"\0" * 63 + b"\1")
    assert of(adapter) != before
    weights.write_bytes(b"\0" * 64)
    assert of(adapter) == before
    (adapter / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert of(adapter) != before


def test_a_folder_beneath_does_not_count_unless_it_is_the_subfolder(adapter: Path) -> None:
    plain, deep = of(adapter), of(adapter, subfolder="checkpoint-1")
    (adapter / "checkpoint-1" / "model.safetensors").write_bytes(b"x")
    assert of(adapter) == plain
    assert of(adapter, subfolder="checkpoint-1") != deep


def test_a_list_of_adapters_is_the_content_of_each(adapter: Path, tmp_path: Path) -> None:
    second = shutil.copytree(adapter, tmp_path / "second")

    def both() -> str:
        return hashed(identity("hf", {"peft": [str(adapter), {"b": str(second)}]}))

    before = both()
    (second / "adapter_model.safetensors").write_bytes(b"other")
    assert both() != before


@pytest.mark.parametrize(
    "change", [{"dtype": "bfloat16"}, {"revision": "v2"}, {"max_length": 512}, {"model": "x"}]
)
def test_an_argument_changes_the_model(change: dict[str, object]) -> None:
    arguments = {"pretrained": "acme/base", "dtype": "float32"}
    assert identity("hf", arguments) != identity("hf", arguments | change)
    assert identity("hf", arguments) != identity("vllm", arguments)


@pytest.mark.parametrize(
    "change", [{"num_concurrent": 8}, {"timeout": 9}, {"max_retries": 2}, {"batch_size": 4}]
)
def test_what_only_says_how_fast_may_change_on_the_way(change: dict[str, object]) -> None:
    arguments: dict[str, object] = {"model": "m", "base_url": "http://127.0.0.1/v1"}
    assert identity("local-completions", arguments) == identity(
        "local-completions", arguments | change
    )


def test_another_version_of_what_runs_it_is_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity("hf", {})
    assert {"jmed", "lm_eval"} <= before["software"].keys()
    monkeypatch.setattr(identity_module, "version", lambda package: "9.9")
    assert identity("hf", {}) != before


def test_a_repository_of_the_hub_is_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--acme--base"

    def cached(commit: str) -> dict[str, str]:
        (repository / "snapshots" / commit).mkdir(parents=True, exist_ok=True)
        (repository / "snapshots" / commit / "config.json").write_text("{}", encoding="utf-8")
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(commit, encoding="utf-8")
        found = identity("hf", {"pretrained": "acme/base", "dtype": "auto"})["commits"]
        assert isinstance(found, dict)
        return found

    assert cached("a" * 40) == {"acme/base": "a" * 40}
    assert cached("b" * 40) == {"acme/base": "b" * 40}


def test_what_is_drawn_depends_on_the_seeds_and_nothing_else_does() -> None:
    def of(settings: dict[str, object], seed: int) -> str:
        (found,) = keys_of("generate_until", [request("問題", settings)], "m", str, [seed])
        return found

    for drawn in ({"do_sample": True}, {"temperature": 0.7}):
        assert of(SETTINGS | drawn, 1) != of(SETTINGS | drawn, 2)
    assert of(SETTINGS, 1) == of(SETTINGS, 2) == key(PLAIN, version=PLAIN.task_name)


@pytest.mark.parametrize("moved", ["config.json", "m.gguf"])
def test_the_commits_are_those_that_were_asked_for(
    moved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tokenizer at a revision of its own; a repository that holds a GGUF file alone."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    found = []
    for commit in ("a" * 40, "b" * 40):
        repository = tmp_path / "models--org--tok"
        (repository / "refs").mkdir(parents=True, exist_ok=True)
        for ref, at in (("main", "d" * 40), ("dev", commit)):
            (repository / "refs" / ref).write_text(at, encoding="utf-8")
            (repository / "snapshots" / at).mkdir(parents=True, exist_ok=True)
            (repository / "snapshots" / at / moved).write_text("{}", encoding="utf-8")
        arguments = {"pretrained": "org/tok", "tokenizer_revision": "dev", "gguf_file": "m.gguf"}
        found.append(identity("hf", arguments)["commits"])
    assert found[0] == {"org/tok": "d" * 40, "org/tok (tokenizer)": "a" * 40}
    assert found[1] == {"org/tok": "d" * 40, "org/tok (tokenizer)": "b" * 40}
