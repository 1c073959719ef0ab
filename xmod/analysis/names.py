"""Order and display names of what figures and tables show, in one place. No plotting here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xmod.languages import LanguageTable

ORDER = {
    "variant": ("xmod", "shared", "shared_nm", "adapters"),
    "budget": ("equal_steps", "equal_examples", "double"),
    "group": ("source", "pretrained", "added"),
}

NAMES = {
    "variant": {
        "xmod": "X-MOD",
        "shared": "SHARED",
        "shared_nm": "shared, no module",
        "adapters": "adapters",
    },
    "budget": {
        "equal_steps": "Equal update steps",
        "equal_examples": "Equal examples per language",
        "double": "Twice the update steps",
    },
    "group": {
        "source": "Source language",
        "pretrained": "Pre-trained languages",
        "added": "Added languages",
    },
    "task": {
        "xnli": "XNLI",
        "ner": "NER",
        "xquad": "XQuAD",
        "mlqa": "MLQA",
    },
    "metric": {
        "perplexity": "perplexity",
        "nll": "right context, right module",
        "shuffled_nll": "context shuffled",
        "wrong_module_nll": "wrong module",
        "unigram_nll": "unigram",
        "accuracy": "accuracy",
        "f1": "F1",
        "exact_match": "EM",
    },
}


def ordered(column: str, values: Iterable[str], wanted: Sequence[str] = ()) -> list[str]:
    """`values` in display order: as wanted, else as known here, else by number or name."""
    known = tuple(wanted) or ORDER.get(column, ())

    def rank(value: str) -> tuple[int, float, str]:
        return (known.index(value) if value in known else len(known), *_natural(value))

    return sorted(dict.fromkeys(values), key=rank)


def display(column: str, value: str, table: LanguageTable) -> str:
    """How a value is shown to a reader."""
    if column == "language" and value in table:
        return table[value].name
    if column in NAMES:
        return NAMES[column].get(value, value)
    return f"{axis_name(column)} {value}"


def axis_name(column: str) -> str:
    """The readable end of a config key: pretrain.sampling_alpha -> sampling alpha."""
    return column.rpartition(".")[2].replace("_", " ")


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def seeds_of(least: int, most: int, due: int, stages: str = "") -> str:
    """`5 seeds of fine-tuning`, `3 of 5 seeds`, `3 to 5 of 5 seeds`."""
    whose = f" of {stages}" if stages else ""
    if least == most == due:
        return f"{due} seed{'s' if due > 1 else ''}{whose}"
    return f"{least if least == most else f'{least} to {most}'} of {due} seeds{whose}"


def is_numeric(values: Iterable[str]) -> bool:
    """Whether all values are numbers, so that a position on an axis means something."""
    return all(is_number(value) for value in values)


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        number = float(text)
    except ValueError:
        return False
    return number == number and abs(number) != float("inf")


def _natural(value: str) -> tuple[float, str]:
    return (float(value), value) if is_number(value) else (float("inf"), value)
