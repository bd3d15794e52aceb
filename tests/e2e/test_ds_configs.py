"""Every file in ds_configs/ against transformers' and DeepSpeed's own classes."""

from pathlib import Path
from typing import Any

import pytest
from transformers import LlamaConfig
from trl import SFTConfig

from lm_eval_tasks.errors import JmedError
from trainer.recipe.ds_config import TOP_LEVEL, read_ds_config, validate

FILES = sorted((Path(__file__).resolve().parents[2] / "ds_configs").glob("*.json"))
LLAMA = LlamaConfig(hidden_size=4096)


@pytest.fixture
def arguments(tmp_path: Path) -> SFTConfig:
    return SFTConfig(
        str(tmp_path), use_cpu=True, bf16=True, per_device_train_batch_size=1,
        gradient_accumulation_steps=2, max_steps=10, learning_rate=2e-4, max_grad_norm=0.3,
    )  # fmt: skip


def left_auto(config: Any, path: str = "") -> list[str]:
    if isinstance(config, dict):
        return [name for key, value in config.items() for name in left_auto(value, f"{path}.{key}")]
    return [path] if config == "auto" else []


@pytest.mark.parametrize("processes", [1, 8, 16])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_deepspeed_takes_it(file: Path, processes: int, arguments: SFTConfig) -> None:
    filled = validate(read_ds_config(file), arguments, LLAMA, processes)
    assert left_auto(filled) == []
    assert filled["train_batch_size"] == 2 * processes
    assert filled["gradient_clipping"] == 0.3
    assert filled["bf16"]["enabled"] is True


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gradient_clipping": 0.5}, "gradient_clipping=0.5 vs hf max_grad_norm=0.3"),
        ({"train_micro_batch_size_per_gpu": 4}, "train_micro_batch_size_per_gpu=4"),
        ({"zero_optimization": {"stage": 2, "overlap_com": True}}, "overlap_com"),
        ({"fp16": {"enabled": True}, "bf16": {"enabled": False}}, "fp16"),
    ],
)
def test_a_contradiction_names_the_key(
    change: dict[str, Any], message: str, arguments: SFTConfig
) -> None:
    config = {**read_ds_config(FILES[0]), **change}
    with pytest.raises(JmedError, match=message):
        validate(config, arguments, LLAMA, 8)


def test_every_key_that_is_allowed_is_one_of_deepspeeds() -> None:
    """The list is ours; a key that DeepSpeed no longer names anywhere is caught here."""
    import deepspeed  # noqa: PLC0415

    folder = Path(deepspeed.__file__).parent
    names = ("runtime", "monitor", "utils", "autotuning", "compression", "elasticity", "nebula",
             "profiling", "inference", "module_inject", "comm")  # fmt: skip
    text = "\n".join(
        file.read_text(encoding="utf-8", errors="replace")
        for name in names
        for file in (folder / name).rglob("*.py")
    )
    assert [
        key for key in sorted(TOP_LEVEL) if f'"{key}"' not in text and f"'{key}'" not in text
    ] == []
