"""What the trainer touches inside the stack is looked for before it is relied on."""

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


def test_this_machine_has_all_of_them() -> None:
    patches.check_patches()
    patches.keep_nf4_portable()
    with patches.deepspeed_of(2):
        pass
