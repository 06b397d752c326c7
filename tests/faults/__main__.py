"""Every kind of training broken on purpose, and killed in its middle; the exit code is 1 when one goes unnoticed.

    make faults                                 the whole matrix; about an hour of two cores
    make faults ARGS="broken"                   trainings from swapped pairs, a wrong template, unmasked labels
    make faults ARGS="killed --model janus-dpo-7b"

Each row changes a copy of the finished rehearsal. A broken training must make at least one of its model's claims fall
(tests/e2e/claims.py); a killed one must continue from a checkpoint, and end near the figures of the uninterrupted run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.running import say
from tests.bench.table import Row, print_table
from tests.e2e.claims import CLAIMS, Claim
from tests.e2e.workshop import ROOT, Workshop, copy_project
from tests.faults.broken import BREAKS, Break, train_from
from tests.faults.killed import MODELS, claims_of, kill_and_continue, tolerance_of

REHEARSAL = Workshop(ROOT)


def broken_rows(broken: Break) -> list[Row]:
    """Train from something broken; which of the claims that hold otherwise fall. A training that refuses is noticed."""
    held = [claim for claim in broken.claims if claim.holds(REHEARSAL)]
    with copied() as copy:
        if not train_from(broken, copy):
            return [Row(broken.name, "the training itself", "refused", "a claim falls", bool(held))]
        found = [Row(broken.name, claim.name, f"{claim.figure(copy).value:.2f}", claim.range) for claim in held]
        fell = [claim for claim in held if not claim.holds(copy)]
    return [*found, Row(broken.name, "claims that fall", f"{len(fell)} of {len(held)}", "1 or more", bool(fell))]


def killed_rows(model: str) -> list[Row]:
    """Kill and continue; where it continued, and how far its figures lie from the uninterrupted run's."""
    with copied() as copy:
        ran = kill_and_continue(model, copy)
        rows = [figure_row(claim, copy) for claim in claims_of(model)]
    went_on = 0 < ran.killed_at <= ran.continued_from
    return [Row(model, "killed, went on at", f"{ran.killed_at}, {ran.continued_from}", "the same", went_on), *rows]


def figure_row(claim: Claim, copy: Workshop) -> Row:
    """A figure after the kill beside the uninterrupted one's."""
    found, uninterrupted = claim.figure(copy).value, claim.figure(REHEARSAL).value
    most = tolerance_of(claim, uninterrupted)
    met = abs(found - uninterrupted) <= most and claim.holds(copy)
    return Row(claim.model, claim.name, f"{found:.2f}", f"{uninterrupted:.2f} +- {most:.2f}, in {claim.range}", met)


@contextmanager
def copied() -> Iterator[Workshop]:
    """A copy of the project with its finished rehearsal, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield copy_project(Path(folder), with_results=True)


def main(arguments: Sequence[str]) -> int:
    """Run the rows asked for, and print their table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=["broken", "killed", []], metavar="PART")
    parser.add_argument("--model", choices=sorted({claim.model for claim in CLAIMS}), help="this model's rows alone")
    chosen = parser.parse_args(arguments)
    wanted: list[tuple[str, str, Callable[[], list[Row]]]] = [
        *(("broken", one.model, lambda one=one: broken_rows(one)) for one in BREAKS),  # type: ignore[misc]
        *(("killed", model, lambda model=model: killed_rows(model)) for model in MODELS),  # type: ignore[misc]
    ]
    parts = []
    for part, model, rows in wanted:
        if (not chosen.parts or part in chosen.parts) and chosen.model in (None, model):
            say(f"{part}: {model}")
            parts.append(rows())
            for row in parts[-1]:
                say(f"{row.what}: {row.measure}: {row.value} (wanted {row.bar})")
    return 0 if print_table(parts, title="make faults") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
