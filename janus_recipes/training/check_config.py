"""Check axolotl configurations with axolotl's own schema, and with what that schema silently lets pass.

    .envs/axolotl-cpu/bin/python -m janus_recipes.training.check_config axolotl.yaml ... [--gpus 4]
    .envs/axolotl-cpu/bin/python -m janus_recipes.training.check_config axolotl.yaml --gpus 0 --then train ...

Runs inside axolotl's environment, on any machine: the GPUs are those of the machine that will train. Prints one JSON
object, the problems of each file, and exits with 2 when there are any. axolotl 0.19.0 drops unknown keys at every level
and takes any name as an optimizer or scheduler, any number of epochs and any learning rate.

`--then` hands the rest of the line to axolotl's own command line, in this process: importing axolotl takes 20 s of CPU,
and is paid once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

Config = dict[str, Any]

A100 = {"bf16": True, "fp8": False, "tf32": True, "compute_capability": "sm_80"}
"""What axolotl finds out about the paper's GPUs."""

OWN_SCHEDULERS = ("one_cycle", "rex")
"""The schedulers that axolotl adds to those of transformers (axolotl.core.builders.base)."""

WRONG_CONFIG = 2
"""Exit code: a configuration is wrong, and nothing was started."""

ABOVE_ZERO = ("num_epochs", "learning_rate", "micro_batch_size", "gradient_accumulation_steps", "sequence_len")
NOT_BELOW_ZERO = ("warmup_steps", "weight_decay", "val_set_size")


def problems_of(path: Path, gpus: int) -> list[str]:
    """What is wrong with one configuration, one line each: where, what, and the nearest right name."""
    import yaml

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as problem:
        return [f"cannot be read: {problem}"]
    if not isinstance(config, dict):
        return ["is not a mapping of axolotl's keys"]
    checks = (_unknown_keys(config), _names(config), _ranges(config), _hardware(config, gpus), _schema(config, gpus))
    return [problem for check in checks for problem in check]


def _schema(config: Config, gpus: int) -> Iterator[str]:
    """axolotl's own validation, as the machine that trains would run it."""
    import torch
    from axolotl.utils.config import validate_config
    from axolotl.utils.dict import DictDefault
    from pydantic import ValidationError

    capabilities = {"bf16": False, "fp8": False, "tf32": False, "compute_capability": None} if gpus == 0 else A100
    try:
        validate_config(
            DictDefault(json.loads(json.dumps(config))),
            {**capabilities, "n_gpu": max(gpus, 1), "n_node": 1},
            {"torch_version": torch.__version__.split("+")[0]},
        )
    except ValidationError as refused:
        for error in refused.errors():
            yield f"{'.'.join(str(part) for part in error['loc']) or 'axolotl'}: {error['msg']}"
    except ValueError as refused:
        yield f"axolotl: {refused}"


def _unknown_keys(config: Config) -> Iterator[str]:
    """Keys that axolotl would drop without a word."""
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.datasets import SFTDataset, UserDefinedPrompterType

    yield from _unknown("", config, AxolotlInputConfig)
    for number, dataset in enumerate(config.get("datasets") or []):
        yield from _unknown(f"datasets[{number}].", dataset, SFTDataset)
        if isinstance(dataset.get("type"), dict):
            yield from _unknown(f"datasets[{number}].type.", dataset["type"], UserDefinedPrompterType)


def _unknown(where: str, keys: Config, model: Any) -> Iterator[str]:
    known = set(model.model_fields)
    for field in model.model_fields.values():
        known |= {name for name in (field.alias, field.validation_alias) if isinstance(name, str)}
    for key in sorted(set(keys) - known):
        yield f"{where}{key}: axolotl knows no such key{_nearest(key, known)}"


def _names(config: Config) -> Iterator[str]:
    """Optimizer and scheduler, which are looked up only when the model is already loaded."""
    from axolotl.utils.schemas.enums import CustomSupportedOptimizers
    from transformers.trainer_utils import SchedulerType
    from transformers.training_args import OptimizerNames

    optimizers = {one.value for one in (*OptimizerNames, *CustomSupportedOptimizers)}
    schedulers = {*(one.value for one in SchedulerType), *OWN_SCHEDULERS}
    for key, known in (("optimizer", optimizers), ("lr_scheduler", schedulers)):
        if key in config and config[key] not in known:
            yield f"{key}: axolotl knows no {config[key]!r}{_nearest(str(config[key]), known)}"


def _ranges(config: Config) -> Iterator[str]:
    """Numbers that would train nothing, or backwards."""
    for key in (*ABOVE_ZERO, *NOT_BELOW_ZERO):
        value, least = config.get(key), "above 0" if key in ABOVE_ZERO else "0 or more"
        if value is None:
            continue
        if not isinstance(value, int | float) or value < 0 or (value == 0 and key in ABOVE_ZERO):
            yield f"{key}: must be a number {least}, not {value!r}"


def _hardware(config: Config, gpus: int) -> Iterator[str]:
    """What fails on a CPU only when the model is loaded or the first step is taken."""
    if gpus == 0 and str(config.get("attn_implementation", "")).startswith("flash"):
        yield "attn_implementation: flash attention needs a GPU; on a CPU use sdpa"
    if gpus == 0 and config.get("bf16") == "auto":
        yield "bf16: auto becomes fp16 on a CPU, which fails; say true or false"


def _nearest(name: str, known: set[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files and print their problems as JSON."""
    parser = argparse.ArgumentParser(description="Check axolotl configurations.")
    parser.add_argument("configs", type=Path, nargs="+", metavar="axolotl.yaml")
    parser.add_argument("--gpus", type=int, default=1, help="GPUs of the machine that will train; 0: a CPU")
    parser.epilog = "--then ARGUMENTS: what to tell axolotl when all is well"
    own, then = _split(sys.argv[1:] if arguments is None else list(arguments), "--then")
    options = parser.parse_args(own)
    os.environ["AXOLOTL_DO_NOT_TRACK"] = "1"
    with contextlib.redirect_stdout(sys.stderr):  # axolotl logs to stdout
        found = {str(path): problems_of(path, options.gpus) for path in options.configs}
    print(json.dumps(found, indent=2, ensure_ascii=False), flush=True)
    if any(found.values()):
        return WRONG_CONFIG
    return _axolotl(then) if then else 0


def _split(arguments: list[str], at: str) -> tuple[list[str], list[str]]:
    """What stands before `at` and after it. argparse cannot pass on the `--` before a launcher's arguments."""
    place = arguments.index(at) if at in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]


def _axolotl(arguments: list[str]) -> int:
    """axolotl's own command line. It reads `sys.argv` a second time inside."""
    from axolotl.cli.main import cli

    sys.argv = ["axolotl", *arguments]
    return int(cli(arguments, standalone_mode=False) or 0)


if __name__ == "__main__":
    sys.exit(main())
