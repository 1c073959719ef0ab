"""The configuration of training: optimizer, pre-training, and adding languages."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from xmod.config_section import Precision, Section


class OptimizerConfig(Section):
    """Optimizer, schedule and precision of any training."""

    warmup_fraction: float = Field(default=0.05, ge=0.0, le=1.0)
    """Share of the updates that warm up: about RoBERTa's 24k of 500k."""
    adam_beta1: float = Field(default=0.9, ge=0.0, lt=1.0)
    """RoBERTa's, as all of Adam's."""
    adam_beta2: float = Field(default=0.98, ge=0.0, lt=1.0)
    """RoBERTa's."""
    adam_epsilon: float = Field(default=1e-6, gt=0.0)
    """RoBERTa's."""
    weight_decay: float = Field(default=0.01, ge=0.0)
    """RoBERTa's; of all weights (docs/decisions/0007)."""
    clip_norm: float = Field(default=1.0, ge=0.0)
    """Largest norm of the gradient; 0 for no clipping. Our choice."""
    precision: Precision = "auto"
    """`auto`: bfloat16 where the device computes in it faster, which depends on the width."""


class TrainingConfig(OptimizerConfig):
    """Masked language modelling: batch and masks, and how they are trained on."""

    sequence_length: int = Field(default=512, ge=8)
    """Tokens a sequence, `<s>` among them: RoBERTa's."""
    batch_sequences: int = Field(default=2048, ge=1)
    """Sequences an update (section 4.2)."""
    sequences_per_draw: int = Field(default=32, ge=1)
    """Sequences of one language that are drawn together: our choice, a GPU's micro-batch."""
    peak_learning_rate: float = Field(default=7e-4, gt=0.0)
    """Section 4.2."""
    mask_probability: float = Field(default=0.15, gt=0.0, lt=1.0)
    """Share of the tokens to be predicted: BERT's."""

    @model_validator(mode="after")
    def _draws_fill_the_batch(self) -> Self:
        if self.batch_sequences % self.sequences_per_draw:
            raise ValueError(
                f"batch_sequences ({self.batch_sequences}) must be a multiple of "
                f"sequences_per_draw ({self.sequences_per_draw})"
            )
        return self


class PretrainConfig(TrainingConfig):
    """Pre-training (sections 3 and 4.2)."""

    sampling_alpha: float = Field(default=0.7, ge=0.0, le=1.0)
    """Languages are drawn in proportion to n_l ** alpha."""
    from_: Literal["scratch", "released"] = "scratch"
    """`released`: cells are not trained but made of checkpoints that somebody released
    (docs/interop.md)."""
    released: str = "data/xmod/{cell}"
    """With `from: released`: where they are, `{cell}` being a cell's first four parts, such as
    xmod.base.60.265k; a folder, or an archive with `.tar.gz` after it."""
    recipe_version: int = 2
    """Bump by hand when the code changes what pre-training computes: cells are then stale."""


class AdaptersConfig(TrainingConfig):
    """Modules that are trained after pre-training, a language at a time (section 6.2, MAD-X)."""

    language_set: str | None = None
    """Train those of this set's languages only; null for all of a cell's."""
    peak_learning_rate: float = Field(default=1e-4, gt=0.0)
    """Footnote 17."""
    recipe_version: int = 1
    """Bump by hand when the code changes what training adapters computes."""


class AddedVocabularyConfig(Section):
    """The vocabulary that each added language gets (section 4.2, footnote 11)."""

    size: int = Field(default=30_000, ge=100)
    """SentencePiece ids; with XLM-R's special ids a vocabulary has two more."""
    character_coverage: float = Field(default=0.9995, ge=0.98, le=1.0)
    """SentencePiece's default."""
    recipe_version: int = 1
    """Bump by hand when the code changes vocabularies or how text becomes tokens."""


class ExtendConfig(TrainingConfig):
    """Adding languages after pre-training (section 3)."""

    vocabulary: AddedVocabularyConfig = AddedVocabularyConfig()
    """Each added language has its own."""
    peak_learning_rate: float = Field(default=1e-4, gt=0.0)
    """Section 4.2."""
    budget_updates: int | None = Field(default=None, ge=1)
    """Null: as many examples as the language would have had in pre-training (footnote 16)."""
    recipe_version: int = 2
    """Bump by hand when the code changes what extension computes."""
