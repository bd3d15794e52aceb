"""What an engine of lm-eval 0.4.13 would score wrongly or not at all -> one message before it runs.

Each line was seen in a run or stands in the code of lm-eval or vLLM; docs/engines.md has them.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from lm_eval_tasks.cli.prompt_logprobs import why_none
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import is_clinical
from lm_eval_tasks.protocols import LOGLIKELIHOOD, OWN_EXAM, split_task, task_name, task_names

VLLM = ("vllm", "vllm-vlm", "jmed_vllm")
COMPLETIONS = "local-completions"


def add_model_args(parser: argparse.ArgumentParser) -> None:
    """Let `parser` read --model_args as lm-eval does."""
    from lm_eval._cli.utils import MergeDictAction  # noqa: PLC0415 (lm-eval is imported when needed)

    parser.add_argument("--model_args", "-a", nargs="+", default=None, action=MergeDictAction)


def model_args(given: object) -> dict[str, Any]:
    """--model_args, or those of --config, which may be text as well; {} for what is neither."""
    if isinstance(given, str):
        from lm_eval._cli.utils import key_val_to_dict  # noqa: PLC0415

        try:
            return dict(key_val_to_dict(given))
        except ValueError:  # lm-eval says what is wrong with it
            return {}
    return dict(given) if isinstance(given, Mapping) else {}


def refuse_wrong_scores(model: str, model_args: Mapping[str, Any], tasks: Sequence[str]) -> None:
    """Refuse what would end in wrong scores, or in none after the others were computed.

    Args:
        model: of --model.
        model_args: of --model_args, as lm-eval reads them.
        tasks: those of ours that are asked for.

    Raises:
        JmedError: the first reason, and what to do instead.
    """
    scored = [name for name in tasks if split_task(name)[1] in LOGLIKELIHOOD]
    reasons = (*_thinking(model, model_args, scored), *_adapter(model, model_args, scored))
    for reason in reasons:
        raise JmedError(reason)
    if model == COMPLETIONS and scored:
        for reason in _server(model_args, scored):
            raise JmedError(reason)


def require_installed(model: str) -> None:
    """Raises: JmedError: the engine of `model` is missing here."""
    if model in VLLM and not find_spec("vllm"):
        raise JmedError(f"{model} needs vLLM, which is not installed: pip install 'lm_eval[vllm]'")


def generated_instead(tasks: Sequence[str]) -> str:
    """`--tasks …` of the same exams by generated answers."""
    exams = sorted({split_task(name)[0] for name in tasks})
    generated = [protocol for protocol in OWN_EXAM if protocol not in LOGLIKELIHOOD]
    known = task_names()  # exams have all of them, private ones too
    named = [
        name
        for exam in exams
        for one in generated
        if (name := task_name(exam, one)) in known or not is_clinical(exam)
    ]
    return "--tasks " + ",".join(named)


def _thinking(model: str, model_args: Mapping[str, Any], scored: Sequence[str]) -> Iterator[str]:
    template = model_args.get("chat_template_args")
    template = template if isinstance(template, Mapping) else {}
    inside = "enable_thinking" in template
    if model in VLLM and inside:
        # VLLM.__init__ takes it out of chat_template_args and then forgets it
        yield (
            f"{model}: lm-eval 0.4.13 drops enable_thinking from chat_template_args; give it by "
            "itself: --model_args …,enable_thinking=False, or True with think_end_token"
        )
    if scored and (model_args.get("enable_thinking") or template.get("enable_thinking")):
        yield (
            "enable_thinking=True with tasks that score the log-likelihood of an answer right "
            f"after the prompt, before any thought: {', '.join(scored)}. Leave it out, or ask for "
            f"generated answers: {generated_instead(scored)}"
        )


def _adapter(model: str, model_args: Mapping[str, Any], scored: Sequence[str]) -> Iterator[str]:
    # of labels of one token jmed_vllm asks no log-probabilities of the prompt
    wrong = [name for name in scored if model != "jmed_vllm" or split_task(name)[1] != "letters_mc"]
    if model in VLLM and model_args.get("lora_local_path") and wrong:
        yield (
            f"{model} with lora_local_path and log-likelihoods ({', '.join(wrong)}): in the "
            "log-probabilities of a prompt vLLM leaves out what an adapter adds to lm_head, or "
            "stops (vllm-project/vllm#51594). Merge it first (python -m trainer merge), or take "
            "--model jmed_hf --model_args pretrained=BASE,peft=ADAPTER"
        )


def _server(model_args: Mapping[str, Any], scored: Sequence[str]) -> Iterator[str]:
    names = ", ".join(scored)
    if "add_bos_token" not in model_args:
        yield (
            f"{COMPLETIONS} scores log-likelihoods ({names}) without the BOS token that hf puts in "
            "front, unless it is told to: say add_bos_token=True in --model_args (as hf; it "
            "changes nothing for tokenizers without one), or False where --apply_chat_template "
            "writes it"
        )
    if why := why_none(model_args):
        yield (
            f"{COMPLETIONS} needs the log-probabilities of the prompt for {names}: {why}. "
            f"Ask for generated answers: {generated_instead(scored)}"
        )
