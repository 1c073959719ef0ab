"""Verdicts: a textbook example from the paper's own table, each verdict, and what is missing."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from tests.unit.analysis import synthetic
from tests.unit.analysis.claims import scenes
from tests.unit.analysis.claims.scenes import Asked, Json, judged, only
from xmod.analysis.claims.judge import Finding, Range, combined, expected_range, judge
from xmod.analysis.claims.statistics import Interval

TABLE_3 = {
    "xnli": {
        "xmod": (77.4, 75.4, 76.2, 78.5, 72.4, 64.9, 73.8),
        "shared": (76.3, 74.1, 74.9, 77.3, 71.0, 64.3, 71.4),
    },
    "ner": {
        "xmod": (77.6, 75.1, 75.2, 71.9, 72.6, 54.7, 21.6),
        "shared": (74.9, 66.3, 69.6, 49.1, 64.8, 50.4, 9.2),
    },
}
"""What the paper prints of bg, de, el, es, tr, ur and zh."""
ADDED = ("bg", "de", "el", "es", "tr", "ur", "zh")
ADDED_CLAIM = "xmod_beats_shared_on_added_languages"
TREND = "shared_loses_at_equal_examples"

MAIN: dict[str, Any] = {
    "variant": ("shared", "xmod"),
    "language_set": ("13", "30", "60", "75"),
    "budget": ("equal_examples",),
}


def numbers(finding: Finding) -> tuple[float, float, float]:
    assert finding.headline is not None
    interval = finding.headline.interval
    assert interval.low is not None
    assert interval.high is not None
    return interval.estimate, interval.low, interval.high


def printed(asked: Asked) -> float:
    """Table 3, whatever the seed."""
    if asked.task not in TABLE_3 or asked.language not in ADDED:
        return 50.0
    return TABLE_3[asked.task][asked.axis("variant")][ADDED.index(asked.language)]


def flat(value: float = 50.0, **by_variant: float) -> scenes.Score:
    """The same score everywhere, but for a variant's own."""
    return lambda asked: by_variant.get(asked.axis("variant"), value)


@pytest.mark.parametrize(
    ("task", "mean", "low", "high"),
    [
        # Differences 1.1 1.3 1.3 1.2 1.4 0.6 2.4: s = 0.5407, s / sqrt(7) = 0.2044, t(6) = 2.4469.
        ("xnli", 1.3286, 0.8285, 1.8287),
        # Differences 2.7 8.8 5.6 22.8 7.8 4.3 12.4: s = 6.7890, s / sqrt(7) = 2.5660.
        ("ner", 9.2, 2.9212, 15.4788),
    ],
)
def test_the_papers_table_3_by_hand(task: str, mean: float, low: float, high: float) -> None:
    found = judged(ADDED_CLAIM, task, printed)
    assert found.verdict == "holds"
    assert found.languages == (ADDED,)
    assert numbers(found) == pytest.approx((mean, low, high), rel=0.01)
    assert found.headline is not None
    assert found.headline.num_better == 7


def test_three_languages_decide_little() -> None:
    """Table 7's F1 of MLQA: 4.9, 2.1, 5.2; s / sqrt(3) = 0.9871 and t(2) = 4.3027."""
    xmod, shared = {"de": 63.8, "es": 68.8, "zh": 61.7}, {"de": 58.9, "es": 66.7, "zh": 56.5}

    def score(asked: Asked) -> float:
        return (xmod if asked.is_xmod else shared).get(asked.language, 50.0)

    found = judged(ADDED_CLAIM, "mlqa", score)
    assert found.verdict == "undecided at this scale"
    assert numbers(found) == pytest.approx((4.0667, -0.1805, 8.3138), rel=0.02, abs=0.05)


@pytest.mark.parametrize(
    ("xmod", "verdict"), [(52.0, "holds"), (48.0, "does not hold"), (50.0, "does not hold")]
)
def test_constant_differences_are_decided(xmod: float, verdict: str) -> None:
    found = judged(ADDED_CLAIM, "xnli", flat(xmod=xmod))
    assert found.verdict == verdict
    assert numbers(found) == pytest.approx((xmod - 50.0,) * 3)


