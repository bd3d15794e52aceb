"""`--model jmed_hf`: lm-eval's `hf`, but what prompts share is read once.

The numbers and responses are those of `--model hf`; a few questions are done both ways at the
start, and where that disagrees, or the model's attention does not allow it, everything is done
the stock way, with one warning.
"""

from typing import Any

from lm_eval_tasks.models.fed import count_fed
from lm_eval_tasks.models.generation import SharedPrompts
from lm_eval_tasks.models.kept_base import WithAdapter
from lm_eval_tasks.models.quantized import Quantized


class JmedHF(SharedPrompts, Quantized, WithAdapter):
    """HFLM with packed log-likelihoods, shared worked examples, `load_in_4bit` and its kin under
    transformers 5, and one base for several adapters.

    Further model_args:
        max_packed_tokens: bound on the padded tokens of one forward pass, or of the prompts and
            responses of one batch (default 16384); halved when the GPU runs out of memory.
            batch_size is of no account, except for what is done the stock way.
        stop_when_answered: end responses of `letters` and `cot` after the line that states the
            answer (default False: the scores of a talkative model may change).
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 (HFLM's)
        max_packed_tokens: int = 16384,
        stop_when_answered: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        self.max_packed_tokens = int(max_packed_tokens)
        self.stop_when_answered = stop_when_answered
        self.fed = count_fed(self.model)
