"""Table 1: how many different instructions, system messages, dimensions, subdimensions and preferences there are.

    janus analysis table1 --instructions i.jsonl --preferences p.jsonl --system-messages m.jsonl --out table1.csv

Two texts are the same when they are after normalising: in lower case, with runs of white space as one space. The count
of texts as they are written stands beside it. A preference is its name with its description; the paper does not say
what it counted, so names and descriptions alone are counted too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from janus_recipes.analysis.finding import Finding, Read, cell, count, signed_count
from janus_recipes.analysis.published import Unique
from janus_recipes.records import DIMENSIONS, Asked, Instruction, Preference

COLUMNS = (
    *("component", "unique", "unique_as_written", "n_expected", "n_used", "n_left_out", "published", "difference"),
)


@dataclass
class Distinct:
    """Counts different texts by their digests, which take less memory than the texts."""

    normalised: set[bytes] = field(default_factory=set)
    as_written: set[bytes] = field(default_factory=set)

    def add(self, text: str) -> None:
        self.as_written.add(_digest(text))
        self.normalised.add(_digest(" ".join(text.lower().split())))


def count_unique(
    instructions: Iterable[Instruction],
    preference_sets: Iterable[Asked[tuple[Preference, ...]]],
    system_messages: Iterable[Asked[str]],
    published: Unique,
    notice: str | None,
) -> Finding:
    """Count what the three files hold. In a rehearsal (`notice`) no difference to the paper is taken."""
    counted = Counted()
    counted.count(instructions, preference_sets, system_messages)
    paper: dict[str, int] = published.model_dump()
    rows, lines = [], []
    for name, (texts, read) in counted.components().items():
        unique, theirs = len(texts.normalised), paper.get(_KEYS.get(name, ""))
        difference = unique - theirs if theirs is not None and notice is None else None
        numbers = (unique, len(texts.as_written), read.n_expected, read.n_used, read.left_out.total())
        rows.append([name, *map(cell, (*numbers, theirs, difference))])
        lines.append([name, count(unique), count(len(texts.as_written)), count(theirs), signed_count(difference)])
    return Finding(
        title="Table 1: unique instructions, system messages and preferences",
        columns=COLUMNS,
        rows=rows,
        head=["Component", "Unique", "As written", "Paper", "Difference"],
        lines=lines,
        text_columns=frozenset({0}),
        notes=[_counted_from(counted), _NORMALISED, _what_a_preference_is(published)],
        notice=notice,
    )


_KEYS = {
    "Instruction": "instructions",
    "System message": "system_messages",
    "Dimension": "dimensions",
    "Subdimension": "subdimensions",
    "Preference": "preferences",
}
_NORMALISED = (
    "Unique are texts in lower case with runs of white space as one space; as written counts every difference. The "
    "paper does not say how it compared texts."
)


class Counted:
    """The different texts of each component, with the rows that they come from."""

    def __init__(self) -> None:
        self.instructions, self.messages = Distinct(), Distinct()
        self.dimensions, self.subdimensions = Distinct(), Distinct()
        self.preferences, self.names, self.descriptions = Distinct(), Distinct(), Distinct()
        self.of_instructions, self.of_sets, self.of_messages = Read(), Read(), Read()

    def count(
        self,
        instructions: Iterable[Instruction],
        preference_sets: Iterable[Asked[tuple[Preference, ...]]],
        system_messages: Iterable[Asked[str]],
    ) -> None:
        """Read the files, one row at a time."""
        for instruction in instructions:
            self.of_instructions.n_expected += 1
            self.instructions.add(instruction.text)
        for _, message in self.of_messages.ok(system_messages):
            self.messages.add(message)
        for _, preferences in self.of_sets.ok(preference_sets):
            for one in preferences:
                self._add(one)

    def components(self) -> dict[str, tuple[Distinct, Read]]:
        """By the table's name."""
        return {
            "Instruction": (self.instructions, self.of_instructions),
            "System message": (self.messages, self.of_messages),
            "Dimension": (self.dimensions, self.of_sets),
            "Subdimension": (self.subdimensions, self.of_sets),
            "Preference": (self.preferences, self.of_sets),
            "Preference, name alone": (self.names, self.of_sets),
            "Preference, description alone": (self.descriptions, self.of_sets),
        }

    def _add(self, one: Preference) -> None:
        self.dimensions.add(one.dimension)
        self.subdimensions.add(one.subdimension)
        self.names.add(one.preference)
        self.descriptions.add(one.description)
        self.preferences.add(f"{one.preference} \0 {one.description}")


def _counted_from(counted: Counted) -> str:
    return (
        f"Counted in {counted.of_instructions.told('instructions')}; {counted.of_messages.told('system messages')}; "
        f"{counted.of_sets.told('preference sets')}."
    )


def _what_a_preference_is(published: Unique) -> str:
    told, most = "A preference is its name with its description.", len(DIMENSIONS) * published.system_messages
    if published.preferences <= most:
        return told
    return (
        f"{told} The paper's {published.preferences:,} are more than {len(DIMENSIONS)} for each of its "
        f"{published.system_messages:,} system messages ({most:,}), so they cannot all be preferences behind these "
        "messages."
    )


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
