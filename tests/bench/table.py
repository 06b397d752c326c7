"""What a benchmark found: rows of what, measure, value, bar and whether it is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One figure. `met` is None where no bar is set: peers have none."""

    what: str
    measure: str
    value: str
    bar: str = ""
    met: bool | None = None


def at_least(what: str, measure: str, value: float, bar: float, form: str) -> Row:
    """A figure that must not be smaller than its bar; both are shown in a format as `{:.2f}`."""
    return Row(what, measure, form.format(value), f">= {form.format(bar)}", value >= bar)


def at_most(what: str, measure: str, value: float, bar: float, form: str) -> Row:
    """A figure that must not be greater than its bar."""
    return Row(what, measure, form.format(value), f"<= {form.format(bar)}", value <= bar)


def shown(parts: Sequence[Sequence[Row]], title: str) -> Table:
    """All figures, the parts set apart by lines."""
    table = Table(title=title)
    for name in ("what", "measure", "value", "bar", "met"):
        table.add_column(name, justify="right" if name in ("value", "bar") else "left", overflow="fold")
    for rows in parts:
        said = ""
        for row in rows:
            met = {None: "", True: "yes", False: "[bold red]no[/]"}[row.met]
            table.add_row("" if row.what == said else row.what, row.measure, row.value, row.bar, met)
            said = row.what
        table.add_section()
    return table


def print_table(parts: Sequence[Sequence[Row]], title: str = "make bench") -> bool:
    """Print the figures. Returns whether every bar is met."""
    console = Console()
    # A log has no width of its own: what would be folded at 80 is given room.
    (console if console.is_terminal else Console(width=150)).print(shown(parts, title))
    return all(row.met is not False for rows in parts for row in rows)
