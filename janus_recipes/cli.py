"""The `janus` command: one node of the DAG at a time, and what a person asks of a recipe.

    janus validate recipes/janus.yaml            janus plan recipes/janus.yaml
    janus show prompt judge --recipe recipes/janus.yaml
    janus --help

Exit codes: 0 done, 1 failed, 2 wrong recipe or arguments, 3 not allowed to spend, 4 provider down,
5 budget reached (errors.py).
"""

from __future__ import annotations

import shlex
import sys
import traceback

import typer

from janus_recipes.commands import (
    analysis,
    answer_analyses,
    answers,
    bench,
    best_of,
    check,
    collect,
    datasets,
    env,
    helpful,
    human,
    judging,
    ledger,
    models,
    overlap,
    publish,
    rank,
    recipes,
    reward,
    seeds,
    win_rates,
)
from janus_recipes.errors import JanusError
from janus_recipes.processes import stop_when_scheduler_dies
from janus_recipes.redact import redact

app = typer.Typer(
    help="Reproduce 'Aligning to Thousands of Preferences via System Message Generalization' (Janus).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's Markdown takes longer to import than most commands take to run
)
app.add_typer(recipes.app)
app.add_typer(collect.app, name="collect")
app.add_typer(bench.app, name="bench")
analysis.app.add_typer(answer_analyses.app)
app.add_typer(analysis.app, name="analysis")
app.add_typer(env.app, name="env")
app.add_typer(models.train_app, name="train")
app.add_typer(reward.app, name="reward")
app.add_typer(datasets.app)
app.add_typer(helpful.app)
app.add_typer(publish.app)
app.add_typer(models.app)
app.add_typer(overlap.app)
app.add_typer(answers.app)
app.add_typer(judging.app)
app.add_typer(check.app)
app.add_typer(rank.app, name="rank")
app.add_typer(best_of.app, name="best-of")
app.add_typer(win_rates.app, name="win-rates")
app.add_typer(human.app, name="human")
app.add_typer(ledger.app, name="ledger")
app.add_typer(seeds.app, name="seeds")

STOPPED = 130


def main() -> None:
    """Run a command. An error meant for the user is one message without a traceback; no secret is ever printed."""
    print(f"$ {shlex.join(['janus', *sys.argv[1:]])}", file=sys.stderr) if not sys.stderr.isatty() else None
    try:
        stop_when_scheduler_dies()
        app()
    except JanusError as problem:
        print(f"janus: {redact(str(problem))}", file=sys.stderr)
        raise SystemExit(problem.exit_code) from None
    except OSError as problem:
        if problem.filename is None:  # not about a file that the command line or the recipe names
            print(redact(traceback.format_exc()), file=sys.stderr)
        else:
            print(f"janus: {redact(f'{problem.filename}: {problem.strerror}')}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("janus: stopped; what was answered or saved by then is kept", file=sys.stderr)
        raise SystemExit(STOPPED) from None
    except Exception:
        print(redact(traceback.format_exc()), file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
