"""`janus analysis ...`: what the Collection is like, beside the paper's figures (paper, section 3, appendices A-C)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from janus_recipes.analysis.finding import Finding, files_beside, write_finding
from janus_recipes.analysis.published import PublishedCollection, read_published_collection
from janus_recipes.analysis.table1 import count_unique
from janus_recipes.analysis.table5 import count_sources
from janus_recipes.analysis.table7 import rank_subdimensions
from janus_recipes.benchmarks.expected import expected_by_column
from janus_recipes.commands.collect import Instructions
from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Recipes
from janus_recipes.errors import UsageError
from janus_recipes.files import Json
from janus_recipes.manifest import making
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, Preference, preference_set_from, read_asked, read_bench, read_instructions

app = typer.Typer(help="What the Collection and the models' answers are like, beside the paper's figures.")

Preferences = Annotated[Path, typer.Option(help="The Collection's preference sets.")]
SystemMessages = Annotated[Path, typer.Option(help="The Collection's system messages.")]
Out = Annotated[Path, typer.Option(help="The CSV to write; .md, a figure's .svg and the manifest lie beside it.")]


@app.command()
def table1(
    recipe: Recipes, instructions: Instructions, preferences: Preferences, system_messages: SystemMessages, out: Out
) -> None:
    """Count what is unique in the Collection."""
    spec = load_recipe(recipe)
    inputs = {"instructions": instructions, "preferences": preferences, "system_messages": system_messages}
    make_finding(
        *(out, spec, inputs, {}),
        lambda: count_unique(
            read_instructions(instructions),
            _preference_sets(preferences),
            read_asked(system_messages, str),
            _published(spec).table1,
            notice_of(spec),
        ),
    )


@app.command()
def table5(recipe: Recipes, instructions: Instructions, out: Out) -> None:
    """Count the instructions of each source."""
    spec = load_recipe(recipe)
    sources = {name: source.origin_field is not None for name, source in spec.collection.sources.items()}
    make_finding(
        *(out, spec, {"instructions": instructions}, {"tells_original_sources": sources}),
        lambda: count_sources(read_instructions(instructions), sources, _published(spec).table5, notice_of(spec)),
    )


@app.command()
def table7(recipe: Recipes, preferences: Preferences, out: Out) -> None:
    """Name the most frequent subdimensions and draw some of their preferences."""
    spec = load_recipe(recipe)
    make_finding(
        *(out, spec, {"preferences": preferences}, {"seed": spec.seed}),
        lambda: rank_subdimensions(_preference_sets(preferences), spec.seed, _published(spec).table7, notice_of(spec)),
    )


@app.command()
def figure4(recipe: Recipes, preferences: Preferences, out: Out) -> None:
    """Compare the preference descriptions of each instruction."""
    # altair takes a second to import, and only figures need it.
    from janus_recipes.analysis.figure4 import compare_descriptions

    spec = load_recipe(recipe)
    sets = spec.collection.preference_sets.per_instruction
    make_finding(
        *(out, spec, {"preferences": preferences}, {"per_instruction": sets}),
        lambda: compare_descriptions(_preference_sets(preferences), sets, _published(spec).figure4, notice_of(spec)),
        svg=True,
    )


@app.command()
def figure5(
    benches: Annotated[list[Path], typer.Argument(help="Benches' instances: .../<bench>/bench.jsonl")],
    recipe: Recipes,
    system_messages: SystemMessages,
    out: Out,
    threads: Annotated[int, typer.Option(min=1, help="Compare on so many cores.")] = 1,
) -> None:
    """Compare the Collection's system messages with each bench's."""
    from janus_recipes.analysis.figure5 import BenchMessages, compare_messages

    spec = load_recipe(recipe)
    files = {path.parent.name: path for path in benches}
    expected = {name: _instances(spec, name, path) for name, path in files.items()}
    inputs = {"system_messages": system_messages, **{f"bench {name}": path for name, path in files.items()}}
    make_finding(
        *(out, spec, inputs, {"instances": expected}),
        lambda: compare_messages(
            lambda: read_asked(system_messages, str),
            {name: BenchMessages(_messages(files[name]), number) for name, number in expected.items()},
            _published(spec).figure5,
            notice_of(spec),
            threads,
        ),
        svg=True,
    )


def make_finding(
    out: Path,
    recipe: Recipe,
    inputs: Mapping[str, Path],
    section: Json,
    analyse: Callable[[], Finding],
    *,
    svg: bool = False,
    beside_paper: bool = True,
) -> None:
    """Write an analysis and its manifest. `section`: what in the recipe decides it.

    `beside_paper`: whether it reads the paper's figures, which are an input then.
    """
    if out.suffix != ".csv":
        raise UsageError(f"--out {out}: name the CSV, for example {out.with_suffix('.csv')}; the others lie beside it")
    every = {**inputs, **({"published": Path(recipe.published_figures)} if beside_paper else {})}
    with making(out, recipe=recipe.name, section=section, inputs=every, also=files_beside(out, svg=svg)) as made:
        made.notes = {"rehearsal": notice_of(recipe)} if recipe.rehearsal else {}
        finding = analyse()
        write_finding(finding, out)
        made.counts = {"rows": len(finding.rows)}


def _preference_sets(path: Path) -> Iterator[Asked[tuple[Preference, ...]]]:
    return read_asked(path, preference_set_from)


def _messages(bench: Path) -> list[str]:
    return [one.system_message for one in read_bench(bench)]


def _instances(recipe: Recipe, bench: str, at: Path) -> int:
    """How many instances the recipe asks of a bench."""
    named(recipe.benchmarks, bench, "benchmark")
    return expected_by_column(recipe, bench, at).total()


def _published(recipe: Recipe) -> PublishedCollection:
    return read_published_collection(Path(recipe.published_figures))


def notice_of(recipe: Recipe) -> str | None:
    return recipe.rehearsal.notice if recipe.rehearsal else None