def test_models_that_score_alike_do_not_beat_each_other_by_rounding() -> None:
    """Tenths that no binary fraction is equal to."""

    def score(asked: Asked) -> float:
        return 50.1 + 0.7 * ADDED.index(asked.language) if asked.language in ADDED else 50.0

    found = judged(ADDED_CLAIM, "xnli", score, among=scenes.points("main", **MAIN))
    assert (found.verdict, numbers(found)) == ("does not hold", (0.0, 0.0, 0.0))
    trend: dict[str, Any] = {
        "kind": "trend",
        "along": "language_set",
        "against": None,
        "expect": "worse",
    }
    trend |= {"among": {}, "of": {"group": "added", "where": {"variant": "xmod"}}}
    found = judged("adapters_do_not_mitigate", "xnli", score, test=trend)
    assert (found.verdict, numbers(found)) == ("does not hold", (0.0, 0.0, 0.0))


def test_swapping_the_sides_negates_the_estimate() -> None:
    one = numbers(judged(ADDED_CLAIM, "ner", printed))
    sides = {"of": {"where": {"variant": "shared"}}, "against": {"where": {"variant": "xmod"}}}
    found = judged(ADDED_CLAIM, "ner", printed, test=sides)
    assert found.verdict == "does not hold"
    other = numbers(found)
    assert other == pytest.approx((-one[0], -one[2], -one[1]))


def test_the_seed_of_the_method_decides_the_interval() -> None:
    assert judged(ADDED_CLAIM, "ner", printed) == judged(ADDED_CLAIM, "ner", printed)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.5, 0.5, "holds"),
        (-1.0, 0.5, "undecided at this scale"),
        (0.5, 1.5, "undecided at this scale"),
        (-2.0, 2.0, "undecided at this scale"),
        (1.0, 2.0, "does not hold"),
        (-3.0, -2.0, "does not hold"),
    ],
)
def test_equality_by_hand(low: float, high: float, verdict: str) -> None:
    interval = Interval(estimate=(low + high) / 2, low=low, high=high)
    assert Range(low=-1.0, high=1.0).verdict(interval) == verdict


def test_no_interval_is_undecided() -> None:
    nothing = Interval(estimate=5.0, low=None, high=None)
    assert Range(low=0.0).verdict(nothing) == "undecided at this scale"


@pytest.mark.parametrize(
    ("measure", "expect", "low", "high"),
    [
        ("xnli", "better", 0.0, math.inf),
        ("xnli", "worse", -math.inf, 0.0),
        ("xnli", "not_worse", -1.0, math.inf),
        ("xnli", "equal", -1.0, 1.0),
        ("perplexity", "better", -math.inf, 0.0),
        ("perplexity", "worse", 0.0, math.inf),
        ("perplexity", "not_worse", -math.inf, 0.02),
        ("perplexity", "equal", -0.02, 0.02),
    ],
)
def test_better_is_as_the_measure_means_it(
    measure: str, expect: str, low: float, high: float
) -> None:
    declared = only(TREND, measure, expect=expect)
    one = declared.measures[measure]
    margin = declared.unit(one).margin
    assert expected_range(declared.claims[TREND], one, margin=margin) == Range(low=low, high=high)


def test_of_several_places_all_must_hold() -> None:
    assert combined(["holds", "holds"]) == "holds"
    assert combined(["holds", "undecided at this scale"]) == "undecided at this scale"
    assert combined(["undecided at this scale", "does not hold", "holds"]) == "does not hold"


def test_a_trend_is_the_fitted_change() -> None:
    """A score that is linear in the logarithm: the change from 13 to 75 is 2 log(75 / 13)."""

    def score(asked: Asked) -> float:
        return 50.0 - 2 * math.log(asked.num_languages)

    found = judged(TREND, "xnli", score)
    assert numbers(found)[0] == pytest.approx(-2 * math.log(75 / 13))
    assert found.verdict == "holds"
    lift = judged("xmod_mitigates_interference", "xnli", score)
    assert numbers(lift)[0] == pytest.approx(0.0, abs=1e-9)


