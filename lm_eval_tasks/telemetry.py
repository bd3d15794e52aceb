"""The usage statistics that libraries send by default, turned off.

What a user set in the environment stays: HF_HUB_DISABLE_TELEMETRY=0 turns the Hub's on again.
"""

import os

OFF = {
    "DO_NOT_TRACK": "1",  # huggingface_hub, vLLM, MLflow and others
    "HF_HUB_DISABLE_TELEMETRY": "1",  # TRL and transformers send theirs through huggingface_hub
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # datasets and evaluate, for what is read from this machine
    "GRADIO_ANALYTICS_ENABLED": "False",  # trackio shows its runs with gradio
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "WANDB_ERROR_REPORTING": "false",  # crash reports; runs go to wandb where report_to says so
}
"""Variable -> value that means no."""


def turn_off() -> None:
    """Set the variables for this process and those it starts; before the libraries are imported."""
    for name, value in OFF.items():
        os.environ.setdefault(name, value)
