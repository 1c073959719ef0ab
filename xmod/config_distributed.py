"""The configuration of pre-training in several processes; no result depends on it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from xmod.config_section import Section


class DistributedConfig(Section):
    """How many processes pre-train a cell together; no result depends on it but by rounding, and
    by the places where dropout drops (docs/distributed.md)."""

    processes: int = Field(default=1, ge=1)
    """In all, one a GPU: 64 for 64 GPUs. With 1 there are no others, and nothing is sent."""
    processes_per_node: int = Field(default=8, ge=1)
    """On one machine, at most: as many as it has GPUs. More processes take several machines, which
    Slurm gives them. Our choice: what a machine most often has."""
    module_sharding: Literal["none", "languages"] = "none"
    """`languages`: each process has the modules of some languages only, and is given their text
    (section 3); `none`: each has all of them."""
    module_shards: int | None = Field(default=None, ge=1)
    """With module_sharding: so many processes have all modules between them; it divides the
    processes. Null for those of one machine, so that each machine has every module once."""

    @model_validator(mode="after")
    def _processes_fill_the_machines(self) -> Self:
        if self.processes > self.processes_per_node and self.processes % self.processes_per_node:
            raise ValueError(
                f"processes ({self.processes}) must be a multiple of processes_per_node "
                f"({self.processes_per_node}), or at most as many"
            )
        if self.module_shards is not None and self.module_sharding == "none":
            raise ValueError("module_shards goes with module_sharding: languages")
        if self.processes % self.num_shards:
            raise ValueError(
                f"module_shards ({self.num_shards}) must divide processes ({self.processes})"
            )
        return self

    @property
    def local_processes(self) -> int:
        """On each machine."""
        return min(self.processes, self.processes_per_node)

    @property
    def num_nodes(self) -> int:
        return self.processes // self.local_processes

    @property
    def num_shards(self) -> int:
        """1 where every process has every module."""
        if self.module_sharding == "none":
            return 1
        return self.module_shards or self.local_processes
