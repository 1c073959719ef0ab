"""What is assumed of devices, data stages, text and sets of tasks: `config/costs.yaml`, checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from xmod.config_errors import ConfigError, explain, suggest
from xmod.config_section import Section
from xmod.config_tasks import FormatName
from xmod.strict_yaml import read_yaml


class Device(Section):
    """What one device does; either measured, or a share of what its maker documents."""

    tflops: float | None = Field(default=None, gt=0.0)
    """Measured: 10^12 operations a second, by the formulas of xmod.planning.flops."""
    peak_tflops: float | None = Field(default=None, gt=0.0)
    share: float | None = Field(default=None, gt=0.0, le=1.0)
    """Of the peak, in training."""
    memory_gb: float | None = Field(default=None, gt=0.0)
    matches: tuple[str, ...]
    """Words of the device's name in a manifest, by which its finished jobs are known."""
    source: str

    @property
    def flops_per_second(self) -> float:
        if self.tflops is not None:
            return self.tflops * 1e12
        assert self.peak_tflops is not None
        assert self.share is not None
        return self.peak_tflops * self.share * 1e12

    @property
    def told(self) -> str:
        """What the hours rest on."""
        if self.tflops is not None:
            return f"{self.tflops:g} TFLOP/s, {self.source}"
        return f"{self.peak_tflops:g} TFLOP/s × {self.share:.0%}, {self.source}"

    def is_called(self, name: str) -> bool:
        """Whether a manifest's name of a device means this one."""
        return any(word.lower() in name.lower() for word in self.matches)

    @model_validator(mode="after")
    def _measured_or_documented(self) -> Self:
        documented = self.peak_tflops is not None and self.share is not None
        if (self.tflops is None) != documented:
            raise ValueError("a device has either tflops, or peak_tflops and share")
        return self


class StageCost(Section):
    """What a stage that needs no GPU does a second, on one core."""

    megabytes_per_second: float | None = Field(default=None, gt=0.0)
    """Of text; for the stages of text."""
    examples_per_second: float | None = Field(default=None, gt=0.0)
    """For the stages of tasks."""
    source: str

    @property
    def amount_per_second(self) -> float:
        """In the stage's own unit."""
        found = self.megabytes_per_second or self.examples_per_second
        assert found is not None
        return found

    @model_validator(mode="after")
    def _has_one_unit(self) -> Self:
        if (self.megabytes_per_second is None) == (self.examples_per_second is None):
            raise ValueError("a stage has either megabytes_per_second or examples_per_second")
        return self


class TextCosts(Section):
    """How much text and how many tokens a unit of `corpora.sizes` is."""

    bytes_per_compressed_byte: float = Field(gt=0.0)
    tokens_per_compressed_byte: float = Field(gt=0.0)
    bytes_per_character: float = Field(gt=0.0)
    tokens_per_character: float = Field(gt=0.0)


class SetCosts(Section):
    """Sequences a language that a format's files have, by what they are taken for."""

    train: int = Field(ge=0)
    development: int = Field(ge=0)
    tests: int = Field(ge=0)
    tokens: float = Field(gt=0.0)
    """Of a sequence, on average."""
    source: str


class Costs(Section):
    """A whole file of assumptions."""

    devices: dict[str, Device]
    stages: dict[str, StageCost]
    other_seconds: float = Field(ge=0.0)
    """Of a job that computes little."""
    start_seconds: float = Field(ge=0.0)
    """Of any other job, besides what it computes."""
    text: TextCosts
    vocabulary_size: int = Field(ge=100)
    sets: dict[FormatName, SetCosts]

    def device(self, name: str) -> Device:
        """Raises ConfigError for one that the table does not have."""
        if name not in self.devices:
            raise ConfigError(
                f"--device: {name!r} is not in the table of devices; "
                f"{suggest(name, list(self.devices))} Or name a table of your own: --costs"
            )
        return self.devices[name]

    def device_called(self, names: Sequence[str]) -> str | None:
        """The device of the table that manifests call by one of `names`; None for none."""
        for key, device in self.devices.items():
            if any(device.is_called(name) for name in names):
                return key
        return None


def read_costs(path: Path) -> Costs:
    """Raises ConfigError with every mistake found; OSError where there is no such file."""
    try:
        return Costs.model_validate(read_yaml(path))
    except ValidationError as error:
        raise ConfigError(explain(error, Costs, str(path))) from error
