"""Some instances with every model's answer beside the reference answer and the judge's scores (paper, Tables 12 to 14).

janus analysis examples multifaceted ANSWERS... VERDICTS... --bench bench.jsonl --out examples.csv

Which instances are shown is the recipe's choice, and the page says how they were chosen: examples prove nothing. Shown
are instances with an answer of each model; of those named by hand, what there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from janus_recipes.analysis.answered import REFERENCE, AnsweredBench
from janus_recipes.analysis.finding import NONE, Finding, cell
from janus_recipes.errors import StepError, UsageError
from janus_recipes.recipe.answer_analysis import Examples
from janus_recipes.recipe.problem import hint
from janus_recipes.records import DIMENSIONS, Asked, BenchInstance
from janus_recipes.reporting.text import plain
from janus_recipes.seeding import derive_seed

TITLE = "Examples: one instruction, one system message, every model's answer"

COLUMNS = (
    *("instance", "benchmark", "model", "status", "score", *(f"score_{one}" for one in DIMENSIONS), "judge"),
    *("instruction", "system_message", "answer"),
)


@dataclass(frozen=True)
class Judged:
    """The verdicts on a model's answers by `<instance>/<rubric>/<run>`, and who gave them."""

    verdicts: Mapping[str, Asked[int]]
    judge: str

    def scores(self, instance: BenchInstance, runs: int) -> list[float | None]:
        """The mean over runs by each rubric, in their order; None where a run has no verdict."""
        return [self._mean([f"{instance.id}/{k}/{run}" for run in range(runs)]) for k in range(len(instance.rubrics))]

    def _mean(self, ids: Sequence[str]) -> float | None:
        rows = [self.verdicts.get(one) for one in ids]
        values = [row.value for row in rows if row is not None and row.value is not None]
        return fmean(values) if len(values) == len(ids) else None


def show_examples(answered: AnsweredBench, judged: Mapping[str, Judged], runs: int, spec: Examples) -> Finding:
    """The chosen instances with all answers.

    Raises:
        StepError: an id that is not in the bench, or two judges' scores that would have to be subtracted.
        UsageError: models are to be told apart by verdicts that are not there.
    """
    if spec.choose == "largest_difference" and not spec.instances:
        one_judge({model: judged[model].judge for model in spec.between if model in judged})
    totals = {model: total_scores(answered.bench, one, runs) for model, one in judged.items()}
    chosen = choose(answered, totals, spec)
    return Finding(
        title=TITLE,
        columns=COLUMNS,
        rows=[row for one in chosen for row in _rows(one, answered, judged, runs)],
        head=["Instance", "Column", *answered.answers],
        lines=[_line(one, totals, answered.answers) for one in chosen],
        text_columns=frozenset({0, 1}),
        notes=[how_chosen(spec, len(chosen)), _who_judged(judged)],
        notice=answered.notice,
        sections=[_section(one, answered, judged, runs) for one in chosen],
    )


def one_judge(judges: Mapping[str, str]) -> None:
    """Raise StepError where models, whose scores are subtracted, have different judges."""
    if len(set(judges.values())) > 1:
        told = ", ".join(f"{model} by {judge}" for model, judge in judges.items())
        raise StepError(
            f"judged by different judges: {told}. Scores of different judges are not subtracted: judge both by one, or "
            "choose random examples"
        )


def total_scores(bench: Sequence[BenchInstance], judged: Judged, runs: int) -> dict[str, float]:
    """The mean score of each instance whose verdicts are all there."""
    by_rubric = {one.id: judged.scores(one, runs) for one in bench}
    means = {item: mean_of(scores) for item, scores in by_rubric.items()}
    return {item: mean for item, mean in means.items() if mean is not None}


def mean_of(scores: Sequence[float | None]) -> float | None:
    """The mean of an instance's scores by rubric; None where one is not there."""
    there = [score for score in scores if score is not None]
    return fmean(there) if there and len(there) == len(scores) else None


