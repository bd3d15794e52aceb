"""How a run was made, in a few words: what tells two runs of one task apart."""

from lm_eval_tasks.comparison.phrases import rule_line, rule_source
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.results.images import Sight
from lm_eval_tasks.submission.entry import Entry, Setting
from lm_eval_tasks.words import read_words


def label(entry: Entry) -> str:
    """ "letters, 3-shot, chat template, bfloat16, 4-bit" """
    setting = entry.setting
    parts = [
        entry.protocol,
        "" if entry.sight is Sight.NONE else entry.sight.value,
        f"{setting.shots}-shot",
        "chat template" if setting.chat_template else "",
        "system prompt" if setting.system_instruction else "",
        *_options(setting.options),
        *_weights(setting),
        f"≤ {tokens:g} tokens" if (tokens := setting.generation.get("max_gen_toks")) else "",
    ]
    return ", ".join(filter(None, parts))


def settings(entry: Entry) -> dict[str, str]:
    """The same in full, by name."""
    setting = entry.setting
    return {
        "protocol": entry.protocol,
        "shots": str(setting.shots),
        "chat_template_sha256": setting.chat_template or "no chat template",
        "system_instruction_sha256": setting.system_instruction or "no system instruction",
        **({} if entry.sight is Sight.NONE else {"images": entry.sight.value}),
        "options": ", ".join(_options(setting.options)) or "default",
        **({} if entry.rule is None else {"published_rule": _rule(entry.rule)}),
        "sampling": "yes" if setting.generation.get("do_sample") else "no",
        "docs_sha256": entry.docs_sha256 or "unknown",
    }


def _rule(name: str) -> str:
    return rule_source(name) if name else rule_line("", read_words("en"))


def denominator(entry: Entry) -> str:
    """ "293 of 400; needs a figure 103, …" """
    reasons = ", ".join(f"{reason} {n}" for reason, n in entry.left_out.items())
    return f"{entry.questions} of {entry.published}" + (f" (left out: {reasons})" * bool(reasons))


def _options(options: Options) -> list[str]:
    return [
        *([f"sittings {' '.join(options.sittings)}"] if options.sittings else []),
        *(["follow-ups without case text"] if options.context == "published" else []),
        *(["figure questions asked as text"] if options.figures == "keep" else []),
        *([f"{options.permute} orders of choices, seed {options.seed}"] * bool(options.permute)),
        *([f"images of at most {options.max_pixels} pixels"] * bool(options.max_pixels)),
    ]


def _weights(setting: Setting) -> list[str]:
    given = setting.model_arguments
    bits = [f"{n}-bit" for n in "48" if given.get(f"load_in_{n}bit", "").lower() == "true"]
    revision = given.get("revision", "")
    words = [given.get("dtype", ""), *bits, given.get("quantization", "")]
    thinking = given.get("enable_thinking", "").lower()
    words += [
        f"base revision {revision[:10]}" * bool(revision),
        f"thinking {thinking}" * bool(thinking),
    ]
    return list(filter(None, words))
