"""The files that a Slurm of one's own reads: two nodes on the loopback, with made-up GPUs."""

from __future__ import annotations

import socket
from pathlib import Path

NODES = ("one", "two")
NUM_GPUS = 2
"""Of each node: files that stand for devices."""

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
ReturnToService=2
SlurmctldPort={controller_port}
CommunicationParameters=NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2,sched_min_interval=200000
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
MinJobAge=300
KillWait=10
OverTimeLimit=0
SlurmdTimeout=10
InactiveLimit=0
AccountingStorageType={accounting}
SlurmdParameters=config_overrides
GresTypes=gpu
{nodes}
PartitionName=gpu Nodes=ALL Default=YES MaxTime=1-0 PriorityTier=1 PreemptMode=OFF State=UP
PartitionName=scavenge Nodes=ALL MaxTime=1-0 PriorityTier=1 PreemptMode=REQUEUE State=UP
PartitionName=grace Nodes=ALL MaxTime=1-0 PriorityTier=1 PreemptMode=REQUEUE GraceTime=30 State=UP
PartitionName=urgent Nodes=ALL MaxTime=1-0 PriorityTier=10 PreemptMode=OFF State=UP
"""

NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=64 Sockets=1 "
    "CoresPerSocket=64 ThreadsPerCore=1 RealMemory=500000 Gres=gpu:{num_gpus} State=UNKNOWN"
)

ACCOUNTING = """\
accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.socket
AccountingStorageTRES=gres/gpu"""

DATABASE = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdPort={port}
SlurmUser=root
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_accounting
"""


def write_configuration(folder: Path, *, accounting: bool) -> int:
    """Write them into a folder, with ports that are free now; returns that of the database."""
    host = socket.gethostname().partition(".")[0]
    controller, database, daemon, *ports = _free_ports(3 + len(NODES))
    nodes = [
        NODE.format(name=name, host=host, port=port, num_gpus=NUM_GPUS)
        for name, port in zip(NODES, ports, strict=True)
    ]
    kind = "accounting_storage/none"
    if accounting:
        kind = ACCOUNTING.format(folder=folder, port=daemon)
        text = DATABASE.format(folder=folder, port=daemon, database_port=database)
        _write(folder / "slurmdbd.conf", text, mode=0o600)
    text = CONFIGURATION.format(
        host=host,
        folder=folder,
        controller_port=controller,
        accounting=kind,
        nodes="\n".join(nodes),
    )
    _write(folder / "slurm.conf", text)
    devices = folder / "devices"
    devices.mkdir()
    for number in range(NUM_GPUS):
        (devices / f"gpu{number}").touch()
    _write(folder / "gres.conf", f"Name=gpu File={devices}/gpu[0-{NUM_GPUS - 1}]\n")
    limits = "ConstrainCores=no\nConstrainRAMSpace=no\n"
    _write(folder / "cgroup.conf", f"CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n{limits}")
    return database


def _write(path: Path, text: str, *, mode: int = 0o644) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def _free_ports(number: int) -> list[int]:
    """Ports of the loopback device that no one listens on now."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
