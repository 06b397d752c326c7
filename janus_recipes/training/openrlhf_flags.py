"""Check flags with OpenRLHF's own parser, before anything is loaded (OpenRLHF 0.11.2).

    .envs/openrlhf-cpu/bin/python -m janus_recipes.training.openrlhf_flags openrlhf.args ...

Runs inside OpenRLHF's environment, or wherever its code can be found: what it imports is not needed and not imported,
so this takes no second. Prints one JSON object, the problems of each file, and exits with 2 when there are any.
OpenRLHF by itself takes abbreviations (`--train.max_ep 3`), and of a flag that is given twice the last.
"""

from __future__ import annotations

import argparse
import json
import runpy
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock, patch

from janus_recipes.recipe.problem import hint

TRAINER = "openrlhf.cli.train_rm"
"""OpenRLHF's trainer of reward models."""

WRONG_FLAGS = 2
"""Exit code: flags are wrong, and nothing was started."""

IMPORTED = (
    "openrlhf.datasets",
    "openrlhf.datasets.utils",
    "openrlhf.models",
    "openrlhf.trainer.rm_trainer",
    "openrlhf.utils",
)
"""What the trainer's module imports at its beginning, with torch and DeepSpeed behind it."""


class _Built(Exception):
    """Carries the parser out of the module that built it."""


def parser_of_trainer() -> argparse.ArgumentParser:
    """The parser that OpenRLHF's trainer reads its command line with, itself: its module is run up to that point."""
    if find_spec("openrlhf") is None:
        raise ModuleNotFoundError("openrlhf is not installed here: use the Python of .envs/openrlhf-*")

    def stop(parser: argparse.ArgumentParser, *_: object) -> None:
        raise _Built(parser)

    stand_ins: dict[str, ModuleType] = {name: MagicMock(name=name) for name in IMPORTED}
    with patch.dict(sys.modules, stand_ins), patch.object(argparse.ArgumentParser, "parse_args", stop):
        try:
            runpy.run_module(TRAINER, run_name="__main__")
        except _Built as built:
            parser: argparse.ArgumentParser = built.args[0]
            parser.allow_abbrev = False
            return parser
    raise RuntimeError(f"{TRAINER} read no command line")


def problems_of(flags: Sequence[str], parser: argparse.ArgumentParser) -> Iterator[str]:
    """What is wrong with flags, one line each: unknown or twice, a missing or unusable value."""
    known = {name for action in parser._actions for name in action.option_strings}
    given = Counter(flag for flag in flags if flag.startswith("--"))
    for flag, times in given.items():
        if flag not in known:
            yield f"{flag}: OpenRLHF knows no such flag{hint(flag, known)}"
        elif times > 1:
            yield f"{flag}: is given {times} times; OpenRLHF would take the last one and not say so"
    said: list[str] = []

    def keep(message: str) -> None:
        said.append(message)
        raise _Built

    try:
        with patch.object(parser, "error", keep):
            _, left_over = parser.parse_known_args(list(flags))
        said += [f"{word}: belongs to no flag" for word in left_over if not word.startswith("--")]
    except _Built:
        pass
    yield from said


def read_args(path: Path) -> list[str]:
    """The flags of a file with one flag and its values a line; a line that begins with # is a comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in shlex.split(line)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files and print their problems as JSON."""
    parser = argparse.ArgumentParser(description="Check flags of OpenRLHF's reward model trainer.")
    parser.add_argument("files", type=Path, nargs="+", metavar="openrlhf.args")
    files = parser.parse_args(arguments).files
    trainer = parser_of_trainer()
    found = {str(path): list(problems_of(read_args(path), trainer)) for path in files}
    print(json.dumps(found, indent=2, ensure_ascii=False), flush=True)
    return WRONG_FLAGS if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
