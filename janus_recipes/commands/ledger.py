"""`janus ledger stats`, `verify` and `export`: look into the ledger of paid answers. Nothing here changes it.

janus ledger stats --json
janus ledger verify --model gpt-6.1-terra
janus ledger export --out answers.jsonl.gz
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from janus_recipes.errors import StepError, UsageError
from janus_recipes.llm.audit import ModelStats, SegmentCheck, check_of, export, models_in, passed_over, stats_of
from janus_recipes.llm.ledger import segments_in
from janus_recipes.llm.prices import dollars
from janus_recipes.recipe.problem import did_you_mean

DAMAGED_SHOWN = 5
"""Damaged lines that are named for each segment; the others are counted."""

TOLD: dict[str, Callable[[ModelStats], str]] = {
    "answers": lambda one: f"{one.answers:,}",
    "segments": lambda one: f"{one.segments:,}",
    "megabytes": lambda one: f"{one.bytes / 1e6:,.1f}",
    "prompt tokens": lambda one: f"{one.prompt_tokens:,}",
    "completion tokens": lambda one: f"{one.completion_tokens:,}",
    "truncated": lambda one: f"{one.truncated:,}",
    "refused": lambda one: f"{one.refused:,}",
    "first answer": lambda one: one.first_day or "",
    "last answer": lambda one: one.last_day or "",
    "at list prices": lambda one: "unknown" if one.usd is None else dollars(one.usd),
}
"""The rows of the table, by their name. List prices are today's, of single requests: batches cost less."""

app = typer.Typer(help="Look into the ledger of paid answers. Nothing here changes it.")

Folder = Annotated[Path, typer.Option("--ledger", help="The ledger's folder, as the recipe names it.")]
OneModel = Annotated[str | None, typer.Option("--model", help="Only this model's answers.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def stats(ledger: Folder = Path("ledger"), model: OneModel = None, as_json: AsJson = False) -> None:
    """Print what the ledger holds: answers, tokens and days of each model, and what they would cost today."""
    found = [stats_of(ledger, one) for one in _models(ledger, model)]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        Console().print(_stats_table(found))


@app.command()
def verify(ledger: Folder = Path("ledger"), model: OneModel = None, as_json: AsJson = False) -> None:
    """Check every line of the ledger. Ends with exit code 1 when an answer is damaged."""
    models = _models(ledger, model)
    checks = [check for one in models for check in check_of(ledger, one)]
    if as_json:
        typer.echo(json.dumps([{**asdict(check), "path": str(check.path)} for check in checks], indent=2))
    else:
        for line in _verdict(checks):
            typer.echo(line)
    damaged = sum(len(check.damaged) for check in checks)
    if damaged:
        raise StepError(
            f"{damaged:,} damaged rows. They are never used as answers: what they answered is asked, and paid for, "
            "again when a step needs it. If there is a backup, put its copy of these segments back before that; "
            "otherwise leave them as they are."
        )


@app.command(name="export")
def export_answers(
    out: Annotated[Path, typer.Option(help="The file to write: .jsonl or .jsonl.gz.")],
    ledger: Folder = Path("ledger"),
    model: OneModel = None,
) -> None:
    """Write the answers as a batch API's output: one line each, no duplicates, the address as custom_id."""
    if not out.name.endswith((".jsonl", ".jsonl.gz")):
        raise UsageError(f"--out {out}: must end in .jsonl or .jsonl.gz")
    if out.resolve().is_relative_to(ledger.resolve()):
        raise UsageError(f"--out {out}: lies in the ledger, where it would be taken for answers. Write it elsewhere")
    models = _models(ledger, model)
    typer.echo(f"{out}: {export(ledger, models, out):,} answers of {', '.join(models)}")


def _models(ledger: Path, model: str | None) -> list[str]:
    """The models asked for. Raises UsageError, naming what is there, when there are none."""
    if not ledger.is_dir():
        raise UsageError(f"--ledger {ledger}: no such folder. Give the folder that the recipe names as `ledger`")
    if segments_in(ledger):
        raise UsageError(f"--ledger {ledger}: one model's answers. Give the folder above, {ledger.resolve().parent}")
    for odd in passed_over(ledger):
        typer.echo(
            f"warning: {odd}: passed over: no model's answers, by its name and what it holds (org/model's lie in "
            "org%2Fmodel). No step looks there: move it out of the ledger, or give it its model's name.",
            err=True,
        )
    models = models_in(ledger)
    if not models:
        raise UsageError(f"--ledger {ledger}: no answers here. Give the folder that the recipe names as `ledger`")
    if model is None:
        return models
    if model not in models:
        raise UsageError(
            f"--model {model}: {ledger} has no answers of it{did_you_mean(model, models)}; it has {', '.join(models)}"
        )
    return [model]


def _stats_table(found: list[ModelStats]) -> Table:
    """A column a model: there are few, and their names are long."""
    table = Table("answers in the ledger", *(Column(one.model, justify="right", overflow="fold") for one in found))
    for name, told in TOLD.items():
        table.add_row(name, *map(told, found))
    return table


def _verdict(checks: list[SegmentCheck]) -> list[str]:
    """What there is to say about segments that are not spotless, and the sum."""
    lines = [f"{check.path}:{line}" for check in checks for line in _remarks(check)]
    rows, duplicates = (sum(getattr(check, name) for check in checks) for name in ("rows", "duplicates"))
    torn = sum(bool(check.torn_bytes) for check in checks)
    total = f"{len(checks):,} segments, {rows:,} rows, {duplicates:,} of them duplicates, {torn:,} torn last lines"
    return [*lines, f"{total}, {sum(len(check.damaged) for check in checks):,} damaged rows"]


def _remarks(check: SegmentCheck) -> list[str]:
    remarks = [f"{number}: damaged: {what}" for number, what in list(check.damaged.items())[:DAMAGED_SHOWN]]
    if len(check.damaged) > DAMAGED_SHOWN:
        remarks.append(f" {len(check.damaged) - DAMAGED_SHOWN:,} more damaged rows")
    if check.torn_bytes:
        remarks.append(f" torn last line of {check.torn_bytes:,} bytes: a killed writer leaves one; nothing to do")
    if check.duplicates:
        remarks.append(f" {check.duplicates:,} duplicates: two processes asked the same at once; the older counts")
    return remarks
