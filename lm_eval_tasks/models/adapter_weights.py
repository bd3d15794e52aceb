"""Whether an adapter's weights all found their place in the model: PEFT only warns."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lm_eval_tasks.errors import JmedError


@contextmanager
def all_there(peft: str) -> Iterator[None]:
    """While PEFT loads an adapter: layers that its file has no weights for are an error.

    They stay as they begin, which changes nothing: the base would be scored in the adapter's name.
    """
    with warnings.catch_warnings():
        # peft 0.21.2, peft_model.py: from_pretrained
        warnings.filterwarnings("error", message=".*Found missing adapter keys")
        try:
            yield
        except UserWarning as warning:
            raise JmedError(f"peft={peft}: {str(warning)[:300]}") from None


def refuse_strange(model: Any, peft: str, revision: str, instead: str) -> None:  # noqa: ANN401 (PEFT's)
    """Raises: JmedError: weights of an adapter have no place in `model`, which holds it.

    Such are those of another architecture, or of another class of the same model: the layers have
    other names.

    Args:
        instead: what to do.
    """
    # lm-eval too needs it for adapters alone
    from peft import set_peft_model_state_dict  # noqa: PLC0415
    from peft.utils import load_peft_weights  # noqa: PLC0415

    if model.active_peft_config.is_prompt_learning:
        return  # PEFT is strict there
    base = model.get_base_model()
    # as PEFT does when it loads one
    mapping = getattr(base, "_checkpoint_conversion_mapping", None)
    given = load_peft_weights(peft, device="cpu", revision=revision, key_mapping=mapping)
    placed: Any = set_peft_model_state_dict(model, given)
    if strange := placed.unexpected_keys:
        raise JmedError(
            f"peft={peft}: {len(strange)} of its {len(given)} tensors have no place in "
            f"{type(base).__name__} ({strange[0]}): {instead}"
        )
