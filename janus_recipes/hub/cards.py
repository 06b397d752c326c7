"""What the cards of data sets and of models share: licences by the hub's names, tables, paths that may be shown.

`datasets/cards.py` and `training/model_card.py` gather the facts, each has a template with the words beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from janus_recipes.reporting.text import markdown_table

HUB_LICENCES = {
    *("mit", "apache-2.0", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0"),
    *("cc-by-nc-sa-4.0", "cc-by-nd-4.0", "odc-by", "odbl", "bsd-3-clause", "gpl-3.0", "other", "unknown"),
    *("llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "llama4", "gemma"),
}
"""Names that the hub knows and that data sets or base models have; another licence is `other` in the front matter."""


def hub_licences(licences: Iterable[str | None]) -> str | list[str]:
    """Licences by the hub's names, each once; None is unknown."""
    given = {(licence or "unknown").lower() for licence in licences}
    names = sorted(name if name in HUB_LICENCES else "other" for name in given)
    return names[0] if len(set(names)) == 1 else sorted(set(names))


def rendered(template: Path, facts: Mapping[str, Any]) -> str:
    """A card's Markdown: the template has the words, `facts` what they speak of. A missing fact is an error."""
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template.name).render(facts)


def table(head: tuple[str, ...], rows: Any) -> str:
    """A Markdown table, or nothing when it would be empty. Whatever is a number stands on the right."""
    found = [tuple(row) for row in rows]
    numbers = {place for row in found for place, value in enumerate(row) if isinstance(value, int)}
    shown = [[f"{value:,}" if isinstance(value, int) else value for value in row] for row in found]
    return markdown_table(head, shown, set(range(len(head))) - numbers) if found else ""


def shown(path: Path) -> str:
    """A file as it is named to others: below the project by its path, elsewhere by its name alone."""
    return f"`{path.name if path.is_absolute() else path}`"


def flat(counts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, int]]:
    """The numbers of nested counts, each with its path in words."""
    for key, value in counts.items():
        what = f"{before}{str(key).replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{what}: ")
        elif isinstance(value, int):
            yield what, value
