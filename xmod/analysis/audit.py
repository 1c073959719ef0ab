"""Whether the paper's printed numbers agree with each other: X-MOD tables 2, 3 and 5 to 8.

Two checks, computed from published_results.csv alone:

- every printed average against the mean of the languages printed beside it;
- every number that two tables print: 2 and 8, 3 and 7, 2 and 5, 2 and 6 are of the same models by
  their captions, pre-trained on 60 languages.

Numbers are printed to a tenth, so all is done in whole tenths, without rounding of our own. The
notes in `published.SLIPS` were written by hand; nothing here reads them, and a test compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from xmod.analysis.published import AVERAGE, Published

Series = tuple[int, str, str, str]
"""What names a row of a table: (table, task, metric, variant)."""
Rows = Mapping[Series, Mapping[str, Published]]
"""Row -> language -> number, the average among them."""


@dataclass(frozen=True, kw_only=True)
class WrongAverage:
    """A printed average that no rounding makes of its row."""

    average: Published
    recomputed: float
    num_languages: int
    remark: str


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A number that two tables print differently."""

    one: Published
    other: Published
    suspect: Published | None
    """The one that the rest of the numbers speaks against, if they do."""
    remark: str
    """Why it is the suspect."""
    changes_the_better: bool
    """Whether the tables disagree on which variant is better in this language."""

    @property
    def trusted(self) -> Published | None:
        """The other one of the suspect."""
        if self.suspect is None:
            return None
        return self.other if self.suspect == self.one else self.one


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """What an average over a suspect number is with the other table's number instead."""

    average: Published
    suspect: Published
    as_printed: float
    """Of the languages beside it."""
    corrected: float


@dataclass(frozen=True, kw_only=True)
class Check:
    """How many numbers were compared, and how many agree."""

    what: str
    num_compared: int
    num_agreeing: int


@dataclass(frozen=True, kw_only=True)
class Audit:
    """All that was found."""

    wrong_averages: tuple[WrongAverage, ...]
    contradictions: tuple[Contradiction, ...]
    consequences: tuple[Consequence, ...]
    checks: tuple[Check, ...]


def audit(numbers: Sequence[Published]) -> Audit:
    """Compare every number with what else the paper prints of it."""
    rows = _rows(numbers)
    contradictions = tuple(_contradictions(rows))
    wrong = tuple(_wrong_averages(rows, contradictions))
    return Audit(
        wrong_averages=wrong,
        contradictions=contradictions,
        consequences=tuple(_consequences(rows, contradictions)),
        checks=(*_average_checks(rows, wrong), *_pair_checks(rows, contradictions)),
    )


def _series(one: Published) -> Series:
    return one.table, one.task, one.metric, one.variant


def _rows(numbers: Iterable[Published]) -> Rows:
    found: dict[Series, dict[str, Published]] = {}
    for one in numbers:
        found.setdefault(_series(one), {})[one.language] = one
    return dict(found)


def _tenths(one: Published) -> int:
    return round(one.value * 10)


def _is_mean(average: Published, languages: Sequence[Published]) -> bool:
    """Whether some numbers that print as these have a mean that prints as `average`.

    Each is within half a tenth of what it prints as, and so is their mean: it can differ from the
    mean of the printed by less than a tenth, not by a tenth.
    """
    return abs(_tenths(average) * len(languages) - sum(map(_tenths, languages))) < len(languages)


def _mean(languages: Iterable[Published]) -> float:
    tenths = [_tenths(one) for one in languages]
    return float(Fraction(sum(tenths), 10 * len(tenths)))


def _languages(row: Mapping[str, Published]) -> list[Published]:
    return [one for language, one in row.items() if language != AVERAGE]


def _corrected(row: Mapping[str, Published], right: Published) -> list[Published]:
    """The row's languages, with `right` for what it prints of that language."""
    return [right if one.language == right.language else one for one in _languages(row)]


def _wrong_averages(rows: Rows, contradictions: Sequence[Contradiction]) -> Iterator[WrongAverage]:
    for row in rows.values():
        languages = _languages(row)
        if AVERAGE in row and not _is_mean(row[AVERAGE], languages):
            yield WrongAverage(
                average=row[AVERAGE],
                recomputed=_mean(languages),
                num_languages=len(languages),
                remark=_of_average(row[AVERAGE], rows, contradictions),
            )


