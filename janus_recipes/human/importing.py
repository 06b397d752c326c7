"""Read annotations back and write what they say: the figures, every answer, and which instances are bad.

results/janus/human/stage1/answers.csv       a row for each question, with what became of it
results/janus/human/stage1/figure6.*         stage 2: figure7.*, figure3.*
results/janus/human/stage1/excluded.jsonl    for `benchmarks.<bench>.excluded`
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from janus_recipes.analysis.finding import Finding, files_beside, write_finding
from janus_recipes.files import write_jsonl, written_whole
from janus_recipes.human.answers import HumanAnswer
from janus_recipes.human.exclude import exclusion_rows, judged_instances
from janus_recipes.human.figures import figure3, figure6, figure7
from janus_recipes.human.labels import Stage
from janus_recipes.human.published import PublishedHuman
from janus_recipes.human.tasks import Key
from janus_recipes.recipe.human import BadWhen, Human
from janus_recipes.reporting.text import csv_text

ANSWER_COLUMNS = (
    "id",
    "question",
    "annotator",
    "instruction",
    "instance",
    "first",
    "second",
    "status",
    "answer",
    "side",
)
ANSWERS, EXCLUDED = "answers.csv", "excluded.jsonl"
FIGURES: dict[Stage, tuple[str, ...]] = {"stage1": ("figure6",), "stage2": ("figure7", "figure3")}


class Imported(NamedTuple):
    """What the answers of a stage come to. Only stage 1 excludes instances."""

    answers: Sequence[HumanAnswer]
    findings: dict[str, Finding]
    excluded: list[dict[str, str]]


def stage1_result(
    answers: Sequence[HumanAnswer],
    keys: Iterable[Key],
    spec: Human,
    published: PublishedHuman,
    seed: int,
    notice: str | None,
) -> Imported:
    """Figure 6 and the exclusions, of the texts that the keys' export showed."""
    rule: BadWhen = spec.stage1.bad_when
    judged = judged_instances(answers, rule)
    found = figure6(answers, judged, rule, published, seed, notice)
    digests = {name: digest for key in keys for name, digest in zip(key.instances, key.instance_digests, strict=True)}
    return Imported(answers, {"figure6": found}, list(exclusion_rows(judged, rule, digests)))


def stage2_result(
    answers: Sequence[HumanAnswer], spec: Human, published: PublishedHuman, seed: int, notice: str | None
) -> Imported:
    """Figures 7 and 3. The pairs are the export's, in the recipe's order; the recipe may have others by now."""
    order = [tuple(pair) for pair in spec.stage2.pairs]
    there = {one.pair for one in answers}
    pairs = [pair for pair in order if pair in there] + sorted(there - set(order))
    return Imported(
        answers,
        {"figure7": figure7(answers, seed, notice), "figure3": figure3(answers, pairs, published, seed, notice)},
        [],
    )


def files_of(stage: Stage, folder: Path) -> list[Path]:
    """The files that an import writes; the last one is what its manifest is about."""
    figures = [folder / f"{name}.csv" for name in FIGURES[stage]]
    beside = [file for csv in figures for file in files_beside(csv, svg=True)]
    excluded = [folder / EXCLUDED] if stage == "stage1" else []
    return [folder / ANSWERS, *excluded, *beside, *figures]


def write_import(imported: Imported, stage: Stage, folder: Path) -> None:
    """Write the files, each whole or not at all."""
    with written_whole(folder / ANSWERS) as out:
        out.write(csv_text(ANSWER_COLUMNS, answer_rows(imported.answers)))
    if stage == "stage1":
        write_jsonl(folder / EXCLUDED, imported.excluded)
    for name, finding in imported.findings.items():
        write_finding(finding, folder / f"{name}.csv")


def answer_rows(answers: Iterable[HumanAnswer]) -> Iterator[tuple[str, ...]]:
    """The rows under `ANSWER_COLUMNS`. Annotators are numbers: their names and addresses stay in Label Studio."""
    for one in answers:
        first, second = one.pair or ("", "")
        annotator = "" if one.annotator is None else str(one.annotator)
        ids = (one.id, one.subject, annotator, one.instruction_id, one.instance_id)
        yield (*ids, first, second, one.status.value, one.value, one.side)
