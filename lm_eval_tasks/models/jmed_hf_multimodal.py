"""`--model jmed_hf_multimodal`: lm-eval's `hf-multimodal` for exams with images to few questions.

The stock class (lm_eval/models/hf_vlms.py of 0.4.13) cannot answer a batch in which no question has
an image, and does some things in silence that move scores; each is mended or refused below, where
its reason stands.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from lm_eval.models.hf_vlms import HFMultimodalLM
from lm_eval.models.utils import has_bos_prefix, postprocess_generated_text, resize_image

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.models.adapter_weights import refuse_strange
from lm_eval_tasks.models.quantized import Quantized


class JmedHFMultimodal(Quantized, HFMultimodalLM):  # type: ignore[misc]  # lm_eval has no types
    """HFMultimodalLM that answers requests without images as `hf` answers them.

    model_args are those of `hf-multimodal`, `chat_template_args`, `enable_thinking` and
    `load_in_4bit` among them.
    """

    processor: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (HFMultimodalLM's)
        if str(kwargs.get("batch_size", "")).startswith("auto"):
            raise JmedError("batch_size auto is not possible for images; pass a number")
        if kwargs.get("tokenizer"):
            raise JmedError("tokenizer: images need the model's own processor; leave it out")
        super().__init__(*args, **kwargs)
        self._placed_by_hand = bool(kwargs.get("image_string"))
        if isinstance(self.think_end_token, int):
            raise JmedError("think_end_token: give its text instead of its number")
        self._check_pixels()
        if peft := kwargs.get("peft"):
            # of Qwen3_5ForCausalLM, as `hf` loads Qwen3.5: here the same layers have other names
            refuse_strange(
                self._model,
                str(peft),
                str(kwargs.get("revision") or "main"),
                "it was trained on another class of this model, on text alone. Score it with "
                "--model jmed_hf on tasks without images",
            )

    def _check_pixels(self) -> None:
        """The stock class passes them on, and most image processors let them fall in silence."""
        processor = self.processor.image_processor
        for name, edge in (("min_pixels", "shortest_edge"), ("max_pixels", "longest_edge")):
            given, size = self.pixels.get(name), getattr(processor, "size", None)
            side = size.get(edge) if isinstance(size, dict) else getattr(size, edge, None)
            # Qwen's keep numbers of pixels under the names of edges
            if given and given not in (side, getattr(processor, name, None)):
                raise JmedError(
                    f"{name}={given}: {type(processor).__name__} does not take it. Give max_pixels "
                    "in --metadata, which holds for every model"
                )

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """Generate an answer to each request, in their order.

        Args:
            requests: Instances of lm-eval; whose third argument holds no images, or is missing,
                go the way of HFLM.

        Raises:
            JmedError: images would be cut, or would not be seen by the model as images.
        """
        shown = [bool(images_of(request)) for request in requests]
        with_images = [r for r, has in zip(requests, shown, strict=True) if has]
        text = [_text_only(r) for r, has in zip(requests, shown, strict=True) if not has]
        self._check(with_images)
        pictured = iter(self._pictured(with_images, disable_tqdm) if with_images else [])
        # without a third argument the stock method is HFLM's
        texts = iter(super().generate_until(text, disable_tqdm) if text else [])
        return [next(pictured if has else texts) for has in shown]

    def _pictured(self, requests: list[Any], disable_tqdm: bool) -> list[str]:
        answers = super().generate_until(requests, disable_tqdm)
        # HFLM drops thoughts by it, the stock class keeps them
        end = self.think_end_token
        return [postprocess_generated_text(answer, None, end) for answer in answers]

    def _check(self, requests: Sequence[Any]) -> None:
        """Raise JmedError before the first answer, not after hours."""
        if not requests:
            return
        if not (self.chat_applied or self._placed_by_hand):
            # the stock class puts one image token there, which is not what the processor of
            # Gemma 3 looks for, and which Qwen2-VL and Qwen3-VL do not take without its neighbours
            raise JmedError(
                "images without a chat template do not stand where the model expects them; pass "
                "--apply_chat_template, or what the processor takes for an image, model_args "
                "image_string=…"
            )
        most = max(len(images_of(request)) for request in requests)
        if most > self.max_images:
            raise JmedError(
                f"a question has {most} images, of which max_images={self.max_images} would leave "
                f"out the last ones; pass max_images={most} or nothing"
            )
        for request in requests:
            self._check_prompt(request)

    def _check_prompt(self, request: Any) -> None:  # noqa: ANN401
        """Put one prompt together as a batch will, and forget it: an exam has some hundred."""
        context, settings, _ = request.args
        size = (self.image_width, self.image_height, self.image_max_side)
        pictures = [resize_image(picture, *size) for picture in images_of(request)]
        most = self.max_length - settings.get("max_gen_toks", self.max_gen_toks)
        self.tok_batch_multimodal_encode([context], [pictures], left_truncate_len=most)

    def apply_chat_template(
        self, chat_history: list[dict[str, Any]], add_generation_prompt: bool = True
    ) -> str:
        """As the stock class, with `chat_template_args`, which it leaves out."""
        own, render = self.processor, self.processor.apply_chat_template
        self.processor = _Stand(own, apply_chat_template=partial(render, **self.chat_template_args))
        try:
            rendered: str = super().apply_chat_template(chat_history, add_generation_prompt)
        finally:
            self.processor = own
        return rendered

    def tok_batch_multimodal_encode(
        self,
        strings: list[str],
        images: list[list[Any]],
        padding_side: str = "left",
        left_truncate_len: int | None = None,
        truncation: bool = False,
    ) -> Any:  # noqa: ANN401 (transformers' BatchFeature)
        """As the stock class, with one BOS, nothing cut off, and a place for each image.

        Raises:
            JmedError: a prompt is too long for the model, or has no place for an image.
        """
        own = self.processor
        self.processor = partial(own, **self._special_tokens(strings))
        try:
            encoding = super().tok_batch_multimodal_encode(strings, images, padding_side)
        finally:
            self.processor = own
        self._check_length(encoding["input_ids"].shape[1], left_truncate_len)
        self._check_places(encoding["input_ids"], images)
        return encoding

    def _special_tokens(self, strings: Sequence[str]) -> dict[str, bool]:
        """As HFLM.tok_batch_encode: a chat template that writes BOS needs no second one."""
        if has_bos_prefix(strings[0], getattr(self.tokenizer, "bos_token", None)):
            return {"add_special_tokens": False}
        return {} if self.add_bos_token is None else {"add_special_tokens": self.add_bos_token}

    def _check_length(self, tokens: int, most: int | None) -> None:
        """The stock class cuts the ids from the left, but neither pixels nor token types."""
        if most is not None and tokens > most:
            raise JmedError(
                f"a prompt with images has {tokens} tokens, more than {most}, which max_length="
                f"{self.max_length} leaves beside the answer. Pass a larger max_length if the "
                "model can read it, fewer num_fewshot, or a smaller max_pixels in --metadata"
            )

    def _check_places(self, ids: Any, images: Sequence[Sequence[Any]]) -> None:  # noqa: ANN401
        """Chat templates that know texts alone leave images out, and some models do not notice."""
        token = getattr(self, "image_token_id", None)
        if token is None:  # image_string was given
            return
        for places, shown in zip((ids == token).sum(1).tolist(), images, strict=True):
            if places < len(shown):
                raise JmedError(
                    f"the prompt of a question with {len(shown)} images has {places} tokens "
                    f"{self.image_token!r}: chat template or image_token_id are not of this model"
                )


def images_of(request: Any) -> Sequence[Any]:  # noqa: ANN401 (lm-eval's Instance)
    """The pictures of a request; none of a task that shows none."""
    images: Sequence[Any] = request.args[2]["visual"] if len(request.args) > 2 else ()
    return images or ()


def _text_only(request: Any) -> Any:  # noqa: ANN401
    return replace(request, arguments=request.args[:2])


class _Stand:
    """An object, some of whose attributes are others."""

    def __init__(self, own: object, **others: object) -> None:
        self.__dict__.update(others)
        self._own = own

    def __getattr__(self, name: str) -> object:
        return getattr(self._own, name)
