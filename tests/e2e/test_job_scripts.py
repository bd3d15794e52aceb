"""The job scripts under stand-ins for srun, scontrol and pbsdsh: two processes on this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.tiny_model import build
from tests.e2e.sft_run import (
    ROOT,
    environment,
    free_port,
    losses,
    recipe_of,
    write_recipe,
    write_rows,
)

PROGRAMS = {
    # starts the task twice, passes USR1 on to both, ends with the highest status
    "srun": """\
import os, signal, subprocess, sys
assert sys.argv[1] == "--kill-on-bad-exit=1" and os.environ["SRUN_CPUS_PER_TASK"] == "1"
tasks = [
    subprocess.Popen(sys.argv[2:], env=os.environ | {"SLURM_PROCID": i, "SLURM_LOCALID": i})
    for i in "01"
]
signal.signal(signal.SIGUSR1, lambda *_: [task.send_signal(signal.SIGUSR1) for task in tasks])
open("srun.pid", "w").write(str(os.getpid()))
sys.exit(max(task.wait() for task in tasks))
""",
    "scontrol": """\
import sys
print("127.0.0.1") if sys.argv[1] == "show" else open("requeued", "a").write(sys.argv[2] + "\\n")
""",
    "pbsdsh": """\
import os, sys
assert sys.argv[1] == "-n" and sys.argv[3] == "--"
os.execvp(sys.argv[4], sys.argv[4:])
""",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder to submit from: the checkout, an environment to activate, the programs above."""
    for name in ("trainer", "lm_eval_tasks", "recipes", "ds_configs", "demo"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    path = f'export PATH="{tmp_path}/programs:{Path(sys.executable).parent}:$PATH"\n'
    (tmp_path / ".venv" / "bin" / "activate").write_text(path, encoding="utf-8")
    (tmp_path / "programs").mkdir()
    for name, code in PROGRAMS.items():
        program = tmp_path / "programs" / name
        program.write_text(f"#!{sys.executable}\n{code}", encoding="utf-8")
        program.chmod(0o755)
    build(tmp_path / "base")
    write_rows(tmp_path / "rows.jsonl")
    return tmp_path


def recipe(site: Path, steps: int) -> Path:
    given = recipe_of(site / "base", site / "rows.jsonl", site / "run", max_steps=steps)
    return write_recipe(site / "recipe.yaml", given)


def state(site: Path) -> str:
    return str(json.loads((site / "run" / "run.json").read_text(encoding="utf-8"))["state"])


def test_a_signalled_slurm_job_saves_and_puts_itself_back_into_the_queue(site: Path) -> None:
    command = ["bash", str(ROOT / "recipes" / "launch" / "slurm.sbatch"), str(recipe(site, 2000))]
    environ = environment(
        PATH=f"{site}/programs:{os.environ['PATH']}", SLURM_SUBMIT_DIR=str(site), SLURM_NTASKS="2",
        SLURM_NTASKS_PER_NODE="2", SLURM_CPUS_PER_TASK="1", SLURM_JOB_NODELIST="127.0.0.1",
        SLURM_JOB_ID="77", MASTER_PORT=free_port(),
    )  # fmt: skip
    job = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 300
    while not (site / "run" / "losses.jsonl").exists():
        assert job.poll() is None, job.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(int((site / "srun.pid").read_text()), signal.SIGUSR1)
    told = job.communicate(timeout=300)[1]
    assert job.returncode == 75, told
    assert state(site) == "interrupted"
    assert (site / "requeued").read_text() == "77\n"


def test_a_pbs_job_starts_a_process_for_each_line_of_its_node_file(site: Path) -> None:
    (site / "nodes").write_text("127.0.0.1\n127.0.0.1\n", encoding="utf-8")
    environ = environment(
        PATH=f"{site}/programs:{os.environ['PATH']}", PBS_O_WORKDIR=str(site),
        PBS_NODEFILE=str(site / "nodes"), RECIPE=str(recipe(site, 2)), MASTER_PORT=free_port(),
    )  # fmt: skip
    script = ROOT / "recipes" / "launch" / "pbs.sh"
    done = subprocess.run(
        ["bash", str(script)], env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "rank 1 on 127.0.0.1" in done.stdout
    assert len(losses(site / "run")) == 2
    assert (
        json.loads((site / "run" / "run.json").read_text())["settings"]["batch"]["processes"] == 2
    )
    assert state(site) == "finished"


def test_a_pbs_job_ends_with_the_first_process_that_fails(site: Path) -> None:
    (site / "nodes").write_text("127.0.0.1\n", encoding="utf-8")
    environ = environment(
        PATH=f"{site}/programs:{os.environ['PATH']}", PBS_O_WORKDIR=str(site),
        PBS_NODEFILE=str(site / "nodes"), RECIPE="missing.yaml",
    )  # fmt: skip
    script = (ROOT / "recipes" / "launch" / "pbs.sh").read_text().replace("sleep 10", "sleep 0")
    done = subprocess.run(
        ["bash", "-c", script],
        env=environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 2
    assert "missing.yaml" in done.stderr
