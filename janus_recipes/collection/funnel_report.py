"""Write the sampling's funnel beside the paper's figures: a CSV in long form, and Markdown for people.

collection/instructions.funnel.csv      step, source, origin, instructions, paper
collection/instructions.funnel.md       the same as tables, with examples of what each step removed
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from janus_recipes.analysis.published import PublishedCollection
from janus_recipes.collection.funnel import ALL, STEPS, Funnel, Removed
from janus_recipes.collection.sources import SourceReport
from janus_recipes.recipe.collection import InstructionSampling
from janus_recipes.reporting.text import csv_text, markdown_table, plain

COLUMNS = ("step", "source", "origin", "instructions", "paper")
NO_ORIGIN = "-"
SHOWN = 160
"""Characters of an example."""

PAPERS_STEPS = {"instructions": "pool", "sampled": "sampled", "before_filter": "before_filter", "kept": "kept"}
"""Our steps that appendix A.1 gives a number for, with that number's name."""


@dataclass(frozen=True)
class Report:
    """What the two files are written from. `notice` is set in a rehearsal only."""

    recipe: str
    spec: InstructionSampling
    funnel: Funnel
    sources: Mapping[str, SourceReport]
    published: PublishedCollection
    notice: str | None


def csv_of(report: Report) -> str:
    """Every count: of a step, of a source in it, of an inner source in that."""
    rows = ((*where, str(count), "" if paper is None else str(paper)) for *where, count, paper in counts(report))
    return csv_text(COLUMNS, rows)


def counts(report: Report) -> Iterator[tuple[str, str, str, int, int | None]]:
    """Step, source, inner source, ours and the paper's."""
    for step in report.funnel.steps():
        yield step, ALL, ALL, report.funnel.total(step), total_in_paper(report, step)
        by_source = report.funnel.of_sources(step)
        for source in report.sources:
            kept = step == "kept" and source in report.published.table5
            paper = sum(report.published.table5[source].values()) if kept else None
            yield step, source, ALL, by_source.get(source, 0), paper
            yield from ((step, source, *rest) for rest in counts_of_origins(report, step, source))


def counts_of_origins(report: Report, step: str, source: str) -> Iterator[tuple[str, int, int | None]]:
    """Inner source, ours and the paper's, most first; the paper's own inner sources too, where we kept none of them."""
    ours = {origin: count for (of, origin), count in report.funnel.counts[step].items() if of == source}
    paper = report.published.table5.get(source, {}) if step == "kept" else {}
    origins = sorted(ours.keys() | paper.keys(), key=lambda one: (-ours.get(one, 0), -paper.get(one, 0), one))
    if origins not in ([], [""], [ALL]):
        yield from ((origin or NO_ORIGIN, ours.get(origin, 0), paper.get(origin)) for origin in origins)


def total_in_paper(report: Report, step: str) -> int | None:
    """What appendix A.1 says was left after a step, where it says it."""
    name = PAPERS_STEPS.get(step)
    return None if name is None else int(getattr(report.published.appendix_a1, name))


def markdown_of(report: Report) -> str:
    """The report for people."""
    parts = [
        f"# Instructions of {plain(report.recipe)}, step by step",
        *([f"> **{plain(report.notice)}**"] if report.notice else []),
        "## Beside the paper (appendix A.1)",
        totals_table(report),
        "## By source",
        sources_table(report),
        "## What is kept, by inner source (Table 5)",
        origins_table(report),
        "## What the steps removed: a few of each",
        *(removed_lists(report.funnel) or ["Nothing."]),
        *unusable(report),
        "## What does not follow from the paper",
        open_questions(report),
    ]
    return "\n\n".join(parts) + "\n"


def totals_table(report: Report) -> str:
    funnel = report.funnel
    rows = [[STEPS[step], number(funnel.total(step)), number(total_in_paper(report, step))] for step in funnel.steps()]
    return markdown_table(["Step", "Here", "Paper"], rows, left={0})


def sources_table(report: Report) -> str:
    steps = report.funnel.steps()
    by_step = {step: report.funnel.of_sources(step) for step in steps}
    rows = [[name, *(number(by_step[step].get(name, 0)) for step in steps)] for name in report.sources]
    return markdown_table(["Source", *(STEPS[step] for step in steps)], rows, left={0})


def origins_table(report: Report) -> str:
    rows = [
        [source, origin, number(count), number(paper)]
        for step, source, origin, count, paper in counts(report)
        if step == "kept" and source != ALL
    ]
    return markdown_table(["Source", "Inner source", "Here", "Paper"], rows, left={0, 1})


def removed_lists(funnel: Funnel) -> list[str]:
    """For each step that removed something a few examples."""
    return [removed_list(step, removed) for step, removed in funnel.removed.items() if removed]


def removed_list(step: str, removed: list[Removed]) -> str:
    lines = [
        f"- {plain(one.instruction.source)}: {shown(one.instruction.text)} ({shown(one.reason)})" for one in removed
    ]
    return "\n".join([f"Not {STEPS[step]}:", "", *lines])


def unusable(report: Report) -> Iterator[str]:
    """The records that could not be used, by source: all of them are in a file of their own."""
    bad = {name: one for name, one in report.sources.items() if one.bad}
    if bad:
        lines = [f"- {plain(name)}: {shown(example)}" for name, one in bad.items() for example in one.examples]
        yield "## Unusable records: the first of each source, all in `instructions.bad.jsonl`"
        yield "\n".join(lines)


def open_questions(report: Report) -> str:
    """What the paper leaves open, with what this recipe says in its place."""
    spec, published = report.spec, report.published
    printed = {name: sum(origins.values()) for name, origins in published.table5.items()}
    counted = ", ".join(f"{count:,} of {name}" for name, count in printed.items())
    lines = [
        f"Table 5 counts {counted}. Of a source that does not top up, A.1 samples 12,000, so that more cannot be left; "
        "and so few only where most of it is another's too or is filtered.",
        "12,000 of each of four sources and the fifth whole, about 13,000, are 61,000 instructions; A.1 says "
        f"{published.appendix_a1.sampled:,}.",
        "Who keeps an instruction that several sources have is not said, and decides much of Table 5. "
        f"Here: `keep_shared_in: {spec.keep_shared_in}`.",
        "Whether the filter ignores case is not said; as printed it does not. "
        f"Here: `exclude_ignores_case: {str(spec.exclude_ignores_case).lower()}`.",
        "Where the filter looks is not said: searched for, the expression is found anywhere; matched from the text's "
        "beginning, what is printed in front of it confines it to the first sentence. "
        f"Here: `exclude_looks_in: {spec.exclude_looks_in}`.",
        "The expression is printed without its backslashes; the recipe's is a restoration.",
        "No seed is given, so the very instructions cannot be the paper's.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def shown(text: str) -> str:
    """A text on one line, shortened, that Markdown shows as it is."""
    return plain(f"{text[:SHOWN]} ..." if len(text) > SHOWN else text)