def choose(answered: AnsweredBench, totals: Mapping[str, Mapping[str, float]], spec: Examples) -> list[BenchInstance]:
    """The instances to show, each of another instruction unless they are named by hand."""
    by_id = {one.id: one for one in answered.bench}
    if spec.instances:
        if strange := [one for one in spec.instances if one not in by_id]:
            raise StepError(f"examples.instances: {strange[0]} is not in the bench{hint(strange[0], by_id)}")
        return [by_id[item] for item in spec.instances]
    texts = answered.texts()
    whole = [item for item in by_id if all(item in texts[model] for model in answered.answers)]
    if spec.choose == "largest_difference":
        if lacking := [model for model in spec.between if model not in totals]:
            raise UsageError(f"the verdicts on {' and '.join(lacking)} are not given: largest_difference needs them")
        ahead, behind = (totals[model] for model in spec.between)
        both = [item for item in whole if item in ahead and item in behind]
        ordered = sorted(both, key=lambda item: (behind[item] - ahead[item], item))
    else:
        ordered = sorted(whole, key=lambda item: (derive_seed(answered.seed, "example", item), item))
    first = {by_id[item].instruction_id: by_id[item] for item in reversed(ordered)}  # of each instruction the foremost
    return [by_id[item] for item in ordered if first[by_id[item].instruction_id].id == item][: spec.count]


def how_chosen(spec: Examples, shown: int) -> str:
    """How the instances were chosen, for the page."""
    if spec.instances:
        return f"{shown} instances, named in the recipe."
    if spec.choose == "random":
        return f"{shown} of {spec.count} instances, drawn at random from those that every model answered."
    ahead, behind = spec.between
    return (
        f"{shown} of {spec.count} instances, those where {ahead} is judged furthest above {behind}: the best that can "
        f"be shown for {ahead}, not what is typical."
    )


def _who_judged(judged: Mapping[str, Judged]) -> str:
    judges = ", ".join(sorted({one.judge for one in judged.values()}))
    return f"Scores run from 1 to 5, each the mean over the judge's runs. Judge: {judges or NONE}."


def _line(one: BenchInstance, totals: Mapping[str, Mapping[str, float]], models: Mapping[str, object]) -> list[str]:
    return [one.id, one.benchmark, *(_score(totals.get(model, {}).get(one.id)) for model in models)]


def _score(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _rows(one: BenchInstance, answered: AnsweredBench, judged: Mapping[str, Judged], runs: int) -> Iterator[list[str]]:
    """The reference answer, then each model's."""
    said = [one.instruction, one.system_message]
    yield [one.id, one.benchmark, REFERENCE, "ok", "", *[""] * len(DIMENSIONS), "", *said, one.reference_answer]
    texts = answered.texts()
    for model in answered.answers:
        scores = judged[model].scores(one, runs) if model in judged else [None] * len(DIMENSIONS)
        judge = judged[model].judge if model in judged else ""
        status = answered.statuses(model)[one.id]
        text = texts[model].get(one.id, "")
        yield [one.id, one.benchmark, model, status, cell(mean_of(scores)), *map(cell, scores), judge, *said, text]


def _section(one: BenchInstance, answered: AnsweredBench, judged: Mapping[str, Judged], runs: int) -> str:
    """One instance as Markdown: what was asked, the reference answer, and each model's answer under its scores."""
    parts = [f"## {plain(one.benchmark)}, {one.id}"]
    for name, text in (("System message", one.system_message), ("Instruction", one.instruction)):
        parts += [f"**{name}**", quoted(text)]
    parts += ["### Reference answer", quoted(one.reference_answer)]
    texts, statuses = answered.texts(), {model: answered.statuses(model) for model in answered.answers}
    for model in answered.answers:
        scores = judged[model].scores(one, runs) if model in judged else []
        parts.append(f"### {plain(model)}{_heading_score(scores)}")
        if by_rubric := ", ".join(f"{name} {_score(score)}" for name, score in zip(DIMENSIONS, scores, strict=False)):
            parts.append(by_rubric)
        answer = texts[model].get(one.id)
        parts.append(quoted(answer) if answer is not None else f"No answer: {statuses[model][one.id]}.")
    return "\n\n".join(parts)


def _heading_score(scores: Sequence[float | None]) -> str:
    mean = mean_of(scores)
    return "" if mean is None else f": {mean:.2f}"


def quoted(text: str) -> str:
    """A text as a quotation that Markdown shows as it is, line by line: nothing in it is a heading, a list or HTML."""
    return "\n".join(f"> {_as_it_is(line)}  " if line.strip() else ">" for line in text.splitlines()) or ">"


def _as_it_is(line: str) -> str:
    text = line.lstrip()
    escaped = re.sub(r"([\\`*_\[\]!|~$])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))
    escaped = re.sub(r"^([#+\->=]|\d+(?=[.)]))", _not_a_mark, escaped)
    return "&nbsp;" * (len(line) - len(text)) + escaped


def _not_a_mark(found: re.Match[str]) -> str:
    """The start of a heading, list or quotation as plain text: a mark gets a backslash, a number is followed by one."""
    mark = found[1]
    return mark + "\\" if mark.isdigit() else "\\" + mark