def test_equality_is_two_one_sided_tests() -> None:
    """An interval of 90%, within the margin of 1 point."""
    found = judged("added_on_par_with_pretrained", "xnli", flat())
    assert found.headline is not None
    assert found.headline.confidence == pytest.approx(0.90)
    assert found.verdict == "holds"

    def score(asked: Asked) -> float:
        return 47.0 if asked.is_added else 50.0

    far = judged("added_on_par_with_pretrained", "xnli", score)
    assert far.verdict == "does not hold"
    assert numbers(far)[0] == pytest.approx(-3.0)


def test_swapped_models_pair_each_language_with_itself() -> None:
    """Those of XNLI that one model pre-trains and the other adds: 12 of table 4."""
    found = judged("added_on_par_with_pretrained", "xnli", flat())
    (isos,) = found.languages
    assert set(isos) == {"en", "de", "fr", "es", "ru", "hi", "ur", "ar", "vi", "th", "el", "tr"}


def test_families_are_two_samples() -> None:
    """Of XNLI's languages vi, th, el and tr are alone in their families (table 4)."""

    def score(asked: Asked) -> float:
        return 50.0 - (
            5.0 if asked.is_added and asked.language in ("vi", "th", "el", "tr") else 0.0
        )

    found = judged("family_makes_no_difference", "xnli", score)
    related, alone = found.languages
    assert set(alone) == {"vi", "th", "el", "tr"}
    assert set(related) == {"en", "de", "fr", "es", "ru", "hi", "ur", "ar"}
    assert numbers(found)[0] == pytest.approx(5.0), "0 for the related, -5 for the others"
    assert found.verdict == "does not hold"
    assert found.headline is not None
    assert found.headline.num_better is None


def test_a_side_of_one_language_decides_nothing() -> None:
    """One language has no spread to tell its mean by."""

    def score(asked: Asked) -> float:
        return 50.0 - (5.0 if asked.is_added and asked.language == "el" else 0.0)

    only_one = {"languages": {"only": ["el"]}, "group": "added", "minus": {"group": "pretrained"}}
    others = {
        "languages": {"only": ["de", "es"]},
        "group": "added",
        "minus": {"group": "pretrained"},
    }
    found = judged(
        "family_makes_no_difference", "xnli", score, test={"of": only_one, "against": others}
    )
    assert [len(isos) for isos in found.languages] == [1, 2]
    assert found.verdict == "undecided at this scale"
    assert found.reasons == ("a side of one language has no spread over languages",)


def test_a_side_less_another() -> None:
    """X-MOD gains 3 from twice the updates, SHARED 1."""

    def score(asked: Asked) -> float:
        gain = {"xmod": 3.0, "shared": 1.0}[asked.axis("variant")]
        return 50.0 + (gain if asked.axis("budget") == "double" else 0.0)

    longer = scenes.points(
        "longer", variant=("shared", "xmod"), language_set=("13",), budget=("equal_steps", "double")
    )
    found = judged("xmod_needs_more_updates", "xnli", score, among=longer)
    assert numbers(found) == pytest.approx((2.0, 2.0, 2.0))
    assert found.verdict == "holds"


def test_one_language_is_compared_over_seeds() -> None:
    """Seeds 50 and 52 against 49 both: 1 and 3, so t has one degree of freedom."""

    def score(asked: Asked) -> float:
        return 48.0 + 2 * asked.seed if asked.is_xmod else 49.0

    found = judged("xmod_leads_in_the_source_language_after_more_updates", "xnli", score)
    assert found.languages == (("en",),)
    assert numbers(found)[:2] == pytest.approx((2.0, 2.0 - 12.706), rel=0.01)
    assert found.verdict == "undecided at this scale"


