"""How a rule starts pre-training: one process, or several on one machine or on several; pure."""

from __future__ import annotations

from dataclasses import dataclass

from xmod.config_distributed import DistributedConfig

SIGNALS = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"
"""What torchrun passes on: its own, and the warning ahead of a time limit."""
SAVING_SECONDS = 3600
"""How long torchrun waits for processes that were asked to stop; it kills them after 30 otherwise,
in the middle of a long update or of writing its checkpoint."""


@dataclass(frozen=True)
class Launch:
    """What the rule of pre-training asks."""

    config: DistributedConfig

    def command(self, threads: int) -> str:
        """What starts `xmod.pretrain` where the rule has `threads`; its arguments are appended.

        A resource of the rule and no parameter: another number of processes runs nothing again.
        """
        if self.config.processes == 1:
            return "python -m xmod.pretrain"
        shards = f"--module-shards {self.config.num_shards}"
        if self.config.num_nodes == 1:
            return (
                # Which torchrun would set, and say so at length.
                "env OMP_NUM_THREADS=1 python -m torch.distributed.run --standalone"
                f" --nproc-per-node {self.config.processes} --signals-to-handle {SIGNALS}"
                f" --shutdown-timeout {SAVING_SECONDS}"
                f" -m xmod.pretrain --distributed torchrun {shards}"
            )
        return (
            f"srun --nodes {self.config.num_nodes} --ntasks {self.config.processes}"
            f" --ntasks-per-node {self.config.local_processes} --cpus-per-task={threads}"
            # Who goes first ends nobody: rank 0 may be writing still. The ranks watch each other.
            " --kill-on-bad-exit=0 --wait=0"
            f" python -m xmod.pretrain --distributed srun {shards}"
        )

    @property
    def cores(self) -> int:
        """The rule's threads: of all processes under torchrun, of each one under srun."""
        return self.config.processes if self.config.num_nodes == 1 else 1

    def threads_each(self, threads: int) -> int:
        """The threads of each process, where the rule was given `threads`."""
        return max(1, threads // self.cores)

    @property
    def resources(self) -> dict[str, int | str]:
        """Where several processes are to be, in the words of Snakemake's Slurm executor."""
        if self.config.processes == 1:
            return {}
        if self.config.num_nodes == 1:
            return {"nodes": 1}  # else Slurm may take the GPUs of several
        each = self.config.local_processes
        return {
            "mpi": "srun",  # the executor then leaves it to the rule to start the tasks
            "nodes": self.config.num_nodes,
            # of each machine, as `tasks` leaves it to Slurm; but the executor has no 1 there
            **({"tasks_per_node": each} if each > 1 else {"tasks": self.config.processes}),
            "tasks_per_gpu": 0,  # else it asks for all tasks on every GPU
        }
