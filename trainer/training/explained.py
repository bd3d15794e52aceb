"""What goes wrong in libraries, and users can mend, as one message."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from trainer.training.checkpoints import last_whole

MEMORY_ADVICE = (
    "Allowed, also with --resume: a smaller train.per_device_train_batch_size (the global batch "
    "stays) or per_device_eval_batch_size, and train.gradient_checkpointing: true; in a new folder "
    "also another ds_configs/ file, a smaller train.max_length or 4 bits. `python -m trainer "
    "check` predicts what fits"
)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Put what users can mend into one message; everything else keeps its traceback."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        text = " ".join(str(error).split())
        whole = last_whole(folder)
        kept = f"whole checkpoints are intact, the last: {whole}" if whole else "no checkpoint yet"
        if "address already in use" in text.lower() or "EADDRINUSE" in text:
            raise JmedError(
                "the port of another run is taken; start with another one: deepspeed "
                "--master_port 29501, torchrun --master_port 29501"
            ) from None
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if full or "No space left" in text or "file write failed" in text:
            raise JmedError(
                f"{folder}: could not be written ({text[:160]}); {kept}. Make room "
                f"({shutil.disk_usage(folder).free / 2**30:.1f} GiB free), then --resume"
            ) from None
        if isinstance(error, OSError) and (
            "does not appear to have" in text or "no file named" in text
        ):
            raise JmedError(f"model.model_name_or_path: no weights there ({text[:200]})") from None
        if isinstance(error, FileExistsError | NotADirectoryError | PermissionError):
            raise JmedError(f"train.output_dir: {folder}: {error.strerror}") from None
        if "out of memory" in text.lower():
            raise JmedError(f"out of memory ({text[:160]}); {kept}. {MEMORY_ADVICE}") from None
        raise
