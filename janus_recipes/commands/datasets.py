"""`janus dataset`: training sets cut from the Collection (paper, section 3.2, appendix E.1 and Table 10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from janus_recipes.commands.lookup import named
from janus_recipes.commands.options import Out, Recipes
from janus_recipes.datasets.answered_under import answered_under, refuse_other_responses
from janus_recipes.datasets.default_messages import default_messages
from janus_recipes.datasets.needs import helpful_condition, takes_gold
from janus_recipes.datasets.pairs import pair_rows, trained_on
from janus_recipes.datasets.section import section_of
from janus_recipes.datasets.sft import sft_rows
from janus_recipes.datasets.usable import Usable, usable_responses
from janus_recipes.errors import StepError, UsageError
from janus_recipes.files import Json, write_jsonl
from janus_recipes.manifest import making
from janus_recipes.recipe.dataset import HelpfulMix, PairsDataset, SftDataset
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Instruction, ok_values, read_asked, read_instructions

app = typer.Typer()


@dataclass(frozen=True)
class Material:
    """What a data set is cut from. `system_messages` are texts by set id, none where helpful responses are taken."""

    recipe: Recipe
    instructions: list[Instruction]
    system_messages: Mapping[str, str]
    responses: Path

    def usable(self, spec: SftDataset | PairsDataset) -> Usable:
        """The responses with the statuses that a data set keeps."""
        return usable_responses(read_asked(self.responses, str), spec.keep)


@dataclass(frozen=True)
class Cut:
    """A data set's rows, to be read once, and what its manifest says of them; counts are whole after the last row."""

    rows: Iterator[Json]
    rows_if_complete: int
    left_out: Mapping[str, Mapping[str, int]]
    notes: Mapping[str, Any]


@app.command()
def dataset(
    name: Annotated[str, typer.Argument(help="A data set of the recipe.")],
    recipe: Recipes,
    instructions: Annotated[Path, typer.Option(help="The Collection's instructions.")],
    responses: Annotated[Path, typer.Option(help="The Collection's gold responses, or its helpful ones.")],
    out: Out,
    system_messages: Annotated[
        Path | None, typer.Option(help="The Collection's system messages; helpful responses need none.")
    ] = None,
) -> None:
    """Cut a training set from the Collection."""
    spec = load_recipe(recipe)
    wanted = cut_from_collection(spec, name)
    inputs = {"instructions": instructions, "responses": responses}
    if takes_gold(wanted):
        if system_messages is None:
            raise UsageError(f"the data set {name} needs --system-messages")
        inputs["system_messages"] = system_messages
    condition = helpful_condition(wanted)
    if condition is not None:
        refuse_other_responses(responses, answered_under(spec, condition))
    with making(out, recipe=spec.name, section=section_of(spec, name), inputs=inputs) as made:
        messages = ok_values(inputs["system_messages"], str) if "system_messages" in inputs else {}
        material = Material(spec, list(read_instructions(instructions)), messages, responses)
        cut = cut_sft(wanted, material) if isinstance(wanted, SftDataset) else cut_pairs(wanted, material)
        count = write_jsonl(out, cut.rows)
        if not count:
            raise StepError(f"{out}: no instruction has the responses that {name} is made of; see {responses}")
        made.counts = {
            **{"rows": count, "rows_if_complete": cut.rows_if_complete, "instructions": len(material.instructions)},
            **{name: dict(sorted(counts.items())) for name, counts in cut.left_out.items()},
        }
        made.notes = dict(cut.notes)


def cut_from_collection(recipe: Recipe, name: str) -> SftDataset | PairsDataset:
    """The data set of that name. Raises UsageError for one that is not cut from the Collection."""
    wanted = named(recipe.datasets, name, "data set")
    if isinstance(wanted, HelpfulMix):
        raise UsageError(f"the data set {name} is not cut from the Collection: it is a {wanted.kind}")
    return wanted


def cut_sft(wanted: SftDataset, material: Material) -> Cut:
    """The rows of a data set for supervised fine-tuning."""
    recipe, usable = material.recipe, material.usable(wanted)
    by_default = wanted.system_message == "default"
    defaults = default_messages(recipe.collection.default_messages) if by_default else {}
    rows = sft_rows(
        material.instructions, material.system_messages, usable.texts, wanted, recipe.seed, default_messages=defaults
    )
    each = wanted.system_messages_per_instruction if takes_gold(wanted) else 1
    return Cut(rows, each * len(material.instructions), {"left_out_responses": usable.left_out}, {})


def cut_pairs(wanted: PairsDataset, material: Material) -> Cut:
    """The rows of a data set of pairs, without what the sft data set that it names trains on."""
    recipe, usable = material.recipe, material.usable(wanted)
    left_out: Counter[str] = Counter()
    texts, notes = usable.texts, {}
    if wanted.without is not None:
        first = recipe.datasets[wanted.without]
        if not isinstance(first, SftDataset):
            raise UsageError(f"datasets.{wanted.without}: pairs can be without the rows of an sft data set only")
        trained = trained_on(material.usable(first).texts.keys() & material.system_messages.keys(), first, recipe.seed)
        notes = {"without": first.model_dump(mode="json"), "responses_trained_on_before": len(trained)}
        texts = {item: text for item, text in texts.items() if item not in trained}
    each = wanted.rejected_per_instruction
    rows = pair_rows(material.instructions, material.system_messages, texts, each, recipe.seed, left_out)
    counts = {"left_out": left_out, "left_out_responses": usable.left_out}
    return Cut(rows, each * len(material.instructions), counts, notes)
