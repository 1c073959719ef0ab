"""The typed configuration: every key, its default and where the default comes from.

A configuration file is parsed once, into frozen models. An unknown key, a wrong type or an
impossible value is a `ConfigError` that names the key, the value and the legal choices.
Defaults are the paper's (X-MOD section 4.2) where it states them, RoBERTa's (Liu et al. 2019)
where it is silent, and "our choice" where both are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from xmod.config_data import DEFAULT, put_data
from xmod.config_distributed import DistributedConfig
from xmod.config_errors import ConfigError, explain, shown, suggest
from xmod.config_section import AxisValue, Engine, ModuleKind, Name, Section, Trainable
from xmod.config_sources import CorporaConfig, SourcesConfig
from xmod.config_tasks import TaskConfig
from xmod.config_training import AdaptersConfig, ExtendConfig, PretrainConfig, TrainingConfig


class VocabularyConfig(Section):
    """The SentencePiece vocabulary that all cells share (X-MOD section 4.2: XLM-R's)."""

    model: str | None = None
    """A given SentencePiece model; null to train one on the corpora."""
    language_set: str | None = None
    """Train it on the languages of this set; null for every language that has text. Never on
    those that the cells take: a further set would change the vocabulary of all others."""
    size: int = Field(default=8000, ge=100)
    """SentencePiece ids; with XLM-R's special ids a vocabulary has two more."""
    characters_per_language: int = Field(default=100_000, ge=1000)
    """Training text of the vocabulary: so many characters of each language."""
    character_coverage: float = Field(default=0.9995, ge=0.98, le=1.0)
    """Share of the text's characters that have a piece: SentencePiece's default."""
    recipe_version: int = 1
    """Bump by hand when the code changes vocabularies or how text becomes tokens."""


class ModelConfig(Section):
    """The encoder's shape: RoBERTa with bottleneck modules (X-MOD sections 3 and 4.2)."""

    size: str
    """The shape's name, the second part of a cell's id."""
    num_layers: int = Field(ge=1)
    """The paper's: 12."""
    width: int = Field(ge=8)
    """Of the hidden states; the paper's: 768."""
    num_heads: int = Field(ge=1)
    """Of attention; the paper's base model: 12."""
    feed_forward: int = Field(ge=1)
    """Width of the feed-forward layer; the paper's base model: 3072."""
    bottleneck: int = Field(ge=1)
    """Width of a module; the paper's: 384."""
    layer_norm: Literal["post", "pre"] = "post"
    """After each part of a layer, as in the paper; `pre`: before it, as in the released large
    model, whose modules have a LayerNorm of their own."""
    max_positions: int = Field(default=512, ge=4)
    """Longest sequence: RoBERTa's."""
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """RoBERTa's."""
    attention_dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Of attention probabilities: RoBERTa's."""
    initializer_range: float = Field(default=0.02, gt=0.0)
    """Standard deviation of drawn weights: RoBERTa's."""
    module_initializer_range: float | None = Field(default=None, gt=0.0)
    """That of the modules; null for the same. Small makes them begin as the identity."""
    attention_init: Literal["random", "neighbours"] = "random"
    """`neighbours`: heads start by attending beside each token. For laptop sizes, not the paper's:
    a tiny model finds word order too late to show anything else (docs/decisions/0005)."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.num_heads:
            raise ValueError(
                f"model.width ({self.width}) must be a multiple of "
                f"model.num_heads ({self.num_heads})"
            )
        return self

    def reduction(self) -> int:
        """The whole number by which fairseq and transformers divide the width to have a module's.

        Raises ValueError where there is none.
        """
        factor = self.width // self.bottleneck
        if factor == 0 or self.width // factor != self.bottleneck:
            raise ValueError(
                f"model.bottleneck ({self.bottleneck}) is not model.width ({self.width}) divided "
                "by a whole number, which is all that fairseq and transformers can say"
            )
        return factor


class PerplexityConfig(Section):
    """Perplexity on held-out text with masks fixed per language."""

    language_set: str | None = None
    """Measure the pre-trained languages of this set only; null for all of a cell's."""
    max_sequences: int = Field(default=256, ge=1)
    """Held-out sequences a language, at most."""
    mask_rounds: int = Field(default=2, ge=1)
    """Each sequence is masked so many times, at different positions."""
    seed: int = 0
    """Of the masks: another seed, other masks."""


class VariantConfig(Section):
    """What a model variant shares, and what it trains when a language is added (section 4.1)."""

    modules: ModuleKind
    """One module a language, one for all, or none."""
    extension_trains: tuple[Trainable, ...]
    """What is new and trained when a language is added; all else is frozen."""
    base: str | None = None
    """The variant, one without modules, whose model is trained first: this one's modules are then
    trained on top of it, each on its language, with all else frozen (section 6.2)."""
    base_share: float = Field(default=0.8, gt=0.0, lt=1.0)
    """With a base: its share of the budget's updates; each module has the rest."""

    @model_validator(mode="after")
    def _only_language_modules_are_added(self) -> Self:
        if ("modules" in self.extension_trains) != (self.modules == "language"):
            raise ValueError(
                "extension_trains holds modules exactly where modules is language: the modules "
                "of an added language are new, and must be trained"
            )
        if self.base is not None and self.modules != "language":
            raise ValueError("base goes with modules: language, which are trained on top of it")
        return self


VARIANTS = {
    "xmod": {"modules": "language", "extension_trains": ["embeddings", "positions", "modules"]},
    "shared": {"modules": "shared", "extension_trains": ["embeddings", "positions"]},
    "shared_nm": {"modules": "none", "extension_trains": ["embeddings", "positions"]},
    "adapters": {
        "modules": "language",
        "extension_trains": ["embeddings", "positions", "modules"],
        "base": "shared_nm",
    },
}
"""The paper's variants; a config file adds its own under `variants`."""


class BudgetConfig(Section):
    """How a cell's number of updates follows from its language set (section 4.1)."""

    rule: Literal["equal_steps", "equal_examples"]
    """The same updates for every set, or the same examples of the reference set's languages."""
    base_updates: int = Field(ge=1)
    """Updates on the reference set; with `equal_steps`, on every set."""
    reference_set: str = "13"
    """`equal_examples`: its languages are seen as often as in `base_updates` on this set."""
    pinned: dict[str, int] = {}
    """Updates by language set, as printed in the paper, in place of the derived ones."""


class LanguageSetConfig(Section):
    """A language set of one's own: another set, plus and minus languages."""

    extends: str | None = None
    """The set to start from; null for none."""
    include: tuple[str, ...] = ()
    """Languages that it has as well."""
    exclude: tuple[str, ...] = ()
    """Languages that it has not."""


class ExperimentConfig(Section):
    """A named list of cells, and what is measured on them."""

    axes: dict[str, tuple[AxisValue, ...]] = {}
    """Config key -> its values; the cells are their product."""
    cells: tuple[dict[str, AxisValue], ...] = ()
    """Further cells, each a mapping of config key to value."""
    add_languages: tuple[str, ...] | Literal["table"] = "table"
    """Languages added afterwards; `table`: those that languages.tsv adds to the set."""
    evaluate: tuple[str, ...] | Literal["all"] = "all"
    """The names under `tasks` that its cells are fine-tuned on."""


class JobsConfig(Section):
    """How work is cut into jobs: no result depends on it.

    Another cut makes the data anew all the same, and what was trained on them.
    """

    languages_per_job: int = Field(default=1, ge=1)
    """Languages that one job adds and, of the embedded text, collects or tokenises; of CC-100 and
    of one's own files these jobs have one language."""
    workers: int = Field(default=1, ge=1)
    """Processes of a job that cleans or tokenises a long text: speed and memory only, so a change
    of it makes nothing anew."""
    runs_per_job: int = Field(default=1, ge=1)
    """Fine-tuning runs of one cell and task that one job does."""
    evaluations_per_job: int | None = Field(default=None, ge=1)
    """Fine-tuned models of one cell and task that one job evaluates; null for `runs_per_job`."""


class Config(Section):
    """A whole configuration file."""

    name: Name
    """Results are in `results/<name>`."""
    results: str = "results"
    """The folder of all runs."""
    packages: str = ".cache/packages"
    """Where downloaded packages are kept."""
    languages: str = "config/languages.tsv"
    """The table of languages and built-in sets."""
    seed: int = 1
    """Of weights, draws, masks and dropout."""
    data: str = DEFAULT
    """The folder of all data: `{data}` stands for it in the paths of corpora, vocabulary, pretrain
    and tasks, and published data (`sources`) have a folder each below it. With another path, jobs
    that read it run again; a link in the old place spares that (docs/sources.md)."""
    variant: str = "xmod"
    """A name under `variants`, where no axis gives one."""
    language_set: str = "13"
    """A built-in set or a name under `language_sets`, where no axis gives one."""
    budget: str | int = "equal_steps"
    """A name under `budgets` or a number of updates, where no axis gives one. With 0, what follows
    starts from random weights: a control."""
    engine: Engine = "torch"
    """What pre-trains and fine-tunes cells: this project's own loop, or fairseq's trainer, which
    trained the paper's models and has an environment of its own (docs/fairseq.md)."""
    checkpoint: float = Field(default=1.0, gt=0.0, le=1.0)
    """The share of the budget's updates after which a cell is taken: 1 for the end; less for an
    intermediate checkpoint of the same training (appendix B), where no axis gives one."""
    sources: SourcesConfig = SourcesConfig()
    corpora: CorporaConfig = CorporaConfig.model_validate({})
    vocabulary: VocabularyConfig = VocabularyConfig()
    model: ModelConfig
    pretrain: PretrainConfig = PretrainConfig()
    adapters: AdaptersConfig = AdaptersConfig()
    extend: ExtendConfig = ExtendConfig()
    perplexity: PerplexityConfig = PerplexityConfig()
    tasks: dict[Name, TaskConfig] = {}
    """What cells are fine-tuned on, and evaluated in."""
    jobs: JobsConfig = JobsConfig()
    distributed: DistributedConfig = DistributedConfig()
    sizes: dict[Name, dict[str, AxisValue]]
    """Name -> keys of `model`."""
    variants: dict[Name, VariantConfig]
    """Further variants, beside the paper's."""
    language_sets: dict[Name, LanguageSetConfig] = {}
    """Further sets, beside the built-in ones."""
    budgets: dict[Name, BudgetConfig]
    """The budgets that cells may have."""
    experiments: dict[Name, ExperimentConfig]
    """What is run."""
    catalogue: str = "config/figures.yaml"
    """Where figures and tables are declared."""
    claims: str | None = "config/claims.yaml"
    """Where the claims are declared that the results are held against; null for none."""
    figures: tuple[str, ...] = ()
    """Those to draw."""
    tables: tuple[str, ...] = ()
    """Those to make."""

    @model_validator(mode="after")
    def _corpus_is_fetched(self) -> Self:
        if self.corpora.source == "cc100" and self.sources.fetch is None:
            raise ValueError(
                "corpora.source: cc100 needs sources.fetch: download, or offline with its files in "
                f"{self.data}/cc100"
            )
        if self.corpora.source == "cc100" and self.corpora.folder is not None:
            raise ValueError(
                "corpora.folder: not with corpora.source: cc100, which lies in "
                f"{self.data}/cc100 (data)"
            )
        return self

    @model_validator(mode="after")
    def _sequences_fit_positions(self) -> Self:
        sections: dict[str, TrainingConfig] = {"pretrain": self.pretrain}
        if any(experiment.add_languages for experiment in self.experiments.values()):
            sections["extend"] = self.extend
        if self.variant in self.variants and self.variants[self.variant].base is not None:
            sections["adapters"] = self.adapters
        for section, training in sections.items():
            if training.sequence_length > self.model.max_positions:
                raise ValueError(
                    f"{section}.sequence_length ({training.sequence_length}) exceeds "
                    f"model.max_positions ({self.model.max_positions})"
                )
        return self

    @model_validator(mode="after")
    def _fairseq_can_train(self) -> Self:
        if self.engine != "fairseq":
            return self
        self.model.reduction()
        if self.distributed.processes > 1:
            raise ValueError(
                f"engine: fairseq trains in one process; distributed.processes is "
                f"{self.distributed.processes}, legal: 1. Give cells of engine: torch that take "
                "more a configuration of their own"
            )
        return self


def parse(raw: Mapping[str, Any], *, origin: str) -> Config:
    """Check a raw mapping, as read from YAML, into a Config.

    The model's shape is looked up in `sizes` by `model.size`; keys given under `model` win.
    Raises ConfigError with every mistake found, one a line; `origin` is named in it.
    """
    filled = fill(raw, origin=origin)
    try:
        return Config.model_validate(filled)
    except ValidationError as error:
        told = explain(error, Config, origin, written_as=_keys_of_the_size(raw))
        raise ConfigError(told) from error


def fill(raw: Mapping[str, Any], *, origin: str) -> dict[str, Any]:
    """`raw` with its model's shape, the paper's variants and the place of its data filled in.

    What is no section is left for the check of types to refuse.
    """
    filled = put_data(raw)
    variants = raw.get("variants") or {}
    if isinstance(variants, Mapping):
        filled["variants"] = {**VARIANTS, **variants}
    model, sizes = raw.get("model"), raw.get("sizes")
    if not isinstance(model, Mapping) or not isinstance(sizes, Mapping):
        return filled
    size = model.get("size")
    if size not in sizes:
        choices = suggest(size, list(map(str, sizes)))
        raise ConfigError(f"{origin}: model.size: {shown(size)} is not one of sizes; {choices}")
    if not isinstance(sizes[size], Mapping):
        given = shown(sizes[size])
        raise ConfigError(f"{origin}: sizes.{size}: {given} is not possible; legal: keys of model")
    filled["model"] = {**sizes[size], **model}
    return filled


def _keys_of_the_size(raw: Mapping[str, Any]) -> dict[str, str]:
    """Keys of `model` as they are checked -> as the file has them, under `sizes`."""
    model = raw.get("model")
    if not isinstance(model, Mapping) or not isinstance(raw.get("sizes"), Mapping):
        return {}
    size = model.get("size")
    return {f"model.{key}": f"sizes.{size}.{key}" for key in raw["sizes"][size] if key not in model}
