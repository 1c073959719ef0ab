"""A Slurm of one's own on this machine, in a folder: real daemons, made-up GPUs, loopback only.

Two nodes that are both this machine, so that one can be lost. Nothing of the system's own Slurm,
munge or database is touched: every daemon has its own configuration, key, socket and port.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = (
    *("munged", "slurmctld", "slurmd", "sbatch", "scancel", "srun", "squeue", "sinfo"),
    *("scontrol", "sacct"),
)
DATABASE_PROGRAMS = ("slurmdbd", "sacctmgr", "mariadbd", "mariadb-install-db", "mariadb")
NODES = ("one", "two")
NUM_GPUS = 2
"""Of each node: files that stand for devices."""
SEARCH = f"{os.environ['PATH']}:/usr/sbin:/sbin"

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


def missing_programs(*, accounting: bool) -> list[str]:
    """The programs that are not installed."""
    wanted = (*PROGRAMS, *(DATABASE_PROGRAMS if accounting else ()))
    return [name for name in wanted if which(name) is None]


def which(name: str) -> str | None:
    return shutil.which(name, path=SEARCH)


@dataclass
class Cluster:
    """The daemons, from `start` to `stop`; a context manager."""

    folder: Path
    accounting: bool = False
    _daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Cluster:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to talk to this Slurm.

        Snakemake takes `SLURM_CONF` away from what it starts within a job, as it does with all such
        variables, and no machine but this needs it there: so the programs are found with it.
        """
        return {**os.environ, "PATH": f"{self.folder / 'bin'}:{SEARCH}"}

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_configuration()
        self._start_munge()
        if self.accounting:
            self._start_database()
        self._daemon("slurmctld", "slurmctld", "-D")
        for node in NODES:
            self.start_node(node)
        self.wait_for(lambda: self.run("sinfo", "-h", "-N", "-o", "%T").split().count("idle") >= 4)

    def stop(self) -> None:
        """End every job and daemon, the last started first."""
        if "slurmctld" in self._daemons:
            subprocess.run(
                ["scancel", "--state=RUNNING", "--state=PENDING", "--quiet"],
                env=self.environment,
                timeout=30,
                check=False,
            )
            time.sleep(1)
        for name in reversed(list(self._daemons)):
            daemon = self._daemons.pop(name)
            daemon.terminate()
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def start_node(self, node: str) -> None:
        self._daemon(node, "slurmd", "-D", "-N", node)

    def lose_node(self, node: str) -> None:
        """Kill a node's daemon and all that runs there at once, as a power cut would."""
        daemon = self._daemons.pop(node)
        jobs = [int(pid) for pid in self._step_processes(node)]
        daemon.kill()
        daemon.wait()
        for pid in jobs:
            _kill_tree(pid)

    def run(self, *command: str) -> str:
        """A command of Slurm's; returns what it says."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def wait_for(self, condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
        """Raise TimeoutError, with the last error, unless `condition` comes true in time."""
        end, told = time.monotonic() + seconds, ""
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except RuntimeError as error:
                told = str(error)
            time.sleep(0.2)
        raise TimeoutError(f"what was waited for did not come; logs in {self.folder}. {told}")

    def _write_configuration(self) -> None:
        host = socket.gethostname().partition(".")[0]
        controller, database, accounting, *nodes = free_ports(3 + len(NODES))
        self.database_port = database
        places = zip(NODES, nodes, strict=True)
        lines = [
            NODE.format(name=name, host=host, port=port, num_gpus=NUM_GPUS) for name, port in places
        ]
        kind = "accounting_storage/none"
        if self.accounting:
            kind = (
                "accounting_storage/slurmdbd\nAccountingStorageHost=localhost\n"
                f"AccountingStoragePort={accounting}\n"
                f"AccountingStoragePass={self.folder}/munge.socket\n"
                "AccountingStorageTRES=gres/gpu"
            )
            text = DATABASE.format(folder=self.folder, port=accounting, database_port=database)
            self._write("slurmdbd.conf", text)
        text = CONFIGURATION.format(
            host=host,
            folder=self.folder,
            controller_port=controller,
            accounting=kind,
            nodes="\n".join(lines),
        )
        self._write("slurm.conf", text)
        devices = self.folder / "devices"
        devices.mkdir()
        for number in range(NUM_GPUS):
            (devices / f"gpu{number}").touch()
        self._write("gres.conf", f"Name=gpu File={devices}/gpu[0-{NUM_GPUS - 1}]\n")
        for name in (*PROGRAMS, *(DATABASE_PROGRAMS if self.accounting else ())):
            program = self.folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            called = f'SLURM_CONF={self.folder}/slurm.conf exec {which(name)} "$@"'
            program.write_text(f"#!/bin/sh\n{called}\n", encoding="utf-8")
            program.chmod(0o755)
        limits = "ConstrainCores=no\nConstrainRAMSpace=no\n"
        self._write("cgroup.conf", f"CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n{limits}")

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600 if name == "slurmdbd.conf" else 0o644)

    def _daemon(self, name: str, *command: str) -> None:
        """Start a daemon in the foreground of its own session; its words go to a file."""
        with (self.folder / f"{name}.out").open("ab") as words:
            self._daemons[name] = subprocess.Popen(
                command,
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _start_munge(self) -> None:
        key, socket_file = self.folder / "munge.key", self.folder / "munge.socket"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        files = ("key-file=munge.key", "socket=munge.socket", "pid-file=munged.pid")
        files += ("log-file=munged.log", "seed-file=munged.seed")
        places = (f"--{name}={self.folder}/{file}" for name, file in (f.split("=") for f in files))
        self._daemon("munged", "munged", "--foreground", *places)
        self.wait_for(socket_file.exists)

    def _start_database(self) -> None:
        """MariaDB for Slurm's accounting, and slurmdbd before it."""
        data = self.folder / "mariadb"
        owner = "mysql"  # MariaDB refuses to run as root
        data.mkdir()
        shutil.chown(data, owner, owner)
        install = ("mariadb-install-db", f"--user={owner}", f"--datadir={data}", "--skip-test-db")
        subprocess.run(install, env=self.environment, capture_output=True, check=True)
        client = ("mariadb", f"--socket={data}/socket", "-e")
        self._daemon(
            "mariadbd",
            *("mariadbd", "--no-defaults", f"--user={owner}", f"--datadir={data}"),
            *(f"--socket={data}/socket", f"--port={self.database_port}"),
            *("--bind-address=127.0.0.1", f"--pid-file={data}/pid"),
        )
        self.wait_for(lambda: self.run(*client, "select 1") != "")
        user = "'slurm'@'127.0.0.1' identified by 'slurm'"
        self.run(*client, f"create user {user}; grant all on slurm_accounting.* to {user};")
        self._daemon("slurmdbd", "slurmdbd", "-D")
        self.wait_for(lambda: "Cluster" in self.run("sacctmgr", "list", "cluster"))
        self.run("sacctmgr", "-i", "add", "cluster", "test")

    def _step_processes(self, node: str) -> list[int]:
        """The daemons of the job steps that run on a node: those that write to its log."""
        place, found = f"{self.folder}/slurmd-{node}.log", []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                is_step = "slurmstepd" in (process / "cmdline").read_text(errors="replace")
                files = (process / "fd").iterdir() if is_step else ()
                links = [str(link.readlink()) for link in files]
            except OSError:
                continue  # it has just ended
            if place in links:
                found.append(int(process.name))
        return found


def free_ports(number: int) -> list[int]:
    """Ports of the loopback device that no one listens on now."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _kill_tree(pid: int) -> None:
    """Kill a process and all its descendants."""
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    for child in children:
        _kill_tree(int(child))
