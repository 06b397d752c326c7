"""The words that a preference is made of in the micro-world, and how they are found in a text.

Each dimension has marks of its own: real words that hardly ever stand in an instruction. A preference asks for four of
them; whether an answer follows it can then be counted. The lists are short enough that training shows every mark a few
hundred times, and long enough that a combination of sixteen is never met twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from janus_recipes.records import DIMENSIONS

_STYLE = """
amber velvet cobalt staccato legato sepia gossamer filigree brocade tweed mosaic lacquer damask sonnet haiku limerick
madrigal nocturne cadenza pastel marble granite pewter russet indigo saffron crimson ochre
"""
_BACKGROUND = """
falconry thatching cooperage heraldry philately horology bookbinding basketry saddlery millinery lapidary cobbling
chandlery topiary viticulture mycology limnology speleology ornithology campanology numismatics paleography
lithography intaglio origami macrame crochet quilting
"""
_INFORMATIVENESS = """
sextant astrolabe theodolite caliper sundial hourglass metronome barometer almanac gazetteer marginalia codicil abacus
orrery gnomon vernier pantograph crucible alembic bellows spindle bobbin loom winch capstan rudder ballast trellis
"""
_HARMLESSNESS = """
hedgerow lantern cloister alcove veranda pergola gazebo hammock cradle cocoon burrow thicket glade meadow heather
clover fern moss willow juniper chamomile lavender thistle bramble primrose foxglove bluebell snowdrop
"""

LEXICON: Mapping[str, tuple[str, ...]] = {
    dimension: tuple(words.split())
    for dimension, words in zip(DIMENSIONS, (_STYLE, _BACKGROUND, _INFORMATIVENESS, _HARMLESSNESS), strict=True)
}
"""The marks of each dimension, in the order of `DIMENSIONS`."""

DIMENSION_OF: Mapping[str, str] = {mark: dimension for dimension, marks in LEXICON.items() for mark in marks}
"""The one dimension that a mark belongs to."""

MARKS_PER_PREFERENCE = 4
"""Two in a preference's name, two in its description; the rubric score is one more than how many are kept."""

_WORD = re.compile(r"[a-z]+")


def marks_in(text: str) -> list[str]:
    """The marks in a text, each once, in the order in which they first stand in it. Upper and lower case are alike."""
    return [word for word in dict.fromkeys(_WORD.findall(text.lower())) if word in DIMENSION_OF]


def by_dimension(marks: Iterable[str]) -> dict[str, list[str]]:
    """The marks under their dimensions, all four dimensions present, in the order given."""
    found: dict[str, list[str]] = {dimension: [] for dimension in DIMENSIONS}
    for mark in marks:
        found[DIMENSION_OF[mark]].append(mark)
    return found
