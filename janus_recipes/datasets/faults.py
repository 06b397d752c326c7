"""What is known to be wrong with a data set, and how its numbers stand beside the paper's: for its card.

Each fault follows from the recipe and the manifests. One that was found by hand belongs into the recipe's comments or
the code that mends it, not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from janus_recipes.analysis.published import Mix, read_published_collection
from janus_recipes.datasets.default_messages import UNLIKE_TABLE_9
from janus_recipes.datasets.described import names_of_messages
from janus_recipes.datasets.lineage import Made, outdated
from janus_recipes.recipe.collection import Located
from janus_recipes.recipe.dataset import HelpfulMix
from janus_recipes.recipe.registry import read_registry
from janus_recipes.recipe.schema import Prompts, Recipe, Seeds

PAPER_TEACHER = "gpt-4-0125-preview"
"""The paper's GPT-4-Turbo-0125 (section 3.2), by its provider's name."""


def faults_of(recipe: Recipe, name: str, sources: Mapping[str, Located], steps: list[Made]) -> list[str]:
    """What is wrong with a data set, one sentence or two each, the gravest first."""
    return [
        *([recipe.rehearsal.notice] if recipe.rehearsal else []),
        *outdated(steps),
        *other_teachers(recipe, steps),
        *missing_answers(steps),
        *unlike_paper(recipe, steps),
        *unlike_table_9(steps[-1]),
        *unknown_licences(sources),
        *uncompared(recipe, name),
    ]


def other_teachers(recipe: Recipe, steps: list[Made]) -> Iterator[str]:
    """Where another model than the paper's wrote the texts."""
    kinds = {made.part("asked")["model"]: made.part("asked")["kind"] for made in steps if made.part("asked")}
    paper = read_registry(Path(recipe.known_models)).get(PAPER_TEACHER)
    gone = f", which was shut down on {paper.retired}" if paper and paper.retired else ""
    for model, kind in kinds.items():
        if kind == "rehearsal":
            yield f"Its teacher, `{model}`, is played by rule: the texts are made up and mean nothing."
        elif model != PAPER_TEACHER:
            yield f"Its teacher is `{model}`, not the paper's `{PAPER_TEACHER}`{gone}. Other texts must be expected."
    if kinds and (recipe.prompts, recipe.seeds) == (Prompts(), Seeds()):
        yield "Prompts and seed examples are Janus Recipes' own words, written after the paper's description."


def missing_answers(steps: list[Made]) -> Iterator[str]:
    """Where answers are not there, by status."""
    for made in steps:
        statuses = made.part("asked").get("statuses", {})
        bad = {status: number for status, number in sorted(statuses.items()) if status != "ok"}
        if bad:
            each = ", ".join(f"{number:,} {status}" for status, number in bad.items())
            yield f"Of {sum(statuses.values()):,} {made.name.replace('_', ' ')} some are not `ok`: {each}."


def unlike_paper(recipe: Recipe, steps: list[Made]) -> Iterator[str]:
    """Whether counts are not the paper's."""
    found = [f"{here:,} {what} for {there:,}" for what, here, there in paper_rows(recipe, steps) if here != there]
    if found:
        yield f"Its counts are not the paper's: {', '.join(found)}."


def unlike_table_9(made: Made) -> Iterator[str]:
    """Which default system messages are not the paper's."""
    names = names_of_messages(made.manifest)
    if unlike := [name for name in names if name in UNLIKE_TABLE_9]:
        yield (
            f"Of its {len(names)} default system messages {len(unlike)} are not worded as the paper's Table 9 prints "
            f"them: {', '.join(unlike)}."
        )


def paper_rows(recipe: Recipe, steps: list[Made]) -> list[tuple[str, int, int]]:
    """What, how many here, how many in the paper: the Collection's counts (Table 1), or a helpful mix's (E.2)."""
    published = read_published_collection(Path(recipe.published_figures))
    made = {one.name: one for one in steps}
    found = rows_of_mix(steps[-1].part("counts"), published.appendix_e2)
    table1 = published.table1
    if "instructions" in made and (kept := made["instructions"].rows) is not None:
        found.append(("instructions", kept, table1.instructions))
    if "system_messages" in made:
        written = made["system_messages"].part("asked").get("statuses", {}).get("ok", 0)
        found.append(("system messages", written, table1.system_messages))
    return found


def rows_of_mix(counts: Mapping[str, Any], published: Mix) -> list[tuple[str, int, int]]:
    """A helpful mix's pairs, in all and of each pool, here and in the paper; nothing of other data sets."""
    if "pools" not in counts:
        return []
    here = {name: report.get("drawn", 0) for name, report in counts["pools"].items()}
    there = {name: round(share * published.pairs) for name, share in published.shares.items()}
    pools = [*here, *(name for name in there if name not in here)]
    each = [(f"pairs of {name}", here.get(name, 0), there.get(name, 0)) for name in pools]
    return [("pairs", counts["rows"], published.pairs), *each]


def unknown_licences(sources: Mapping[str, Located]) -> Iterator[str]:
    """Sources whose licence the recipe does not tell."""
    unknown = [name for name, source in sources.items() if source.licence is None]
    if unknown:
        yield f"The licence of {', '.join(unknown)} is not known: nothing says that it may be passed on."


def uncompared(recipe: Recipe, name: str) -> Iterator[str]:
    """Where nothing was compared with the benchmarks."""
    dataset = recipe.datasets[name]
    spec = dataset if isinstance(dataset, HelpfulMix) else recipe.collection.instructions
    if spec.contamination is None:
        yield "Nothing was compared with the benchmarks' prompts: some of them may stand in it."
