"""From files of verdicts to a table's files.

janus table table2 VERDICTS... --recipe recipes/janus.yaml --bench bench.jsonl --out results/janus/tables/table2.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from janus_recipes.errors import UsageError
from janus_recipes.judging.registry import OWN_JUDGE, judge_in
from janus_recipes.manifest import manifest_of
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import BenchInstance, read_asked
from janus_recipes.reporting.published import read_published
from janus_recipes.reporting.render import SUFFIXES, write_table
from janus_recipes.reporting.scored import JudgedAnswers
from janus_recipes.reporting.table import build_table


def make_table(
    name: str,
    recipe: Recipe,
    bench: Sequence[BenchInstance],
    verdicts: Sequence[Path],
    folder: Path,
    bench_at: Path | None = None,
) -> int:
    """Write the table `name` of the recipe into `folder`; returns its rows. `bench_at`: the file of `bench`."""
    key = recipe.tables[name].published
    figures = read_published(Path(recipe.published_figures), key) if key else None
    built = build_table(name, recipe, bench, judged_answers(verdicts), figures, bench_at)
    write_table(built, folder)
    return len(built.lines)


def files_beside(page: Path) -> list[Path]:
    """The further files that `make_table` writes beside a table's page."""
    return [page.with_suffix(f".{suffix}") for suffix in SUFFIXES if suffix != "html"]


def judged_answers(verdicts: Sequence[Path]) -> dict[tuple[str, str], JudgedAnswers]:
    """The verdicts by model and `recipe.best_of.Answers.file`, which their paths name, with judge and days.

    A selection's name may have dots in it, the rubrics' has none.
    """
    if strange := [path for path in verdicts if judge_in(path) != OWN_JUDGE]:
        raise UsageError(
            f"{strange[0]}: by the judge {judge_in(strange[0])}, and a table is of the recipe's own judge alone: "
            "scores of different judges are not averaged. Compare them with `janus judge calibrate`"
        )
    paths = {(path.parent.name, *path.name.removesuffix(".jsonl").rsplit(".", 1)): path for path in verdicts}
    judged: dict[tuple[str, str], JudgedAnswers] = {}
    for (model, answers, rubrics), path in paths.items():
        if rubrics != "own":
            continue
        control = paths.get((model, answers, "swapped"))
        judge_model, days = judge_and_days(path)
        if control and (other := judge_and_days(control)[0]) != judge_model:
            raise UsageError(
                f"{control}: judged by {other}, and the answers' own rubrics by {judge_model}: scores of different "
                "judges are not subtracted. Delete the older of the two files and run `janus judge` again"
            )
        judged[model, answers] = JudgedAnswers(
            own=list(read_asked(path, int)),
            swapped=list(read_asked(control, int)) if control else None,
            judge=judge_model,
            judged_at=days,
        )
    return judged


def judge_and_days(verdicts: Path) -> tuple[str, str]:
    """The judge that gave verdicts, and when, from their manifest: `2026-11-20` or `2026-11-20 to 2026-11-22`.

    These are the days on which the judge answered, not the day of the step: answers may come from the ledger.
    """
    manifest = manifest_of(verdicts)
    if not manifest.exists():
        raise UsageError(f"{manifest}: missing, so nobody knows which judge gave {verdicts}")
    asked = json.loads(manifest.read_text(encoding="utf-8"))["asked"]
    if "first_answer_at" not in asked:
        raise UsageError(
            f"{manifest}: does not say when the judge answered. Delete it and run `janus judge` again: "
            "answers in the ledger are not paid for again"
        )
    first, last = asked["first_answer_at"], asked["last_answer_at"]
    days = "no answers" if first is None else first if first == last else f"{first} to {last}"
    return cast(str, asked["model"]), days
