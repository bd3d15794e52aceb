"""`jmed_hf_multimodal` on tiny vision models: what they see, and what is mended or refused."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lm_eval import evaluator, simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.model import CachingLM
from lm_eval.models.hf_vlms import HFMultimodalLM
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from PIL import Image

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.models.jmed_hf_multimodal import JmedHFMultimodal
from tests.e2e.lm_eval_run import Run, run_lm_eval
from tests.e2e.tiny_vlm import FAMILIES, HERE, build
from tests.e2e.vision_exam import SHOWN, TASK, TEXT_TASK, pictures, write_vision_exam

PICTURES = pictures()
TWO = "<image><image>\n架空の山にある石はどれか。"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of each family, whose tokenizer and template both write BOS."""
    folder = tmp_path_factory.mktemp("models")
    for family in HERE:
        build(folder / family, family)
    return folder


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vision_exam(tmp_path_factory.mktemp("sheet"))


@pytest.fixture(params=FAMILIES)
def folder(models: Path, request: pytest.FixtureRequest) -> Path:
    if request.param not in HERE:
        pytest.skip(f"the processor of {request.param} needs torchvision")
    return models / str(request.param)


def load(folder: Path, kind: type[HFLM] = JmedHFMultimodal, **more: Any) -> Any:
    return kind(pretrained=str(folder), device="cpu", dtype="float32", batch_size=1, **more)


def prompt(lm: Any, text: str) -> str:
    return str(lm.apply_chat_template([{"role": "user", "content": text}]))


def request(context: str, shown: Sequence[Image.Image] | None = None, tokens: int = 6) -> Instance:
    """What lm-eval makes of a question; with None as of a task that shows no images."""
    settings = {"until": ["\n問題："], "max_gen_toks": tokens, "do_sample": False}
    visual = () if shown is None else ({"visual": list(shown)},)
    return Instance("generate_until", {}, (context, settings, *visual), 0)


def ask(lm: Any, text: str, *shown: Image.Image) -> str:
    return str(lm.generate_until([request(prompt(lm, text), shown)], disable_tqdm=True)[0])


def first_logits(lm: Any, text: str, *shown: Image.Image) -> torch.Tensor:
    """Of the first token of the answer, as `generate_until` makes the model compute them."""
    seen: list[torch.Tensor] = []
    handle = lm.model.register_forward_hook(lambda *call: seen.append(call[-1].logits[0, -1]))
    try:
        ask(lm, text, *shown)
    finally:
        handle.remove()
    return seen[0]


def by_transformers(lm: Any, text: str, *shown: Image.Image) -> torch.Tensor:
    """The same from transformers' own way to ask with images, past lm-eval."""
    images = [{"type": "image", "image": picture} for picture in shown]
    content = [*images, {"type": "text", "text": text.replace("<image>", "")}]
    inputs = lm.processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=True,
        return_dict=True, return_tensors="pt",
    )  # fmt: skip
    with torch.no_grad():
        logits: torch.Tensor = lm.model(**inputs).logits[0, -1]
    return logits


def test_a_question_is_put_as_transformers_puts_it(folder: Path) -> None:
    """Both images, in this order, each in its place; one BOS."""
    lm = load(folder)
    found = first_logits(lm, TWO, PICTURES["a"], PICTURES["b"])
    wanted = by_transformers(lm, TWO, PICTURES["a"], PICTURES["b"])
    torch.testing.assert_close(found, wanted)
    turned = by_transformers(lm, TWO, PICTURES["b"], PICTURES["a"])
    assert (found - turned).abs().max() > 1e-2


def test_a_pixel_changes_the_logits(folder: Path) -> None:
    lm = load(folder)
    other = PICTURES["a"].copy()
    red, green, blue = np.asarray(other)[40, 30].tolist()
    other.putpixel((30, 40), (255 - red, 255 - green, 255 - blue))
    question = TWO.removeprefix("<image>")
    before = first_logits(lm, question, PICTURES["a"])
    assert not torch.equal(before, first_logits(lm, question, other))
    assert torch.equal(before, first_logits(lm, question, PICTURES["a"].copy()))


@pytest.mark.parametrize("family", ["gemma3", "llava", "idefics3"])
def test_lm_evals_own_class_writes_bos_twice(models: Path, family: str) -> None:
    """Why ours has a way of its own. Where this fails lm-eval has mended it."""
    lm = load(models / family, HFMultimodalLM)
    found = first_logits(lm, TWO, PICTURES["a"], PICTURES["b"])
    wanted = by_transformers(lm, TWO, PICTURES["a"], PICTURES["b"])
    assert (found - wanted).abs().max() > 1e-2