def test_one_language_and_one_seed_decide_nothing() -> None:
    name = "xmod_leads_in_the_source_language_after_more_updates"
    found = judged(name, "xnli", flat(xmod=60.0), seeds=1)
    assert found.verdict == "undecided at this scale"
    assert found.reasons == ("one language and one seed have no interval",)


def test_every_checkpoint_must_agree() -> None:
    def score(asked: Asked) -> float:
        is_early = asked.axis("checkpoint") < 0.3
        lead = -1.0 if is_early else 2.0
        return 50.0 + (lead if asked.is_xmod else 0.0)

    found = judged("xmod_leads_at_every_checkpoint", "xnli", score)
    assert [one.at for one in found.estimates] == [
        (("checkpoint", text),) for text in ("0.25", "0.5", "1.0")
    ]
    assert [one.verdict for one in found.estimates] == ["does not hold", "holds", "holds"]
    assert found.verdict == "does not hold"
    assert found.headline == found.estimates[0]
    assert found.estimates[0].confidence == pytest.approx(1 - 0.05 / 3)


def test_the_best_cell_is_compared_with_each_other_one() -> None:
    found = judged("xmod_of_60_languages_is_best", "xnli", flat())
    places = [dict(one.at) for one in found.estimates]
    assert len(places) == 7, "2 variants of 4 sets, without the cell itself"
    assert {"variant": "xmod", "language_set": "60"} not in places


def test_cells_that_two_budgets_share_count_once() -> None:
    """The 13 languages' cells are the same under both budgets."""
    found = scenes.points(
        "main",
        variant=("shared", "xmod"),
        language_set=("13", "30"),
        budget=("equal_steps", "equal_examples"),
    )
    for one in found:
        if one["axes"]["language_set"] == "13":
            one["cell"] = f"{one['axes']['variant']}.13"
    name = "xmod_beats_shared_on_added_languages_everywhere"
    assert len(judged(name, "xnli", flat(), among=found).estimates) == 3


def test_spread_is_over_seeds() -> None:
    """Three seeds 1 apart are 2/3 from their mean; 5 apart, 10/3. Two say too little."""

    def score(asked: Asked) -> float:
        return 50.0 + asked.seed * (5.0 if asked.num_languages == 75 else 1.0)

    found = judged("xmod_of_75_languages_is_less_stable", "xnli", score, seeds=3)
    assert found.headline is not None
    assert found.headline.interval.estimate == pytest.approx(8 / 3)
    found = judged("xmod_of_75_languages_is_less_stable", "xnli", score, seeds=2)
    assert found.verdict == "undecided at this scale"
    assert "2 seeds say too little" in found.reasons[-1]
    assert found.why == "too few seeds"


def test_adapters_follow_or_not() -> None:
    def score(asked: Asked) -> float:
        falls = {"shared_nm": 0.05, "adapters": 0.04}.get(asked.axis("variant"), 0.0)
        return 60.0 + len(asked.language) - falls * asked.num_languages

    found = judged("adapters_follow_shared_nm", "xnli", score)
    assert (found.verdict, found.unit) == ("holds", "correlation")
    assert numbers(found) == pytest.approx((1.0, 1.0, 1.0))

    def against(asked: Asked) -> float:
        return score(asked) + (
            0.1 * asked.num_languages if asked.axis("variant") == "adapters" else 0.0
        )

    assert judged("adapters_follow_shared_nm", "xnli", against).verdict == "does not hold"

    def noisy(asked: Asked) -> float:
        return score(asked) + 3 * asked.seed

    found = judged("adapters_follow_shared_nm", "xnli", noisy)
    assert found.verdict == "undecided at this scale", "seeds are drawn for each model apart"
    assert numbers(found)[0] == pytest.approx(1.0)


def test_a_model_that_uses_no_context_leaves_it_undecided() -> None:
    def score(asked: Asked) -> float:
        return 4.0 + asked.num_languages / 100

    assert judged(TREND, "perplexity", score).verdict == "holds"
    found = judged(TREND, "perplexity", score, context=0.05)
    assert found.verdict == "undecided at this scale"
    assert found.estimates, "the numbers are told all the same"
    (reason,) = found.reasons
    assert reason.startswith("not every compared model uses the order of words: shared.13.")
    assert "(+0.05 nats)" in reason
    assert reason.endswith(
        "shuffled_nll less nll with the worst seed, which must be above 0.1 nats"
    )
    assert found.why == "a model does not use the order of words"


