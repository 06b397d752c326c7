#!/usr/bin/env bash
# A real Slurm on this one machine, to be thrown away: for tests/e2e/test_slurm.py and for trying profiles/slurm by hand.
#
#   sudo tests/slurm-dev.sh install        Slurm and munge from Debian's or Ubuntu's packages
#   sudo tests/slurm-dev.sh start          munged, slurmctld, slurmd; partitions cpu and gpu; prints them
#   eval "$(tests/slurm-dev.sh env)"       then squeue, sbatch and snakemake --profile profiles/slurm find it
#   sudo tests/slurm-dev.sh stop           cancel what runs, stop the three, remove everything
#
# It needs no systemd and no accounting database. The CPUs, memory and GPUs are advertised, not real: a job that asks
# for 4 GPUs runs, and sees CUDA_VISIBLE_DEVICES=0,1,2,3. Slurm 22.05 and newer.
#
#   SLURM_DEV_DIR        where everything lies (default /tmp/slurm-dev-<uid>). Short: a Unix socket's path has 107 bytes
#   SLURM_DEV_PORT       first of the two ports (default 16817)
#   SLURM_DEV_CPUS, SLURM_DEV_MEM_MB, SLURM_DEV_GPUS       what is advertised (default 64, 256000, 8)
set -euo pipefail

dir="${SLURM_DEV_DIR:-/tmp/slurm-dev-$(id -u)}"
port="${SLURM_DEV_PORT:-16817}"
cpus="${SLURM_DEV_CPUS:-64}"
mem_mb="${SLURM_DEV_MEM_MB:-256000}"
gpus="${SLURM_DEV_GPUS:-8}"
host="$(hostname -s)"
daemons=(munged slurmctld slurmd)

PATH="$PATH:/usr/sbin:/sbin" # where Debian has the daemons
export SLURM_CONF="$dir/slurm.conf"

fail() {
  echo "slurm-dev.sh: $*" >&2
  exit 1
}

install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -y -q --no-install-recommends munge slurm-client slurmctld slurmd
}

start() {
  ((EUID == 0)) || fail "start needs root, to make the GPUs' device files"
  local daemon
  for daemon in "${daemons[@]}"; do
    command -v "$daemon" > /dev/null || fail "$daemon is missing: run '$0 install' first"
  done
  stop
  mkdir -p "$dir"/{bin,gpu,log,munge,run,spool,state}
  write_key
  write_gpus
  write_srun
  write_config
  munged --force --key-file="$dir/munge/key" --seed-file="$dir/munge/seed" --socket="$dir/munge/socket" \
    --pid-file="$dir/run/munged.pid" --log-file="$dir/log/munged.log" --num-threads=2
  slurmctld -i
  slurmd
  wait_until_idle
}

write_key() {
  (umask 077 && head -c 128 /dev/urandom > "$dir/munge/key")
}

# Slurm takes nothing but character devices for GPUs: copies of /dev/null.
write_gpus() {
  local gpu
  for ((gpu = 0; gpu < gpus; gpu++)); do
    mknod -m 666 "$dir/gpu/gpu$gpu" c 1 3 || fail "cannot make device files here: a container without mknod?"
  done
  # The flag is what sets CUDA_VISIBLE_DEVICES.
  echo "NodeName=$host Name=gpu Type=h100 File=$dir/gpu/gpu[0-$((gpus - 1))] Flags=nvidia_gpu_env" > "$dir/gres.conf"
}

# Snakemake's job step (0.6) takes SLURM_CONF out of the environment before it calls srun: put it back.
write_srun() {
  printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(command -v srun)" > "$dir/bin/srun"
  chmod 755 "$dir/bin/srun"
}

write_config() {
  : > "$dir/plugstack.conf"
  cat > "$SLURM_CONF" << CONF
ClusterName=dev
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.log
PlugStackConfig=$dir/plugstack.conf
# No systemd, no cgroups, no database.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
# squeue tells of finished jobs for this long, and Snakemake learns from it what became of them.
MinJobAge=300
KillWait=5
# Schedule at once.
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# Advertise more than there is.
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus Boards=1 SocketsPerBoard=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=$mem_mb Gres=gpu:h100:$gpus
PartitionName=cpu Nodes=$host Default=YES MaxTime=INFINITE DefMemPerCPU=500
PartitionName=gpu Nodes=$host Default=NO MaxTime=INFINITE DefMemPerCPU=500
CONF
}

wait_until_idle() {
  local try
  for ((try = 0; try < 150; try++)); do
    if [[ "$(timeout 5 sinfo --noheader --partition cpu --format %T 2> /dev/null)" == idle ]]; then
      sinfo --format "%P %T %c cores %m MB %G"
      return
    fi
    sleep 0.2
  done
  tail -n 20 "$dir"/log/*.log >&2
  fail "Slurm did not come up; its logs are above"
}

stop() {
  if [[ -n "$(pid_of slurmctld)" ]]; then
    timeout 10 scancel --user="$(id -un)" 2> /dev/null || true
    local try
    for ((try = 0; try < 60; try++)); do
      [[ -z "$(timeout 5 squeue --noheader 2> /dev/null)" ]] && break
      sleep 0.25
    done
  fi
  end slurmd
  end slurmctld
  end munged
  rm -rf -- "$dir"/{bin,gpu,log,munge,run,spool,state,slurm.conf,gres.conf,plugstack.conf}
  rmdir -- "$dir" 2> /dev/null || true
}

# The process id of a daemon of ours that is alive, or nothing.
pid_of() {
  local pid_file="$dir/run/$1.pid" pid
  [[ -s "$pid_file" ]] || return 0
  pid="$(< "$pid_file")"
  [[ "$(cat "/proc/$pid/comm" 2> /dev/null)" == "$1" ]] && echo "$pid" || true
}

end() {
  local pid try
  pid="$(pid_of "$1")"
  [[ -n "$pid" ]] || return 0
  kill "$pid"
  for ((try = 0; try < 50; try++)); do
    [[ -d "/proc/$pid" ]] || return 0
    sleep 0.1
  done
  kill -9 "$pid" 2> /dev/null || true
}

case "${1:-}" in
  install) install ;;
  start) start ;;
  env) echo "export SLURM_CONF='$SLURM_CONF' PATH='$dir/bin':\"\$PATH\"" ;;
  stop) stop ;;
  *)
    echo "usage: $0 install|start|env|stop" >&2
    exit 2
    ;;
esac
