"""Adapters on vLLM (`lora_local_path`): what is right, and what is refused because it is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from lm_eval.models.huggingface import HFLM

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.models.jmed_vllm import JmedVLLM
from lm_eval_tasks.models.proven import FLOAT32
from tests.e2e.tiny_pairs import requests
from tests.vllm.engine import PROJECTIONS, adapter, assert_same_texts, engine, hf, scores, tiny


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("base"), "llama")


@pytest.fixture(scope="module", params=[PROJECTIONS, [*PROJECTIONS, "lm_head"]], ids=len)
def pair(
    request: pytest.FixtureRequest, base: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[JmedVLLM, HFLM]]:
    folder = adapter(base, tmp_path_factory.mktemp("adapter"), request.param)
    with engine(base, lora_local_path=str(folder), max_lora_rank=8) as ours:
        yield ours, hf(base, peft=str(folder))


def test_labels_of_one_token_are_scored_as_by_hf_with_peft(
    pair: tuple[JmedVLLM, HFLM], base: Path
) -> None:
    ours, theirs = pair
    asked = requests("jmed_sample_letters_mc", 12)
    found, wanted = scores(ours, asked), scores(theirs, asked)
    print(f"jmed_vllm with an adapter, letters_mc: {(found - wanted).abs().max():.1e} from hf")
    torch.testing.assert_close(found, wanted, atol=FLOAT32, rtol=0)
    assert (wanted - scores(hf(base), asked)).abs().max() > 0.5  # the adapter counts


def test_responses_are_those_of_hf_with_peft(pair: tuple[JmedVLLM, HFLM]) -> None:
    ours, theirs = pair
    asked = requests("jmed_sample_letters", 12)
    found = ours.generate_until(asked, disable_tqdm=True)
    wanted = theirs.generate_until(asked, disable_tqdm=True)
    assert_same_texts(found, wanted)


def test_whole_answers_are_refused(pair: tuple[JmedVLLM, HFLM]) -> None:
    with pytest.raises(JmedError, match="Merge the adapter first"):
        scores(pair[0], requests("jmed_sample_mc", 1))