def test_one_seed_at_chance_leaves_it_undecided() -> None:
    """The mean of a run that learned nothing and one that did is a score of neither."""

    def score(asked: Asked) -> float:
        return 80.0 if asked.is_xmod or asked.seed == 1 else 33.0

    found = judged("shared_leads_at_13_languages", "xnli", score, chance=100 / 3)
    assert found.verdict == "undecided at this scale"
    assert "is better than chance" in found.reasons[0]


def test_scores_at_chance_are_undecided() -> None:
    """Lest two models that have learned nothing are found on par."""
    found = judged("added_on_par_with_pretrained", "xnli", flat(33.5), chance=100 / 3)
    assert found.verdict == "undecided at this scale"
    assert "is better than chance" in found.reasons[0]
    assert found.why == "a model is at chance"


def test_a_score_a_hair_below_chance_is_not_minus_nothing() -> None:
    found = judged("shared_leads_at_13_languages", "xnli", flat(33.333), chance=100 / 3)
    assert "(+0.00 points)" in found.reasons[0]
    assert "-0.00" not in found.reasons[0]


def test_an_interval_that_straddles_needs_no_further_reason() -> None:
    def score(asked: Asked) -> float:
        return 60.0 + (asked.is_xmod * (4.0 if asked.seed == 1 else -4.0))

    found = judged(ADDED_CLAIM, "xnli", score)
    assert (found.verdict, found.why, found.reasons) == ("undecided at this scale", "", ())


def test_synthetic_sets_are_told() -> None:
    assert judged(ADDED_CLAIM, "xnli", flat(xmod=52.0), made=["xnli"]).is_synthetic
    assert not judged(ADDED_CLAIM, "xnli", flat(xmod=52.0), made=["ner"]).is_synthetic


def findings(
    name: str, measure: str, found: list[Json], frame: pd.DataFrame
) -> tuple[Finding, ...]:
    return judge(only(name, measure), frame, scenes.grid(found), synthetic.languages())


def test_runs_that_are_missing_are_counted() -> None:
    found = scenes.points("main", **MAIN)
    frame = scenes.frame(found, flat())
    cells = frame["cell"].drop_duplicates().tolist()
    part = frame[~((frame["cell"] == cells[1]) & (frame["seed"] == 2))]
    part = part[part["cell"] != cells[2]]
    (one,) = findings(TREND, "xnli", found, part)
    assert (one.verdict, one.headline) == ("not run", None)
    expected = f"5 of 8 runs are there; missing of {cells[1]} and {cells[2]}"
    assert one.reasons == (expected,)
    language = (frame["cell"] == cells[1]) & (frame["seed"] == 2) & (frame["language"] == "vi")
    (one,) = findings(TREND, "xnli", found, frame[~language])
    assert one.reasons == (f"7 of 8 runs are there; missing of {cells[1]}",)
    (one,) = findings("xmod_mitigates_interference", "xnli", found, frame.iloc[:0])
    shown = ", ".join(cells[4:7])
    assert one.reasons == (f"0 of 16 runs are there; missing of {shown} and 5 further cells",)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("added_on_par_with_pretrained", "the configuration has no experiment 'swap'"),
        (
            "xmod_beats_shared_on_added_languages",
            "experiment 'main' has no language_set '60' there; it has 13, 30",
        ),
        ("shared_loses_at_equal_steps", "experiment 'main' has no budget 'equal_steps' there"),
    ],
)
def test_what_is_not_in_the_grid_is_told(name: str, reason: str) -> None:
    found = scenes.points("main", **{**MAIN, "language_set": ("13", "30")})
    (one,) = findings(name, "xnli", found, scenes.frame(found, flat()))
    assert one.verdict == "not run"
    assert one.reasons[0].startswith(reason)


