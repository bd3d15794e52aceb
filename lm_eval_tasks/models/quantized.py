"""An HFLM that takes `load_in_4bit` and its kin under transformers 5."""

from typing import Any

from lm_eval.models.huggingface import HFLM


class Quantized(HFLM):  # type: ignore[misc]  # lm_eval has no types
    """HFLM whose model_args of bitsandbytes reach transformers, which takes them together only."""

    def _create_model(self, *args: Any, quantization_config: Any = None, **kwargs: Any) -> None:  # noqa: ANN401
        # transformers 5 takes these in a BitsAndBytesConfig only; lm-eval 0.4.13 passes them bare
        names = [n for n in kwargs if n.startswith(("load_in_", "bnb_4bit_", "llm_int8_"))]
        given = {name: kwargs.pop(name) for name in names}
        if given.get("load_in_4bit") or given.get("load_in_8bit"):
            from transformers import BitsAndBytesConfig  # noqa: PLC0415 needs bitsandbytes

            quantization_config = BitsAndBytesConfig(**given)
            kwargs.setdefault("device_map", {"": str(self.device)})
        super()._create_model(*args, quantization_config=quantization_config, **kwargs)
