"""What the trainer touches inside the stack is looked for before it is relied on."""

import importlib

import pytest

from lm_eval_tasks.errors import JmedError
from trainer import patches


@pytest.mark.parametrize("name", ["transformers.trainer:Trainer._gone", "transformers.gone:it"])
def test_what_a_version_does_not_have_is_one_message(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(patches.TOUCHED, name, "transformers 5.23")
    with pytest.raises(JmedError, match=r"which the trainer relies on; allowed: transformers"):
        patches.check_patches()


def test_the_installed_libraries_have_every_patched_attribute() -> None:
    config = importlib.import_module("deepspeed.runtime.config")
    patches.check_patches()  # raises where one is missing, as the next two
    patches.keep_nf4_portable()
    before = config.dist
    with patches.deepspeed_of(2):
        assert config.dist.get_world_size() == 2
    assert config.dist is before
