"""`jmed eval` and tasks that show images: what is refused before a model is loaded."""

import ast
from collections.abc import Sequence
from pathlib import Path

import lm_eval.models
import pytest
from lm_eval.models import MODEL_MAPPING
from PIL import Image

from lm_eval_tasks.cli import engines, vision
from lm_eval_tasks.cli.eval import OWN_MODELS, check_arguments
from lm_eval_tasks.cli.vision import CANNOT_SHOW, CHAT_APIS, FALLEN, OURS, SEES
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.own_exam.check import check
from lm_eval_tasks.own_exam.folder import write_folder
from lm_eval_tasks.own_exam.sheet import read_sheet

TASK = "jmedvision_jmle120_letters"
CHAT = ("--model", "local-chat-completions", "--apply_chat_template")


@pytest.fixture(autouse=True)
def vllm_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: name)


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a private exam of two questions, the second with two images."""
    folder = tmp_path_factory.mktemp("sheet")
    for shade, name in enumerate("ab"):
        Image.new("RGB", (8, 8), (shade, 0, 0)).save(folder / f"{name}.png")
    sheet = folder / "sheet.csv"
    sheet.write_text(
        "番号,問題,選択肢a,選択肢b,正解,画像\n1,架空の山,赤,青,a,\n2,架空の川,赤,青,b,a.png;b.png\n",
        encoding="utf-8",
    )
    made = folder / "stones"
    write_folder("stones", check(read_sheet(sheet)), made)
    return made


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the published exams is on this machine, nor to be had."""
    monkeypatch.setenv("JMED_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("JMED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def refusal(*arguments: str) -> str:
    """The message with which the arguments are refused."""
    with pytest.raises(JmedError) as caught:
        check_arguments(arguments)
    return str(caught.value)


def own(exam: Path, *arguments: str) -> Sequence[str]:
    return ("--include_path", str(exam), "--tasks", "jmedvision_stones_letters", *arguments)


def multimodal_models() -> set[str]:
    """The models of lm-eval whose class, or one that it is made from, says MULTIMODAL = True.

    Read from its sources: some of them cannot be imported without their own packages.
    """
    bases: dict[str, list[str]] = {}
    says: set[str] = set()
    # of some the mapping names a class that there is not, or nothing; register_model does
    named = {name: target.rpartition(":")[2] for name, target in MODEL_MAPPING.items()}
    for file in Path(lm_eval.models.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
                lines = {ast.unparse(line) for line in node.body}
                says |= {node.name} if "MULTIMODAL = True" in lines else set()
                named |= dict.fromkeys(registered(node), node.name)

    def multimodal(name: str) -> bool:
        return name in says or any(multimodal(base) for base in bases.get(name, []))

    return {name for name, target in named.items() if multimodal(target)}


def registered(node: ast.ClassDef) -> list[str]:
    """The names for --model that its decorator gives a class."""
    calls = [call for call in node.decorator_list if isinstance(call, ast.Call)]
    return [
        str(ast.literal_eval(name))
        for call in calls
        if ast.unparse(call.func) == "register_model"
        for name in call.args
    ]


def test_every_multimodal_model_of_lm_eval_is_known() -> None:
    assert multimodal_models() == {*SEES, *CANNOT_SHOW} - {OURS}
    assert not set(SEES) & set(CANNOT_SHOW)
    assert OURS in OWN_MODELS


@pytest.mark.parametrize("model", ["hf", "vllm", "jmed_hf", "dummy", *CANNOT_SHOW])
def test_a_model_that_is_not_shown_images_is_refused_and_the_text_task_named(
    no_data: None, model: str
) -> None:
    message = refusal("--model", model, "--tasks", TASK, "--apply_chat_template")
    assert message.startswith(f"{model} cannot be asked {TASK}, which show images: ")
    assert CANNOT_SHOW.get(model, "lm-eval gives it texts only") in message
    assert message.endswith("--tasks jmed_jmle120_letters")


def test_lm_evals_default_model_is_meant_where_none_is_named(no_data: None) -> None:
    assert refusal("--tasks", TASK).startswith("hf cannot be asked")


def test_hf_multimodal_is_sent_to_ours(no_data: None) -> None:
    message = refusal("--model", "hf-multimodal", "--tasks", "jmedvision_*")
    assert "--model jmed_hf_multimodal takes the same model_args" in message


@pytest.mark.parametrize(
    "others",
    ["jmed_sample_letters", "gsm8k", "jmed_sample_cot,mmmu_val"],
)
@pytest.mark.parametrize("model", ["local-chat-completions", "vllm-vlm"])
def test_other_tasks_beside_them_would_lose_the_images(exam: Path, model: str, others: str) -> None:
    tasks = f"{exam}/jmedvision_stones_letters.yaml,{others}"
    message = refusal("--model", model, "--apply_chat_template", "--tasks", tasks)
    assert others.replace(",", ", ") in message
    assert "in a call of their own" in message
    check_arguments(["--model", OURS, "--apply_chat_template", "--tasks", tasks])


def test_a_private_exams_folder_is_seen_as_a_whole(exam: Path) -> None:
    """Its text tasks lie beside those that show images."""
    arguments = ("--model", "vllm-vlm", "--apply_chat_template", "--tasks", str(exam))
    message = refusal(*arguments)
    assert f"next to {exam}/jmed_stones_cot.yaml" in message
    message = refusal(*CHAT, "--include_path", str(exam), "--tasks", "jmed*_stones_letters")
    assert f"next to {exam}/jmed_stones_letters.yaml" in message


def test_a_file_is_seen_beside_an_include_path_too(exam: Path) -> None:
    """lm-eval takes both; of the two images the second would be left out in silence."""
    file = str(exam / "jmedvision_stones_letters.yaml")
    for pattern in (file, str(exam / "jmedvision_*_letters.yaml")):
        arguments = ("--include_path", str(exam), "--tasks", pattern, "--model_args", "model=x")
        assert "max_images=2" in refusal(*CHAT, *arguments)


def test_private_exams_are_refused_to_text_models_too(exam: Path) -> None:
    message = refusal("--model", "hf", *own(exam))
    assert message.endswith(f"--tasks {exam}/jmed_stones_letters.yaml")


def test_a_task_file_that_names_no_exam_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "jmedvision_mine_letters.yaml"
    file.write_text("task: jmedvision_mine_letters\n", encoding="utf-8")
    message = refusal(*CHAT, "--tasks", str(file))
    assert message == f"{file}: dataset_kwargs: found None; allowed: {{exam: NAME.card}}"


@pytest.mark.parametrize("model", ["local-chat-completions", "vllm-vlm", OURS])
def test_without_a_chat_template_images_stand_anywhere(exam: Path, model: str) -> None:
    arguments = ("--model", model, "--model_args", "model=x,max_images=2", *own(exam))
    message = refusal(*arguments)
    assert "pass --apply_chat_template" in message
    assert ("image_string=" in message) is (model == OURS)
    check_arguments([*arguments, "--apply_chat_template"])


def test_a_sign_of_the_users_own_takes_the_place_of_the_template(exam: Path) -> None:
    check_arguments(["--model", OURS, "--model_args", "image_string=<start_of_image>", *own(exam)])


@pytest.mark.parametrize("model", CHAT_APIS)
def test_apis_send_one_image_unless_told(exam: Path, model: str) -> None:
    api = ("--model", model, "--apply_chat_template")
    message = refusal(*api, *own(exam, "--model_args", "model=x"))
    assert message.startswith(f"{model} would be shown 1 of the 2 images that a question of ")
    assert message.endswith("pass --model_args …,max_images=2")
    for given in ("model=x,max_images=2", '{"model": "x", "max_images": 3}'):
        check_arguments([*api, *own(exam, "--model_args", given)])
    check_arguments([*api, *own(exam, "--model_args", "model=x", "max_images=2")])
    check_arguments([*api, *own(exam, "--metadata", '{"jmed": {"figures": "blind"}}')])


def test_an_lm_eval_that_shows_none_is_told(exam: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vision, "NEXT", True)
    assert "allowed: lm_eval 0.4.13" in refusal("--model", OURS, *own(exam))


def test_local_models_are_shown_all_unless_told(exam: Path) -> None:
    for model in (OURS, "vllm-vlm"):
        local = ("--model", model, "--apply_chat_template")
        check_arguments([*local, *own(exam)])
        assert "max_images=2" in refusal(*local, *own(exam, "-a", "pretrained=x,max_images=1"))


def test_max_images_is_a_number(exam: Path) -> None:
    message = refusal(*CHAT, *own(exam, "--model_args", "max_images=all"))
    assert message == "--model_args max_images: found 'all'; allowed: a whole number"


def test_a_tokenizer_is_refused_where_lm_eval_stops_at_it(exam: Path) -> None:
    given = "max_images=2,tokenizer_backend="
    message = refusal(*CHAT, *own(exam, "--model_args", f"{given}huggingface"))
    assert "tokenizer_backend=huggingface" in message
    check_arguments([*CHAT, *own(exam, "--model_args", f"{given}None")])


@pytest.mark.parametrize("name", FALLEN)
def test_what_vllm_vlm_lets_fall_is_refused(exam: Path, name: str) -> None:
    arguments = ("--apply_chat_template", "--model_args", f"pretrained=x,{name}=y", *own(exam))
    assert f"vllm-vlm: model_args {name}: " in refusal("--model", "vllm-vlm", *arguments)
    check_arguments(["--model", OURS, *arguments])


@pytest.mark.parametrize("model", ["local-chat-completions", OURS])
def test_lm_evals_cache_of_requests_is_refused(exam: Path, model: str) -> None:
    arguments = ("--model", model, "--apply_chat_template", "--model_args", "max_images=2")
    assert "--cache_requests" in refusal(*arguments, *own(exam, "--cache_requests", "true"))


def test_a_batch_size_that_is_found_out_is_refused(exam: Path) -> None:
    arguments = ("--model", OURS, "--apply_chat_template", *own(exam))
    for size in (["--batch_size", "auto"], ["-b", "auto:4"]):
        assert "pass a number" in refusal(*arguments, *size)
    check_arguments([*arguments, "-b", "4"])


def test_options_of_one_kind_of_task_are_refused_for_the_other(exam: Path) -> None:
    arguments = ("--model", OURS, "--apply_chat_template", *own(exam, "--metadata"))
    assert "figures of a task that shows images" in refusal(
        *arguments, '{"jmed": {"figures": "keep"}}'
    )
    blind = ("--tasks", "jmed_sample_letters", "--metadata", '{"jmed": {"figures": "blind"}}')
    assert "figures of a task that shows no images" in refusal("--model", "hf", *blind)


def test_a_config_file_counts(exam: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    lines = [
        "model: local-chat-completions", "apply_chat_template: true", "model_args: {max_images: 1}",
        f"include_path: {exam}", "tasks: jmedvision_stones_letters",
    ]  # fmt: skip
    config.write_text("\n".join(lines), encoding="utf-8")
    assert "max_images=2" in refusal("--config", str(config))
    check_arguments(["--config", str(config), "--model_args", "max_images=2"])


def test_images_that_are_not_here_are_said_before_a_model_is_loaded(
    exam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_here(*_: object) -> None:
        raise JmedError("2 of its images are not on this machine")

    monkeypatch.setattr(vision, "images_of", not_here)
    arguments = ("--model", OURS, "--apply_chat_template", *own(exam))
    assert refusal(*arguments) == "2 of its images are not on this machine"
    (exam / "images").rename(exam / "away")
    monkeypatch.undo()
    try:
        assert "images" in refusal(*arguments)
    finally:
        (exam / "away").rename(exam / "images")
