#!/usr/bin/env bash
# qsub -v RECIPE=recipes/medswallow_70b_qlora.yaml recipes/launch/pbs.sh
# pbsdsh starts one process for each line of PBS_NODEFILE; no ssh between hosts. mpiprocs must be ngpus:
# the file then names each host once for each of its GPUs. `qsig -s SIGUSR1 JOB`, and PBS itself when the
# time is over, end the run after its current step with a checkpoint (kill_delay must be longer than a
# step takes); qsub again goes on.
#PBS -N jmed-sft
#PBS -l select=2:ncpus=32:ngpus=8:mpiprocs=8:ompthreads=4
#PBS -l walltime=24:00:00
#PBS -j oe
set -euo pipefail
cd "${PBS_O_WORKDIR:-.}"
: "${RECIPE:?usage: qsub -v RECIPE=recipes/NAME.yaml $0}"
program=trainer.sft
if grep -q '^dpo:' "$RECIPE"; then program=trainer.dpo; fi
mapfile -t hosts < "$PBS_NODEFILE"
declare -A slots=() started=()
for host in "${hosts[@]}"; do slots[$host]=$((${slots[$host]:-0} + 1)); done
for rank in "${!hosts[@]}"; do
    host=${hosts[$rank]}
    pbsdsh -n "$rank" -- bash -c "cd '$PWD' && source .venv/bin/activate && \
        export OMP_NUM_THREADS=${OMP_NUM_THREADS:-4} HF_HUB_OFFLINE=1 \
        MASTER_ADDR='${hosts[0]}' MASTER_PORT=${MASTER_PORT:-29500} \
        RANK=$rank WORLD_SIZE=${#hosts[@]} LOCAL_RANK=${started[$host]:-0} \
        LOCAL_WORLD_SIZE=${slots[$host]} && exec python -m $program '$RECIPE' --resume" &
    started[$host]=$((${started[$host]:-0} + 1))
    echo "rank $rank on $host"
done
# the first that fails ends the others: they would wait for it until NCCL gives up
status=0
for _ in "${hosts[@]}"; do
    wait -n || { status=$?; break; }
done
if [ "$status" -ne 0 ]; then
    sleep 10 # those that end by themselves, by an error or by a signal
    kill $(jobs -p) 2>/dev/null || true
fi
exit "$status"
