"""Calibration and bias draw whole instructions: each interval against a plain loop over resamples.

Six instructions of three instances, three models, two judges of two runs that disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from janus_recipes.files import digest_of, write_jsonl
from janus_recipes.judging.bias import build_bias
from janus_recipes.judging.calibrate import Line, build_calibration
from janus_recipes.judging.length import rank_correlations
from janus_recipes.judging.registry import OWN_JUDGE
from janus_recipes.judging.same_answers import SameAnswers, read_same_answers
from janus_recipes.recipe.judges import Calibration, Judge
from janus_recipes.recipe.provider import Sampling
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, Status, row_of
from janus_recipes.reporting.statistics import (
    Estimate,
    Interval,
    mean_with_interval,
    percentile_interval,
    resampled_counts,
)
from janus_recipes.seeding import derive_seed
from tests.judges import write_verdicts
from tests.tables import BENCH, recipe

MODELS = ("mistral-7b-v0.2", "janus-star-7b", "janus-7b")
ITEMS = [replace(BENCH[0], id=f"i-{k}/{n}", instruction_id=f"i-{k}") for k in range(6) for n in range(3)]
OF = {one.id: one.instruction_id for one in ITEMS}
INSTANCES = [[i for i, one in enumerate(ITEMS) if one.instruction_id == f"i-{k}"] for k in range(6)]
RNG = np.random.default_rng(11)
LEVELS = RNG.integers(2, 5, size=(3, 6)).repeat(3, axis=1)[:, :, None, None]
OWN, MILD = (np.clip(LEVELS + RNG.integers(-1, 3, size=(3, 18, 4, 2)), 1, 5) for _ in range(2))
"""Verdicts, [models, instances, rubrics, runs]."""
WORDS = RNG.integers(20, 300, size=(3, 18))


@pytest.fixture(scope="module")
def spec() -> Recipe:
    made = recipe(models=MODELS)
    bench = made.benchmarks["multifaceted"]
    asked = {"s1": bench.sources["s1"].model_copy(update={"quota": len(ITEMS)})}
    second = Judge(provider="judge", sampling=Sampling(max_tokens=64), runs=2)
    wanted = Calibration(
        title="Two",
        judges=[OWN_JUDGE, "mild"],
        benchmark="multifaceted",
        models=[*MODELS],
        family={"mild": [MODELS[2]]},
    )
    return made.model_copy(
        update={
            "benchmarks": {"multifaceted": bench.model_copy(update={"sources": asked})},
            "judges": {"mild": second},
            "calibrations": {"two": wanted},
        }
    )


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answers")
    for model, words in zip(MODELS, WORDS, strict=True):
        texts = (Asked(one.id, Status.OK, "word " * n) for one, n in zip(ITEMS, words, strict=True))
        write_jsonl(folder / model / "multifaceted.jsonl", map(row_of, texts))
    return folder


@pytest.fixture(scope="module")
def same(spec: Recipe, answers: Path, tmp_path_factory: pytest.TempPathFactory) -> SameAnswers:
    paths = []
    for (m, model), (judge, given) in product(enumerate(MODELS), ((OWN_JUDGE, OWN), ("mild", MILD))):
        verdicts = (
            Asked(f"{one.id}/{k}/{run}", Status.OK, int(given[m, i, k, run]))
            for i, one in enumerate(ITEMS)
            for k in range(4)
            for run in range(2)
        )
        folder, digest = tmp_path_factory.getbasetemp(), digest_of(answers / model / "multifaceted.jsonl")
        paths.append(write_verdicts(folder, model, judge, verdicts, answers=digest))
    return read_same_answers(spec, "two", ITEMS, paths)


def interval(figure: Callable[[list[int]], float], seed: int) -> Interval | None:
    """Of a figure of instances, by drawing whole instructions with all of theirs, one resample after the other."""
    resampled = [
        figure([i for k, times in enumerate(draw) for i in INSTANCES[k] * int(times)])
        for draw in resampled_counts(6, seed)
    ]
    return percentile_interval(np.array(resampled), 6)


def flat(found: Estimate) -> list[float]:
    """A figure, its interval and its n, in one list."""
    assert found.value is not None and found.interval is not None
    return [found.value, *found.interval, found.n]


def opposite_answers(runs: bool) -> Callable[[list[int]], float]:
    """The share of pairs of answers in opposite orders, of one run with one run or by the means over all."""
    a, b = (x.sum(axis=2) if runs else x.sum(axis=(2, 3))[..., None] for x in (OWN, MILD))
    turned = [
        np.sign(a[m, :, i] - a[n, :, i]) * np.sign(b[m, :, j] - b[n, :, j]) < 0
        for m, n in combinations(range(3), 2)
        for i, j in product(range(a.shape[2]), repeat=2)
    ]
    return lambda drawn: float(np.mean([one[drawn] for one in turned]))


def opposite_models(runs: bool) -> Callable[[list[int]], float]:
    """The same of pairs of models, by their means."""
    a, b = (x.sum(axis=2) if runs else x.sum(axis=(2, 3))[..., None] for x in (OWN, MILD))

    def share(drawn: list[int]) -> float:
        of_a, of_b = a[:, drawn].sum(axis=1), b[:, drawn].sum(axis=1)
        turned = [
            np.sign(of_a[m, i] - of_a[n, i]) * np.sign(of_b[m, j] - of_b[n, j]) < 0
            for m, n in combinations(range(3), 2)
            for i, j in product(range(a.shape[2]), repeat=2)
        ]
        return float(np.mean(turned))

    return share


def exact(drawn: list[int]) -> float:
    """The share of equal verdicts, of one run with one run."""
    return float(np.mean([OWN[:, drawn, :, i] == MILD[:, drawn, :, j] for i, j in product(range(2), repeat=2)]))


def test_agreement_draws_whole_instructions_and_all_runs_are_other_than_one(spec: Recipe, same: SameAnswers) -> None:
    built = build_calibration("two", spec, same)
    seed = derive_seed(spec.seed, "bootstrap", "calibration", "two")

    def line(metric: str, runs: str) -> Line:
        (found,) = (
            one for one in built.lines if (one.metric, one.against, one.runs, one.model) == (metric, "mild", runs, "")
        )
        return found

    told = {
        ("exact_agreement", "one"): exact,
        ("answer_pairs_opposite", "one"): opposite_answers(runs=True),
        ("answer_pairs_opposite", "all"): opposite_answers(runs=False),
        ("model_pairs_opposite", "one"): opposite_models(runs=True),
        ("model_pairs_opposite", "all"): opposite_models(runs=False),
    }
    for (metric, runs), figure in told.items():
        found = line(metric, runs).estimate
        assert found.value == pytest.approx(figure(list(range(18)))), (metric, runs)
        assert found.interval == pytest.approx(interval(figure, seed)), (metric, runs)
        assert found.interval is not None and found.interval.low < found.interval.high
    for metric in ("answer_pairs_opposite", "answer_spearman"):
        assert line(metric, "one").estimate.value != pytest.approx(line(metric, "all").estimate.value, abs=1e-3)


def test_a_models_mean_score_draws_whole_instructions(spec: Recipe, same: SameAnswers) -> None:
    for one in build_calibration("two", spec, same).lines:
        if one.metric == "mean_score":
            given = (OWN if one.judge == OWN_JUDGE else MILD)[MODELS.index(one.model)].mean(axis=(1, 2))
            seed = derive_seed(spec.seed, "bootstrap", one.judge, one.model, one.condition)
            scores = {item.id: float(score) for item, score in zip(ITEMS, given, strict=True)}
            assert flat(one.estimate) == pytest.approx(flat(mean_with_interval(scores, OF, seed)))


def test_biases_draw_whole_instructions(spec: Recipe, same: SameAnswers, answers: Path) -> None:
    report = build_bias("two", spec, same, answers, ())
    found = {one.metric: one.estimate for one in report.lines if one.judge == "mild"}
    own, mild = OWN.mean(axis=(2, 3)), MILD.mean(axis=(2, 3))

    def wanted(values: np.ndarray, *of: str) -> object:
        scores = {item.id: float(one) for item, one in zip(ITEMS, values, strict=True) if not np.isnan(one)}
        return pytest.approx(flat(mean_with_interval(scores, OF, derive_seed(spec.seed, "bootstrap", *of))))

    ranked = rank_correlations(WORDS.astype(float), mild, np.ones((3, 18), dtype=bool))
    assert flat(found["length_spearman"]) == wanted(ranked, "length", "mild")
    shift = mild - own
    preference = shift[2] - shift[:2].mean(axis=0)
    assert flat(found["family_preference"]) == wanted(preference, "family", "mild", OWN_JUDGE)

    x, y = (one - one.mean(axis=0) for one in (WORDS / 100, mild))

    def slope(drawn: list[int]) -> float:
        return float((x * y)[:, drawn].sum() / (x * x)[:, drawn].sum())

    assert found["length_slope"].value == pytest.approx(slope(list(range(18))))
    assert found["length_slope"].interval == pytest.approx(interval(slope, derive_seed(spec.seed, "bootstrap", "two")))
