#!/usr/bin/env bash
# A SLURM of one node on this machine: Debian's slurm-wlm with munge, without accounting.
# It is installed where WORKBENCH_INSTALL_SLURM=1 allows that. Exits with 77 and a sentence where it
# cannot be (no root, no apt, no packages), or where the machine has a SLURM of its own. Says `started`
# if it was not running already; `scontrol shutdown` ends it then. A requeued job waits for `cred_expire`
# seconds, of which 5 are the fewest that SLURM takes; KillWait is what a slow machine may need to save.
set -euo pipefail

skip() { echo "$1"; exit 77; }

[ "$(id -u)" = 0 ] || skip "SLURM can be set up by root only"
if ! command -v slurmctld slurmd munged sbatch > /dev/null; then
    [ "${WORKBENCH_INSTALL_SLURM:-}" = 1 ] || skip "WORKBENCH_INSTALL_SLURM=1 installs SLURM for this"
    command -v apt-get > /dev/null || skip "there is no apt to install SLURM with"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends slurm-wlm munge; } \
        > /dev/null 2>&1 || skip "apt cannot install slurm-wlm and munge here"
fi
[ ! -s /etc/slurm/slurm.conf ] || grep -q "^ClusterName=workbenchtest$" /etc/slurm/slurm.conf ||
    skip "this machine has a SLURM of its own, which tests leave alone"
scontrol ping 2> /dev/null | grep -q "is UP" && exit 0

host=$(hostname -s)
[ -s /etc/munge/munge.key ] || { dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
    chown munge: /etc/munge/munge.key; chmod 400 /etc/munge/munge.key; }
mkdir -p /run/munge /var/log/munge /var/lib/munge /var/spool/workbenchtest /var/spool/slurmd /etc/slurm
chown munge: /run/munge /var/log/munge /var/lib/munge
chmod 755 /run/munge
cat > /etc/slurm/slurm.conf << CONF
ClusterName=workbenchtest
SlurmctldHost=$host
SlurmUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
StateSaveLocation=/var/spool/workbenchtest
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurmctld.log
SlurmdLogFile=/var/log/slurmd.log
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
KillWait=60
MinJobAge=300
SchedulerParameters=sched_interval=2,bf_interval=2
NodeName=$host CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
CONF
pgrep -x munged > /dev/null || setpriv --reuid munge --regid munge --clear-groups munged
slurmctld -c || skip "slurmctld does not start here"
slurmd -c || skip "slurmd does not start here"
for _ in $(seq 60); do
    sinfo --noheader --format=%T 2> /dev/null | grep -q idle && { echo started; exit 0; }
    sleep 0.5
done
skip "SLURM does not start here: $(tail -n 1 /var/log/slurmctld.log)"