def test_an_axis_that_the_grid_lacks_is_told() -> None:
    found = scenes.points("checkpoints", variant=("shared", "xmod"))
    for one in found:
        del one["axes"]["checkpoint"]
    (finding,) = findings(
        "xmod_leads_at_every_checkpoint", "xnli", found, scenes.frame(found, flat())
    )
    assert finding.verdict == "not run"
    assert finding.reasons[0].startswith("the grid has no axis 'checkpoint'; legal: variant, ")


def test_a_set_that_is_not_evaluated_is_told() -> None:
    found = scenes.points("main", **MAIN)
    grid = scenes.grid(found).model_copy(update={"sets": ()})
    (one,) = judge(only(TREND, "ner"), scenes.frame(found, flat()), grid, synthetic.languages())
    assert one.reasons == ("experiment 'main' is not evaluated on ner",)


def test_a_requirement_that_was_not_measured_is_told() -> None:
    found = scenes.points("main", **MAIN)
    frame = scenes.frame(found, flat())
    (one,) = findings(TREND, "perplexity", found, frame[frame["metric"] != "shuffled_nll"])
    assert one.verdict == "not run"
    assert one.reasons == ("shuffled_nll of shared.13.equal_examples.1.0 was not measured",)


def test_an_axis_that_no_claim_names_makes_a_verdict_each() -> None:
    found = scenes.points("main", **MAIN, **{"pretrain.sampling_alpha": (0.3, 0.7)})

    def score(asked: Asked) -> float:
        alpha: float = asked.axis("pretrain.sampling_alpha")
        return 50.0 + (alpha - 0.5) * asked.num_languages

    results = findings(TREND, "xnli", found, scenes.frame(found, score))
    assert [(one.setting, one.verdict) for one in results] == [
        ((("pretrain.sampling_alpha", "0.3"),), "holds"),
        ((("pretrain.sampling_alpha", "0.7"),), "does not hold"),
    ]


def test_seeds_of_pretraining_are_resampled_too() -> None:
    """One verdict over three seeds; their spread is in the interval."""
    found = scenes.points("main", **MAIN, seed=(1, 2, 3))

    def score(asked: Asked) -> float:
        lead = {1: 1.0, 2: 2.0, 3: 6.0}[asked.axis("seed")]
        return 50.0 + (lead if asked.is_xmod else 0.0)

    (one,) = findings(ADDED_CLAIM, "xnli", found, scenes.frame(found, score))
    assert (one.num_pretraining_seeds, one.num_seeds) == (3, 2)
    # Mean 3, s = 2.6458, t(2) = 4.3027 and s / sqrt(3) = 1.5275.
    assert numbers(one) == pytest.approx((3.0, -3.5724, 9.5724), rel=0.02)


def test_perplexity_takes_its_seed_from_pretraining() -> None:
    found = scenes.points("main", **MAIN, seed=(1, 2))
    frame = scenes.frame(found, lambda asked: 4.0 + asked.num_languages / 100)
    own = {one["cell"]: one["axes"]["seed"] for one in found}
    is_mlm = frame["task"] == "mlm"
    frame.loc[is_mlm, "seed"] = frame.loc[is_mlm, "cell"].map(own)
    (one,) = findings(TREND, "perplexity", found, frame)
    assert (one.verdict, one.num_pretraining_seeds, one.num_seeds) == ("holds", 2, None)


def test_languages_that_only_some_cells_have_are_no_average() -> None:
    """NER has Afrikaans, which of the four sets only two are pre-trained on."""
    sides: dict[str, Any] = {}
    sides["among"] = {"group": "pretrained", "where": {"budget": "equal_examples"}}
    sides["of"] = {"where": {"variant": "xmod", "language_set": ["30", "60"]}}
    sides["against"] = {"where": {"variant": "xmod", "language_set": ["60", "75"]}}
    found = judged("xmod_beats_shared_on_pretrained_languages", "ner", flat(), test=sides)
    assert found.verdict == "not run"
    assert found.reasons[0].endswith("have different languages")
