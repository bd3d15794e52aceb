"""What the model is asked: prompts/*.yaml, one a form, and the one that checks a row."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import jinja2
import msgspec
from msgspec import Meta, Struct

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.text_file import read_bytes
from lm_eval_tasks.files.yaml_file import LARGEST
from trainer.rows.options import PROMPTS
from trainer.yaml_file import read_yaml

CHECK = "faithful"


class Prompt(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file. user: a Jinja template; count: rows asked for of one passage, at most."""

    user: str
    system: str = ""
    max_tokens: Annotated[int, Meta(ge=1)] = 2048
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.7
    count: Annotated[int, Meta(ge=1, le=50)] = 1


@dataclass(frozen=True)
class Request:
    """One question to the model: all that decides its answer but the weights."""

    model: str
    messages: Sequence[Mapping[str, str]]
    max_tokens: int
    temperature: float
    seed: int
    extra: Mapping[str, Any]

    def body(self) -> dict[str, Any]:
        """What a server of OpenAI's API is sent."""
        return {
            "model": self.model,
            "messages": list(self.messages),
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
            **self.extra,
        }

    @property
    def key(self) -> str:
        """What its answer is kept under."""
        return hashlib.sha256(msgspec.json.encode(self.body(), order="sorted")).hexdigest()[:32]


@dataclass(frozen=True)
class Prompts:
    """The prompts of a run. sha256: of each file, for the card."""

    by_name: Mapping[str, Prompt]
    sha256: Mapping[str, str]
    model: str
    seed: int
    extra: Mapping[str, Any]

    def request(self, name: str, passage_sha256: str, attempt: int, **values: object) -> Request:
        """Ask a prompt about a passage; another attempt has another seed, and nothing else."""
        prompt = self.by_name[name]
        user = _render(name, prompt.user, {"count": prompt.count, **values})
        messages = [{"role": "system", "content": prompt.system}] if prompt.system else []
        drawn = hashlib.sha256(f"{self.seed} {passage_sha256} {name} {attempt}".encode()).digest()
        return Request(
            model=self.model,
            messages=[*messages, {"role": "user", "content": user}],
            max_tokens=prompt.max_tokens,
            temperature=prompt.temperature,
            seed=int.from_bytes(drawn[:4]) >> 1,
            extra=self.extra,
        )


def read_prompts(
    forms: Sequence[str], model: str, seed: int, extra: Mapping[str, Any], folder: Path = PROMPTS
) -> Prompts:
    """Read the prompts of the forms that are wanted.

    Raises:
        JmedError: a file is missing, or holds what no prompt has.
    """
    names = [*forms, CHECK]
    prompts, digests = {}, {}
    for name in names:
        file = folder / f"{name}.yaml"
        digests[name] = hashlib.sha256(read_bytes(file, LARGEST)).hexdigest()
        try:
            prompts[name] = msgspec.convert(read_yaml(file), Prompt)
        except msgspec.ValidationError as error:
            raise JmedError(f"{file}: {error}") from None
        needed = ["passage", "question", "answer"] if name == CHECK else ["passage"]
        blank = dict.fromkeys(("passage", "heading", "question", "answer"), "")
        for one in needed:
            if "\ue000" not in _render(
                name, prompts[name].user, {**blank, "count": 1, one: "\ue000"}
            ):
                raise JmedError(f"{file}: user: no {{{{ {one} }}}} in it; allowed: where it stands")
    return Prompts(prompts, digests, model, seed, extra)


_ENVIRONMENT = jinja2.Environment(
    undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
)


def _render(name: str, template: str, values: Mapping[str, object]) -> str:
    try:
        return _ENVIRONMENT.from_string(template).render(values)
    except jinja2.TemplateError as error:
        raise JmedError(f"{name}.yaml: user: {error}") from None
