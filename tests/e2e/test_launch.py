"""How a run is started: the command that is printed, and one process before several GPUs."""

import pytest
from deepspeed.launcher.runner import parse_args, parse_resource_filter

from lm_eval_tasks.errors import JmedError
from tests.unit.test_imports import ROOT
from trainer.environment import Launch, check_launch, launch_command

NAMED = {"CUDA_VISIBLE_DEVICES": "3,5"}


def test_one_process_before_several_gpus_is_told_how_they_are_used() -> None:
    alone = Launch(0, 1, gpu=True, distributed=False, gpus=2)
    with pytest.raises(JmedError, match=r"2 GPUs are visible .* `torchrun --nproc_per_node 2"):
        check_launch(alone)
    check_launch(Launch(0, 1, gpu=True, distributed=False, gpus=1))
    check_launch(Launch(0, 2, gpu=True, distributed=True, gpus=2))


def test_gpus_that_were_named_are_named_again() -> None:
    """With --num_gpus DeepSpeed would take GPUs 0 and 1."""
    command = launch_command("recipes/a.yaml", 2, NAMED)
    assert command == "deepspeed --include localhost:3,5 --module trainer.sft recipes/a.yaml"
    read = parse_args(command.split()[1:])
    hosts = parse_resource_filter({"localhost": list(range(8))}, read.include)
    assert hosts == {"localhost": [3, 5]}


@pytest.mark.parametrize("visible", ["GPU-8f6c", "MIG-1,MIG-2"])
def test_gpus_named_by_uuid_are_left_to_torchrun(visible: str) -> None:
    """DeepSpeed reads only numbers."""
    count = visible.count(",") + 1
    command = launch_command("r.yaml", count, {"CUDA_VISIBLE_DEVICES": visible})
    assert command == f"torchrun --nproc_per_node {count} -m trainer.sft r.yaml"


@pytest.mark.parametrize("environ", [{}, {"CUDA_VISIBLE_DEVICES": ""}, NAMED])
def test_a_plan_for_more_gpus_than_are_named_is_one_for_another_machine(
    environ: dict[str, str],
) -> None:
    assert launch_command("r.yaml", 4, environ).startswith("deepspeed --num_gpus 4 --module")


def test_what_deepspeed_forwards_to_other_hosts_is_read_as_it_reads_it() -> None:
    """launcher/runner.py splits each line at "=": a comment or an empty line ends it."""
    file = ROOT / "recipes" / "launch" / "deepspeed_env"
    pairs = dict(line.split("=", maxsplit=1) for line in file.read_text().splitlines())
    assert all(name.startswith(("HF_", "JMED_", "OMP_")) and value for name, value in pairs.items())
