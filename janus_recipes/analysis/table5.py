"""Table 5: how many instructions come from which source, and from which source of that source.

    janus analysis table5 --instructions i.jsonl --out table5.csv

Sources that the paper has and the recipe does not are left out of the table and named under it. Where the recipe does
not say where a pool names its own sources (`origin_field`), only the pool's sum stands beside the paper's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from janus_recipes.analysis.finding import NONE, Finding, cell, count, signed_count
from janus_recipes.records import Instruction

COLUMNS = ("source", "original_source", "level", "instructions", "share", "published", "published_share", "difference")

Counts = Mapping[str, Mapping[str, int]]


def count_sources(
    instructions: Iterable[Instruction], sources: Mapping[str, bool], published: Counts, notice: str | None
) -> Finding:
    """Count instructions by source and inner source, the largest first.

    `sources` are the recipe's, each with whether it tells its records' own sources.
    """
    ours: dict[str, Counter[str]] = {name: Counter() for name in sources}
    for one in instructions:
        ours.setdefault(one.source, Counter())[one.origin] += 1
    paper = {name: figures for name, figures in published.items() if name in ours}
    totals = _total(ours), _total(published) if paper else None
    rows, lines = [], []
    for level, source, origin, mine, theirs in _levels(ours, paper, totals, sources):
        difference = mine - theirs if theirs is not None and notice is None else None
        shares = _share(mine, totals[0]), _share(theirs, totals[1])
        rows.append([source, origin, level, *map(cell, (mine, shares[0], theirs, shares[1], difference))])
        lines.append([*_names(level, source, origin), count(mine), count(theirs), signed_count(difference)])
    return Finding(
        title="Table 5: sources of the instructions",
        columns=COLUMNS,
        rows=rows,
        head=["Source", "Original source", "Instructions", "Paper", "Difference"],
        lines=lines,
        text_columns=frozenset({0, 1}),
        notes=list(_notes(totals[0], paper, published, sources)),
        notice=notice,
    )


def _levels(
    ours: Counts, paper: Counts, totals: tuple[int, int | None], sources: Mapping[str, bool]
) -> Iterator[tuple[str, str, str, int, int | None]]:
    """Level, source, inner source, our count and the paper's: the sum of each source, then what is in it, then all."""
    for source, origins in sorted(ours.items(), key=lambda one: (-sum(one[1].values()), one[0])):
        theirs = paper.get(source)
        yield "source", source, "", sum(origins.values()), sum(theirs.values()) if theirs else None
        inner = theirs if theirs and sources.get(source) else {}
        listed = {*origins, *inner}
        for origin in sorted(listed, key=lambda one: (-origins.get(one, 0), -inner.get(one, 0), one)):
            yield "original_source", source, origin, origins.get(origin, 0), inner.get(origin)
    yield "total", "", "", *totals


def _names(level: str, source: str, origin: str) -> list[str]:
    if level == "total":
        return ["Total", ""]
    return [source, "all"] if level == "source" else ["", origin or NONE]


def _notes(total: int, paper: Counts, published: Counts, sources: Mapping[str, bool]) -> Iterator[str]:
    yield (
        f"Counted in {total:,} instructions; none is left out. Where the original source is {NONE}, "
        "the pool names none."
    )
    if silent := [name for name, tells in sources.items() if name in paper and not tells]:
        yield f"The recipe has no `origin_field` for {', '.join(silent)}: only the sum stands beside the paper's."
    if absent := sorted(set(published) - set(paper)):
        sums = ", ".join(f"{name} ({sum(published[name].values()):,})" for name in absent)
        yield f"Sources of the paper that this recipe does not have: {sums}."


def _total(counts: Counts) -> int:
    return sum(sum(origins.values()) for origins in counts.values())


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None
