"""A plan as a table for people."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from janus_recipes.llm.prices import dollars
from janus_recipes.planning.line import Line
from janus_recipes.planning.plan import Plan

WIDTH_OF_A_FILE = 180
"""Columns where the output is no terminal: one line a step."""

NARROW = 130
"""Columns below which a table would break words: each step is told in two lines instead."""

COLUMNS = ("requests", "in ledger", "tokens in", "out", "live $", "batch $", "hours", "GPU-h", "basis")
UNKNOWN = "?"


def print_plan(plan: Plan, console: Console | None = None) -> None:
    """Print the plan's lines, its total, what it means for the budget, and its notes."""
    console = console or Console()
    console.width = console.width if console.is_terminal else max(console.width, WIDTH_OF_A_FILE)
    if console.width < NARROW:
        for line in (*plan.lines, plan.total):
            console.print(f"[bold]{line.step}[/] {by(line)}\n    {in_words(line)}", highlight=False)
    else:
        console.print(table_of(plan))
    for text in (money(plan), *(f"- {note}" for note in plan.notes)):
        console.print(text, soft_wrap=True, highlight=False)


def table_of(plan: Plan) -> Table:
    """The plan as a table, with its total."""
    table = Table(title=f"What {plan.recipe} would do now", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("step", "by"):
        table.add_column(name, overflow="fold")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "basis" else "right", no_wrap=True)
    for number, line in enumerate(plan.lines, start=1):
        table.add_row(line.step, by(line), *figures(line), end_section=number == len(plan.lines))
    table.add_row(plan.total.step, by(plan.total), *figures(plan.total))
    return table


def in_words(line: Line) -> str:
    """A line's figures with their names, those left out that do not apply."""
    named = zip(COLUMNS, figures(line), strict=True)
    return ", ".join(value if name == "basis" else f"{name} {value}" for name, value in named if value)


def by(line: Line) -> str:
    """Whose model answers, or which one is trained or sampled and over how many tokens."""
    return f"{line.by}, {short(line.gpu_tokens)} tokens" if line.by and line.gpu_tokens else line.by


def figures(line: Line) -> list[str]:
    """A line's figures. What does not apply is left empty."""
    return [
        *(f"{number:,}" if number else "" for number in (line.requests, line.in_ledger)),
        *(short(number) for number in (line.tokens_in, line.tokens_out)),
        *(amount(usd) if line.requests else "" for usd in (line.usd, line.usd_in_batch)),
        UNKNOWN if line.hours is None else quantity(line.hours),
        UNKNOWN if line.gpu_hours is None else quantity(line.gpu_hours),
        line.basis,
    ]


def money(plan: Plan) -> str:
    """What the recipe will spend, and whether its budget allows it."""
    needed = plan.usd_to_spend
    if needed is None and plan.budget_usd is not None:
        return without_price(plan)
    text = f"As it is, {plan.recipe} would spend {UNKNOWN if needed is None else dollars(needed)}"
    before = [f"{dollars(plan.spent_usd)} spent so far"] if plan.spent_usd else []
    before += [f"{dollars(plan.committed_usd)} at most for batches under way"] if plan.committed_usd else []
    text += f" on top of {' and '.join(before)}" if before else ""
    if plan.budget_usd is None:
        return f"{text}. It has no `budget_usd`: nothing stops it."
    text += f"; its budget is {dollars(plan.budget_usd)}"
    if needed is None or plan.spent_usd + plan.committed_usd + needed <= plan.budget_usd:
        return f"{text}."
    return f"{text}, WHICH IS NOT ENOUGH: it would stop when that is spent."


def without_price(plan: Plan) -> str:
    """What a budget means for steps whose price nobody knows."""
    unpriced = sorted({line.by for line in plan.lines if line.usd_to_spend is None})
    return (
        f"As it is, {plan.recipe} would not finish: the price of {' and of '.join(unpriced)} is not known, "
        f"so its budget of {dollars(plan.budget_usd or 0.0)} cannot be kept, and every step that asks there will "
        "refuse to start. Give `prices` (dollars per million tokens), or set `budget_usd: null`."
    )


def amount(usd: float | None) -> str:
    """Dollars in a column whose head has the sign."""
    return UNKNOWN if usd is None else dollars(usd).lstrip("$")


def short(number: float) -> str:
    """A number of tokens, to three digits: 1.26M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * size:
            return f"{number / size:.3g}{unit}" if number < 999.5 * size else f"{number / size:,.0f}{unit}"
    return f"{number:,.0f}" if number else ""


def quantity(hours: float) -> str:
    """Hours in a column."""
    if not hours:
        return ""
    return f"{hours:,.1f}" if hours >= 1 else f"{hours:.2f}" if hours >= 0.01 else "<0.01"
