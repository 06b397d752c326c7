"""A judge with a planted bias, asked over HTTP: a calibration finds how mild it is, and what it gives for length."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from janus_recipes.cli import app
from janus_recipes.files import write_jsonl
from janus_recipes.judging.bias import build_bias
from janus_recipes.judging.calibrate import build_calibration
from janus_recipes.judging.registry import OWN_JUDGE, verdicts_file
from janus_recipes.judging.same_answers import read_same_answers
from janus_recipes.recipe.load import load_recipe
from janus_recipes.records import DIMENSIONS, Asked, BenchInstance, Preference, Rubric, Status, row_of
from janus_recipes.rehearsal.biased_judges import BIASES
from janus_recipes.rehearsal.lexicon import LEXICON
from janus_recipes.rehearsal.world import answer

ROOT = Path(__file__).parents[2]
PLANTED = BIASES["microworld-mild-judge"]
MODELS = ("mistral-7b-v0.2", "janus-star-7b", "janus-7b")
LENGTHS = (10, 30, 60)
"""Words of each model's answers. With 60 the judge adds 1.7 points on average, so that no score comes near 5."""


def instance(number: int) -> BenchInstance:
    """One whose rubrics each name four marks of their dimension."""
    marks = {dimension: LEXICON[dimension][number % 20 : number % 20 + 4] for dimension in DIMENSIONS}
    rubrics = tuple(Rubric(one, f"Is there {' '.join(marks[one])}?", ("1", "2", "3", "4", "5")) for one in DIMENSIONS)
    preferences = tuple(Preference(one, "any", "any", "any") for one in DIMENSIONS)
    return BenchInstance(f"i-{number}/0", f"i-{number}", "mf-Koala", "Why?", "Be.", preferences, "Because.", rubrics)


BENCH = [instance(number) for number in range(20)]


def text(number: int, words: int) -> str:
    """An answer of so many words that holds one mark of each rubric: a score of 2."""
    marks = [LEXICON[dimension][number % 20] for dimension in DIMENSIONS]
    return " ".join([*marks, *["plain"] * (words - len(marks))])


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[Path]]:
    """The folder of the answers, and both judges' verdicts on them, as `janus judge` gives them."""
    monkeypatch.chdir(ROOT)
    overlay = tmp_path / "small.yaml"
    overlay.write_text(f"ledger: {tmp_path}/ledger\njudging: {{runs: 1}}\njudges: {{mild: {{runs: 1}}}}\n")
    write_jsonl(tmp_path / "bench.jsonl", map(row_of, BENCH))
    recipes = [
        part for file in ("recipes/janus.yaml", "recipes/rehearsal.yaml", overlay) for part in ("--recipe", file)
    ]
    verdicts = []
    for model, words in zip(MODELS, LENGTHS, strict=True):
        answers = tmp_path / "answers" / model / "multifaceted.jsonl"
        write_jsonl(answers, (row_of(Asked(one.id, Status.OK, text(n, words))) for n, one in enumerate(BENCH)))
        for judge in (OWN_JUDGE, "mild"):
            out = tmp_path / "verdicts" / model / verdicts_file("multifaceted", judge)
            files = ["--bench", tmp_path / "bench.jsonl", "--answers", answers, "--out", out]
            done = CliRunner().invoke(app, list(map(str, ["judge", "--judge", judge, *recipes, *files])))
            assert done.exit_code == 0, done.output
            verdicts.append(out)
    return tmp_path, verdicts


def test_the_planted_shift_and_the_planted_slope_are_found(judged: tuple[Path, list[Path]]) -> None:
    folder, verdicts = judged
    spec = load_recipe([Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml"), folder / "small.yaml"])
    same = read_same_answers(spec, "mild", BENCH, verdicts)
    shifts = {
        one.model: one.estimate
        for one in build_calibration("mild", spec, same).lines
        if one.metric == "mean_shift" and one.model
    }
    for model, words in zip(MODELS, LENGTHS, strict=True):
        # Half a point, and two points for 100 words: 0.7, 1.1 and 1.7.
        planted, found = PLANTED.milder_by + PLANTED.per_100_words * words / 100, shifts[model]
        assert found.value == pytest.approx(planted, abs=0.2) and found.n == 80
        assert found.interval is not None and found.interval.low - 0.1 < planted < found.interval.high + 0.1
    lines = {(one.metric, one.judge): one for one in build_bias("mild", spec, same, folder / "answers", ()).lines}
    slope = lines["length_slope_of_shift", "mild"].estimate
    assert slope.value == pytest.approx(PLANTED.per_100_words, abs=0.4)
    assert slope.interval is not None and slope.interval.low > 1.0
    # All answers are worth the same, so the fair judge gives nothing for length.
    fair = lines["length_slope", OWN_JUDGE].estimate
    assert fair.value == pytest.approx(0.0, abs=0.2)


def test_a_fair_judge_says_what_it_said_before_there_were_biased_ones() -> None:
    rubric = "amber velvet cobalt staccato"
    texts = {"instruction": "Why?", "response": "amber", "reference_answer": "x", "rubric": rubric}
    prompt = "\n".join(f"<{name}>\n{text}\n</{name}>" for name, text in texts.items())
    messages = [{"role": "user", "content": prompt}]
    said = [answer(messages, seed) for seed in range(50)]
    assert sum(one.endswith("[RESULT] 2") for one in said) >= 40  # one of four marks; 8% are a point off
    # Half a point milder and one word long: 0.52 points, so about half of the verdicts are a point higher.
    higher = sum(answer(messages, seed, PLANTED) != one for seed, one in enumerate(said))
    assert 15 <= higher <= 37
