"""What is read of files that lm-eval wrote, as JSON schemas."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Schema = Mapping[str, Any]
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}
OPTIONAL_OBJECT: Schema = {"type": ["object", "null"]}


def _object(properties: Schema, *needed: str) -> Schema:
    return {"type": "object", "properties": properties, "required": list(needed)}


QUESTIONS = _object(
    {
        "asked": {"type": "integer", "minimum": 1},
        "published": COUNT,
        "kept": COUNT,
        "left_out": {"type": "object", "additionalProperties": COUNT},
        "marked": {"type": "object", "additionalProperties": COUNT},
    },
    "asked",
)
CONFIG = _object(
    {
        "num_fewshot": {"type": ["integer", "null"], "minimum": 0},
        "generation_kwargs": OPTIONAL_OBJECT,
        "metadata": _object({"jmed": OPTIONAL_OBJECT, "questions": QUESTIONS}, "questions"),
    },
    "metadata",
)
SCHEMAS: Mapping[str, Schema] = {
    "results": _object(
        {
            "config": {
                "type": ["object", "null"],
                "properties": {"model_args": {"type": ["string", "object", "null"]}},
            },
            "results": {"type": ["object", "null"], "additionalProperties": OPTIONAL_OBJECT},
            "n-samples": {"type": ["object", "null"], "additionalProperties": OPTIONAL_OBJECT},
            "versions": OPTIONAL_OBJECT,
            "model_name": OPTIONAL_TEXT,
            "model_source": OPTIONAL_TEXT,
            "chat_template": OPTIONAL_TEXT,
            "chat_template_sha": OPTIONAL_TEXT,
            "system_instruction_sha": OPTIONAL_TEXT,
        }
    ),
    "config": CONFIG,
    "sample": _object(
        {
            "doc": _object(
                {
                    **dict.fromkeys(("id", "sitting", "section", "category"), TEXT),
                    "permutation": COUNT,
                    "rule": TEXT,
                    "human_accuracy": {"type": ["number", "null"], "minimum": 0, "maximum": 100},
                },
                *("id", "sitting", "section", "category", "permutation", "human_accuracy"),
            ),
            "doc_hash": TEXT,
            "passed": {
                "type": "array",
                # those of verdict.Item
                "items": [TEXT, TEXT, FLAG, COUNT, COUNT, FLAG, FLAG, COUNT, COUNT, COUNT, COUNT],
                "minItems": 11,
                "maxItems": 11,
            },
        },
        *("doc", "doc_hash"),
    ),
}


def fault(value: Any, schema: str) -> str:  # noqa: ANN401 (JSON)
    """Where `value` is not of one of SCHEMAS, "doc.id: 3 is not of type 'string'"; "" if it is."""
    first = next(_validator(schema).iter_errors(value), None)
    if first is None:
        return ""
    where = ".".join(map(str, first.absolute_path))
    return f"{where}: {first.message[:120]}" if where else first.message[:120]


@cache
def _validator(schema: str) -> "Validator":
    from jsonschema import Draft7Validator  # noqa: PLC0415 (slow to import, seldom needed)
    from jsonschema.validators import extend  # noqa: PLC0415

    # samples that were not written yet hold tuples
    arrays = Draft7Validator.TYPE_CHECKER.redefine(
        "array", lambda _, found: isinstance(found, list | tuple)
    )
    kind = extend(Draft7Validator, type_checker=arrays)  # type: ignore[no-untyped-call]
    validator: Validator = kind(SCHEMAS[schema])
    return validator
