"""What a model card says of a training: the same words in a run folder and in a submission."""

from lm_eval_tasks.results.training_record import Outcome


def adapter_kind(bits: str) -> str:
    """The adapter's kind by what its base was quantised to: QLoRA is LoRA on a 4-bit base.

    Args:
        bits: "4-bit", "8-bit" or "".
    """
    return "QLoRA adapter" if bits == "4-bit" else "LoRA adapter"


def losses_by_name(result: Outcome) -> dict[str, float | None]:
    """The losses of the end of a run, under the names that readers see."""
    return {"last training loss": result.loss, "best held-out loss": result.eval_loss}


def overlap_line(exam: str, rows: int, questions: int) -> str:
    """The line of an exam whose questions were in the training data."""
    held = f"{rows} training rows hold {questions} of its questions"
    return f"- **{exam}: {held}.** A score on it says little."
