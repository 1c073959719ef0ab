"""A Slurm of one's own on this machine, in a folder: real daemons, made-up GPUs, loopback only.

Two nodes that are both this machine, so that one can be lost. Nothing of the system's own Slurm,
munge or database is touched: every daemon has its own configuration, key, socket and port.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.slurm.configuration import NODES, write_configuration
from xmod.processes import running

PROGRAMS = (
    *("munged", "slurmctld", "slurmd", "sbatch", "scancel", "srun", "squeue", "sinfo"),
    *("scontrol", "sacct"),
)
DATABASE_PROGRAMS = ("slurmdbd", "sacctmgr", "mariadbd", "mariadb-install-db", "mariadb")
SEARCH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


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
        self.database_port = write_configuration(self.folder, accounting=self.accounting)
        self._write_programs()
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

    def _write_programs(self) -> None:
        for name in (*PROGRAMS, *(DATABASE_PROGRAMS if self.accounting else ())):
            program = self.folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            called = f'SLURM_CONF={self.folder}/slurm.conf exec {which(name)} "$@"'
            program.write_text(f"#!/bin/sh\n{called}\n", encoding="utf-8")
            program.chmod(0o755)

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
        owner = "nobody"  # MariaDB refuses to run as root
        data.mkdir()
        shutil.chown(data, owner)
        place = ("--no-defaults", f"--user={owner}", f"--datadir={data}")
        self.run("mariadb-install-db", *place, "--skip-test-db")
        client = ("mariadb", "--no-defaults", f"--socket={data}/socket", "-e")
        self._daemon(
            "mariadbd",
            *("mariadbd", *place, f"--socket={data}/socket", f"--port={self.database_port}"),
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


def _kill_tree(pid: int) -> None:
    """Kill a process and all its descendants."""
    children = [child for child, one in running().items() if one.parent == pid]
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    for child in children:
        _kill_tree(child)
