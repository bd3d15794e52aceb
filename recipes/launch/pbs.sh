#!/usr/bin/env bash
# qsub -v RECIPE=recipes/medswallow_70b_qlora.yaml recipes/launch/pbs.sh
# pbsdsh starts the launcher on each host; no ssh between them.
#PBS -N jmed-sft
#PBS -l select=2:ncpus=32:ngpus=8
#PBS -l walltime=24:00:00
#PBS -j oe
set -euo pipefail
cd "${PBS_O_WORKDIR:-.}"
: "${RECIPE:?usage: qsub -v RECIPE=recipes/NAME.yaml $0}"
awk '!seen[$0]++' "$PBS_NODEFILE" | sed 's/$/ slots=8/' > "hostfile-$PBS_JOBID"
first=$(head -n 1 "$PBS_NODEFILE")
rank=0
processes=()
for host in $(awk '!seen[$0]++' "$PBS_NODEFILE"); do
    pbsdsh -n "$rank" -- bash -c "cd '$PWD' && source .venv/bin/activate && \
        export OMP_NUM_THREADS=4 HF_HUB_OFFLINE=1 && \
        deepspeed --hostfile 'hostfile-$PBS_JOBID' --no_ssh --node_rank $rank \
        --master_addr '$first' --master_port 29500 --module trainer.sft '$RECIPE' --resume" &
    processes+=($!)
    echo "started on $host as rank $rank"
    rank=$((rank + 1))
done
for process in "${processes[@]}"; do wait "$process"; done
