"""How a task was put to a model: the one record of what two runs must have in common."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lm_eval_tasks.results.images import Sight, sight_of
from lm_eval_tasks.results.records import ResultsFile, TaskConfig


@dataclass(frozen=True)
class RunSetting:
    """What makes runs of one model and task different."""

    model_args: str | Mapping[str, Any] | None
    """--model_args as given: the weights too, among them an adapter."""
    engine: str | None
    """lm-eval's model class, "hf"."""
    shots: int | None
    """Worked examples in front of each question, None where lm-eval does not say."""
    turns: bool
    """They are turns of a conversation."""
    chat: bool
    """A chat template was applied."""
    chat_template: str | None
    """Its sha256."""
    system_instruction: str | None
    """Its sha256."""
    options: Mapping[str, Any]
    """Of --metadata jmed, empty without any."""
    generation: Mapping[str, Any]
    """lm-eval's generation_kwargs, empty where nothing is generated."""
    docs: str | None
    """The sha256 of all docs of the task."""
    sight: Sight
    """What the model saw of the exam's images."""

    @property
    def key(self) -> str:
        """Equal for runs of which the newest stands for all."""
        return json.dumps(asdict(self), sort_keys=True, default=str)


def setting_of(results: ResultsFile, config: TaskConfig) -> RunSetting:
    """The setting of a task of one lm_eval process."""
    return RunSetting(
        model_args=results.config.model_args,
        engine=results.model_source,
        shots=config.num_fewshot,
        turns=bool(results.fewshot_as_multiturn),
        chat=results.chat_template is not None,
        chat_template=results.chat_template_sha,
        system_instruction=results.system_instruction_sha,
        options=config.metadata.jmed or {},
        generation=config.generation_kwargs or {},
        docs=config.metadata.questions.docs_sha256,
        sight=sight_of(config.metadata.questions.images),
    )


def option_text(name: str, value: object) -> str:
    """An option as tables show it, "sittings 116 117"."""
    return f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"