def test_lm_evals_own_class_stops_where_no_question_has_an_image(folder: Path) -> None:
    lm = load(folder, HFMultimodalLM)
    with pytest.raises(
        (ValueError, IndexError), match=r"out of range|not enough values|empty sequence"
    ):
        ask(lm, "架空の山")


@pytest.fixture
def run_here(exam: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """lm-eval's own evaluation in this process -> answers in the order of the questions."""
    monkeypatch.setattr(evaluator, "add_env_info", lambda results: None)

    def run(lm: Any, task: str, **options: str) -> list[str]:
        tasks = TaskManager(
            include_path=str(exam), include_defaults=False, metadata={"jmed": options}
        )
        found = simple_evaluate(
            model=lm, tasks=[task], task_manager=tasks, apply_chat_template=True,
            gen_kwargs="max_gen_toks=6", bootstrap_iters=0,
        )  # fmt: skip
        samples = sorted(found["samples"][task], key=lambda sample: sample["doc_id"])
        return [sample["resps"][0][0] for sample in samples]

    return run


def test_questions_without_images_are_answered_as_in_the_text_task(
    folder: Path, run_here: Any
) -> None:
    """By lm-eval's own class, also where batches hold both kinds."""
    shown = run_here(load(folder), TASK)
    lm = load(folder)
    lm.batch_size_per_gpu = 3
    assert run_here(lm, TASK) == shown
    text = run_here(load(folder, HFMultimodalLM), TEXT_TASK, figures="keep")
    assert len(shown) == len(text) == 8
    without = [place for place, images in enumerate(SHOWN) if not images]
    assert [shown[place] for place in without] == [text[place] for place in without]
    # withheld, all of them are
    assert run_here(load(folder), TASK, figures="blind") == text


def test_text_is_answered_as_by_hf(models: Path, run_here: Any) -> None:
    """Of the families `hf` loads Gemma 3 alone."""
    lm = load(models / "gemma3", HFLM)
    by_hf = run_here(lm, TEXT_TASK, figures="keep")
    assert run_here(load(models / "gemma3"), TEXT_TASK, figures="keep") == by_hf


def test_tasks_with_and_without_images_in_one_call(models: Path) -> None:
    """Which chat APIs answer without the images; the order of requests does not matter."""
    lm = load(models / "llava")
    pictured = request(prompt(lm, TWO), (PICTURES["a"], PICTURES["b"]))
    empty, text = request(prompt(lm, "川の石"), ()), request(prompt(lm, "谷の石"))
    alone = [lm.generate_until([one], disable_tqdm=True)[0] for one in (text, pictured, empty)]
    assert lm.generate_until([text, pictured, empty], disable_tqdm=True) == alone
    assert lm.generate_until([empty, pictured, text], disable_tqdm=True) == [
        alone[2], alone[1], alone[0],
    ]  # fmt: skip


def test_what_is_said_to_the_chat_template_reaches_it(models: Path) -> None:
    """lm-eval's own class drops it: a model told not to think would think."""
    told: dict[str, Any] = {"chat_template_args": {"mood": "calm"}}
    assert prompt(load(models / "llava", **told), "山").endswith("model calm\n")
    assert prompt(load(models / "llava", HFMultimodalLM, **told), "山").endswith("model\n")


def test_images_that_would_be_cut_are_refused(models: Path) -> None:
    """lm-eval's own class answers about the first one."""
    with pytest.raises(JmedError, match="a question has 2 images, of which max_images=1"):
        ask(load(models / "llava", max_images=1), TWO, PICTURES["a"], PICTURES["b"])
    assert ask(
        load(models / "llava", HFMultimodalLM, max_images=1), TWO, *list(PICTURES.values())[:2]
    )


def test_a_prompt_that_is_too_long_is_refused(folder: Path) -> None:
    """lm-eval's own class cuts it from the left, without a word while images are still whole;
    Qwen3-VL then stops at token types of another length."""
    late = "長い症例文。" * 20 + "<image>"
    lm = load(folder, max_length=60)
    questions = [request(prompt(lm, "<image>山"), (PICTURES["c"],))] * 2
    questions.append(request(prompt(lm, late), (PICTURES["c"],)))
    lm.model.generate = None  # it is not come so far
    with pytest.raises(JmedError, match=r"has \d+ tokens, more than 54, which max_length=60"):
        lm.generate_until(questions, disable_tqdm=True)
    if folder.name != "qwen3_vl":
        assert ask(load(folder, HFMultimodalLM, max_length=60), late, PICTURES["c"])


def test_images_without_a_chat_template_are_refused(models: Path) -> None:
    lm = load(models / "llava")
    with pytest.raises(JmedError, match="pass --apply_chat_template, or what the processor"):
        lm.generate_until([request(TWO, (PICTURES["a"], PICTURES["b"]))], disable_tqdm=True)
    by_hand = load(models / "gemma3", image_string="<start_of_image>")
    assert by_hand.generate_until([request("<image>\n山", (PICTURES["a"],))], disable_tqdm=True)
    assert lm.generate_until([request("山", ())], disable_tqdm=True)


def test_a_chat_template_that_leaves_images_out_is_refused(models: Path) -> None:
    lm = load(models / "llava")
    lm.chat_applied = True
    # this processor counts by itself; not every one does
    with pytest.raises(ValueError, match="Found total 0 <image> tokens"):
        lm.generate_until([request("山", (PICTURES["a"],))], disable_tqdm=True)
    with pytest.raises(JmedError, match=r"has 0 tokens .* are not of this model"):
        ask(load(models / "llava", image_token_id=5), "<image>山", PICTURES["a"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"batch_size": "auto"}, "batch_size auto is not possible for images"),
        ({"tokenizer": "x"}, "images need the model's own processor"),
        ({"think_end_token": 5}, "give its text instead of its number"),
        ({"max_pixels": 3000}, "max_pixels=3000: CLIPImageProcessor(Pil)? does not take it"),
        ({"min_pixels": 3000}, "does not take it. Give max_pixels in --metadata"),
    ],
    ids=str,
)
def test_arguments_that_cannot_be_followed_are_refused(
    models: Path, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(JmedError, match=message):
        JmedHFMultimodal(pretrained=str(models / "llava"), device="cpu", **more)


def test_thoughts_are_dropped_before_an_answer_about_an_image_too(models: Path) -> None:
    """As HFLM does it for texts, by the model's own sign."""
    whole = ask(load(models / "llava"), TWO, PICTURES["a"], PICTURES["b"])
    sign = whole[len(whole) // 2]
    cut = ask(load(models / "llava", think_end_token=sign), TWO, PICTURES["a"], PICTURES["b"])
    assert cut == whole.split(sign)[-1].lstrip()
    assert cut != whole


def test_four_bits_are_taken(models: Path) -> None:
    """Which lm-eval's own class cannot pass on to transformers 5."""
    pytest.importorskip("bitsandbytes")
    lm = load(models / "llava", load_in_4bit=True, bnb_4bit_compute_dtype="float32")
    assert lm.model.is_quantized
    assert isinstance(ask(lm, TWO, PICTURES["a"], PICTURES["b"]), str)


def test_lm_evals_cache_of_answers_knows_the_image(models: Path, tmp_path: Path) -> None:
    pytest.importorskip("sqlitedict")
    lm = load(models / "llava")
    cached = CachingLM(lm, str(tmp_path / "answers.db"))
    question = prompt(lm, "<image>山の石")
    answers = [
        cached.generate_until([request(question, (PICTURES[name],))])[0] for name in "abcabc"
    ]
    assert answers[:3] == answers[3:]
    assert len(set(answers)) == 3


@pytest.fixture(scope="module")
def run(models: Path, exam: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The real command, on the exam's folder."""
    return run_lm_eval(
        "lm_eval_tasks.cli", tmp_path_factory.mktemp("out"), "eval",
        "--include_path", str(exam), "--tasks", TASK, "--model", "jmed_hf_multimodal",
        "--model_args", f"pretrained={models / 'gemma3'},dtype=float32", "--device", "cpu",
        "--batch_size", "3", "--apply_chat_template", "--gen_kwargs", "max_gen_toks=6",
    )  # fmt: skip


def test_the_command_asks_every_question_with_its_images(run: Run) -> None:
    samples = {sample["doc"]["id"]: sample for sample in run.samples[TASK]}
    assert len(samples) == 8
    for number, images in enumerate(SHOWN, 1):
        sample = samples[f"石{number}"]
        shown = [name for name in images.split(",") if name]
        assert len(sample["doc"]["images"]) == len(shown)
        # of images lm-eval logs hashes
        assert len(sample["arguments"]["gen_args_0"]["arg_2"]["visual"]) == len(shown)
        assert sample["arguments"]["gen_args_0"]["arg_0"].count("<start_of_image>") == len(shown)