def _of_average(average: Published, rows: Rows, contradictions: Iterable[Contradiction]) -> str:
    """Where a wrong average may come from, as far as the numbers show it."""
    row = rows[_series(average)]
    for pair in contradictions:
        right = pair.trusted
        if right is None or pair.suspect not in row.values():
            continue
        if _is_mean(average, _corrected(row, right)):
            return f"fits {right.value:.1f} for {right.language}, which table {right.table} prints"
    for series, other in rows.items():
        is_other = series[0] != average.table and series[1:] == _series(average)[1:]
        if is_other and AVERAGE in other and _tenths(other[AVERAGE]) == _tenths(average):
            return f"is table {series[0]}'s average, over {len(_languages(other))} languages"
    return ""


def _pairs(rows: Rows) -> Iterator[tuple[Published, Published]]:
    """Every number that two tables print: of languages, and averages over the same ones."""
    for (one, first), (other, second) in combinations(rows.items(), 2):
        if one[1:] != other[1:]:
            continue
        same = {p.language for p in _languages(first)} == {p.language for p in _languages(second)}
        for language in first:
            if language in second and (language != AVERAGE or same):
                yield first[language], second[language]


def _contradictions(rows: Rows) -> Iterator[Contradiction]:
    for one, other in _pairs(rows):
        if _tenths(one) == _tenths(other):
            continue
        suspect, remark = _suspect(one, other, rows) or _suspect(other, one, rows) or (None, "")
        yield Contradiction(
            one=one,
            other=other,
            suspect=suspect,
            remark=remark,
            changes_the_better=_order(one, rows) != _order(other, rows),
        )


def _suspect(wrong: Published, right: Published, rows: Rows) -> tuple[Published, str] | None:
    """`wrong` and what speaks against it, if anything does."""
    for language in rows[_series(right)]:
        if language not in (wrong.language, AVERAGE) and _is_of(language, wrong, right, rows):
            return wrong, f"table {right.table} prints {wrong.value:.1f} for {language}"
    row = rows[_series(wrong)]
    average = row.get(AVERAGE)
    if average is None or _is_mean(average, _languages(row)):
        return None
    fits = _is_mean(average, _corrected(row, right))
    return (wrong, f"the average beside it fits {right.value:.1f}") if fits else None


def _is_of(language: str, wrong: Published, right: Published, rows: Rows) -> bool:
    """Whether the table of `right` prints what that of `wrong` does, under another language.

    Of every variant: of one alone it would often be chance.
    """
    pairs = [
        (row[wrong.language], rows[right.table, *series[1:]].get(language))
        for series, row in rows.items()
        if series[:3] == _series(wrong)[:3] and (right.table, *series[1:]) in rows
    ]
    return all(there is not None and _tenths(here) == _tenths(there) for here, there in pairs)


def _order(one: Published, rows: Rows) -> list[str]:
    """The variants of its table, best first, in its language."""
    scores = {
        series[3]: _tenths(row[one.language])
        for series, row in rows.items()
        if series[:3] == _series(one)[:3] and one.language in row
    }
    return sorted(scores, key=lambda variant: -scores[variant])


def _consequences(rows: Rows, contradictions: Iterable[Contradiction]) -> Iterator[Consequence]:
    """Of every row with a suspect number, the mean with the other table's, if it differs."""
    for pair in contradictions:
        if pair.suspect is None or pair.trusted is None:
            continue
        row = rows[_series(pair.suspect)]
        corrected = _corrected(row, pair.trusted)
        if AVERAGE in row and not _is_mean(row[AVERAGE], corrected):
            yield Consequence(
                average=row[AVERAGE],
                suspect=pair.suspect,
                as_printed=_mean(_languages(row)),
                corrected=_mean(corrected),
            )


def _average_checks(rows: Rows, wrong: Sequence[WrongAverage]) -> Iterator[Check]:
    for table in dict.fromkeys(series[0] for series in rows):
        compared = sum(AVERAGE in row for series, row in rows.items() if series[0] == table)
        off = sum(one.average.table == table for one in wrong)
        yield Check(
            what=f"averages of table {table}", num_compared=compared, num_agreeing=compared - off
        )


def _pair_checks(rows: Rows, contradictions: Sequence[Contradiction]) -> Iterator[Check]:
    pairs = sorted((one.table, other.table) for one, other in _pairs(rows))
    off = [(pair.one.table, pair.other.table) for pair in contradictions]
    for tables in dict.fromkeys(pairs):
        yield Check(
            what=f"numbers in both table {tables[0]} and table {tables[1]}",
            num_compared=pairs.count(tables),
            num_agreeing=pairs.count(tables) - off.count(tables),
        )
