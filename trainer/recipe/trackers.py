"""train.report_to: names that transformers knows, of trackers that are installed."""

from collections.abc import Sequence

from lm_eval_tasks.errors import JmedError, check_choice


def check_trackers(names: Sequence[str], *, here: bool) -> None:
    """See that every tracker can be used, before data and weights are read.

    Args:
        names: of SFTConfig, "all" and "none" already resolved.
        here: the run is to start on this machine: what it reports to must be installed.

    Raises:
        JmedError: an unknown name, or a package that is missing.
    """
    from transformers.integrations.integration_utils import (
        INTEGRATION_TO_CALLBACK,
        get_available_reporting_integrations,
    )

    for name in names:
        check_choice(name, [*INTEGRATION_TO_CALLBACK, "all", "none"], "train.report_to")
    installed = get_available_reporting_integrations()
    # flyte is one that transformers takes and does not look for
    missing = [name for name in names if name not in (*installed, "flyte")]
    if here and missing:
        raise JmedError(
            f"train.report_to: {', '.join(missing)}: not installed; allowed: pip install "
            f"{' '.join(missing)}, or of what is here: {', '.join([*installed, 'none'])}"
        )
