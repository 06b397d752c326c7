"""Check axolotl configurations with axolotl's own schema, and with what that schema silently lets pass.

    .envs/axolotl-cpu/bin/python -m janus_recipes.training.check_config axolotl.yaml ... [--gpus 4]
    .envs/axolotl-cpu/bin/python -m janus_recipes.training.check_config axolotl.yaml --gpus 0 --then train ...

Runs inside axolotl's environment, on any machine: the GPUs are those of the machine that will train. Prints one JSON
object, the problems of each file, and exits with 2 when there are any. axolotl 0.19.0 drops unknown keys at every level
and plugins that it cannot load, takes any name as an optimizer, scheduler or prompt strategy, any number of epochs and
any learning rate, and trains all weights where an adapter's keys stand without `adapter`.

`--then` hands the rest of the line to axolotl's own command line, in this process: importing axolotl takes several
seconds of CPU, and is paid once.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args, get_origin

from janus_recipes.recipe.problem import hint

Config = dict[str, Any]

A100 = {"bf16": True, "fp8": False, "tf32": True, "compute_capability": "sm_80"}
"""What axolotl finds out about the paper's GPUs."""

OWN_SCHEDULERS = ("one_cycle", "rex")
"""The schedulers that axolotl adds to those of transformers (axolotl.core.builders.base)."""

WRONG_CONFIG = 2
"""Exit code: a configuration is wrong, and nothing was started."""

ABOVE_ZERO = (
    "num_epochs",
    "learning_rate",
    "micro_batch_size",
    "gradient_accumulation_steps",
    "sequence_len",
    "rl_beta",
    "lora_r",
    "lora_alpha",
)
NOT_BELOW_ZERO = ("warmup_steps", "weight_decay", "val_set_size", "lora_dropout")

PAIR_METHODS = ("dpo", "ipo", "simpo")
"""The methods whose data sets axolotl reads as DPODataset, which has few keys. ORPO's it reads as others."""


def problems_of(path: Path, gpus: int) -> list[str]:
    """What is wrong with one configuration, one line each: where, what, and the nearest right name."""
    import yaml

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as problem:
        return [f"cannot be read: {problem}"]
    if not isinstance(config, dict):
        return ["is not a mapping of axolotl's keys"]
    if missing := list(_plugins(config)):
        return missing  # no plugin, no keys of its: all of them would look unknown
    checks = (
        *(_unknown_keys(config), _names(config), _strategies(config), _ranges(config)),
        *(_adapter(config), _sharding(config), _hardware(config, gpus), _schema(config, gpus)),
    )
    return [problem for check in checks for problem in check]


def _plugins(config: Config) -> Iterator[str]:
    """Load the plugins, which bring keys of their own. axolotl goes on without one that it does not find."""
    from axolotl.integrations.base import PluginManager
    from axolotl.utils.config import prepare_plugins

    prepare_plugins(config)
    for name in config.get("plugins") or []:
        if name not in PluginManager.get_instance().plugins:
            yield f"plugins: axolotl cannot load {name}"


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
    from axolotl.integrations.config import merge_input_args
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.datasets import DPODataset, SFTDataset

    whole = merge_input_args()[1] if config.get("plugins") else AxolotlInputConfig
    yield from _unknown("", {key: value for key, value in config.items() if key != "datasets"}, [whole])
    rows = DPODataset if config.get("rl") in PAIR_METHODS else SFTDataset
    for number, dataset in enumerate(config.get("datasets") or []):
        yield from _unknown(f"datasets[{number}].", dataset, [rows])


def _unknown(where: str, keys: Config, models: Sequence[Any]) -> Iterator[str]:
    """The keys that none of the models has, also those in the mappings inside that are models themselves."""
    fields = {name: field for model in models for name, field in _fields(model)}
    for key in sorted(set(keys) - set(fields)):
        yield f"{where}{key}: axolotl knows no such key{hint(key, set(fields))}"
    for key, value in keys.items():
        inner = _models_in(fields[key].annotation) if key in fields and isinstance(value, dict) else []
        if inner:
            yield from _unknown(f"{where}{key}.", value, inner)


def _fields(model: Any) -> Iterator[tuple[str, Any]]:
    """A model's fields by each of the names that it takes for them."""
    for name, field in model.model_fields.items():
        choices = getattr(field.validation_alias, "choices", [field.validation_alias])
        yield from ((one, field) for one in {name, field.alias, *choices} if isinstance(one, str))


def _models_in(annotation: Any) -> list[Any]:
    """The models among the types that a field may have. None where it may be any mapping besides."""
    from pydantic import BaseModel

    options = get_args(annotation) or (annotation,)
    if any(option is dict or get_origin(option) is dict for option in options):
        return []
    return [option for option in options if isinstance(option, type) and issubclass(option, BaseModel)]


def _names(config: Config) -> Iterator[str]:
    """Optimizer and scheduler, which are looked up only when the model is already loaded, and the method."""
    from axolotl.utils.schemas.enums import CustomSupportedOptimizers, RLType
    from transformers.trainer_utils import SchedulerType
    from transformers.training_args import OptimizerNames

    optimizers = {one.value for one in (*OptimizerNames, *CustomSupportedOptimizers)}
    schedulers = {*(one.value for one in SchedulerType), *OWN_SCHEDULERS}
    methods = {one.value for one in RLType}
    for key, known in (("optimizer", optimizers), ("lr_scheduler", schedulers), ("rl", methods)):
        if key in config and config[key] not in known:
            yield f"{key}: axolotl knows no {config[key]!r}{hint(str(config[key]), known)}"


def _strategies(config: Config) -> Iterator[str]:
    """What turns rows into tokens, looked up by name when the data are prepared, and a trainer of another class."""
    for number, dataset in enumerate(config.get("datasets") or []):
        name = dataset.get("type")
        if isinstance(name, str) and not _strategy_found(name, config):
            kind = f"for rl: {config['rl']}" if config.get("rl") else "for conversations"
            yield f"datasets[{number}].type: axolotl finds no strategy {name} {kind}"
    module, _, trainer = str(config.get("trainer_cls") or "").rpartition(".")
    if trainer and not (_module_found(module) and hasattr(import_module(module), trainer)):
        yield f"trainer_cls: there is no class {config['trainer_cls']}"


def _strategy_found(name: str, config: Config) -> bool:
    """Look a strategy up as axolotl does: a preference strategy is a function, any other a module."""
    from axolotl.prompt_strategies.base import load
    from axolotl.utils.dict import DictDefault

    if method := config.get("rl"):
        folder = method if method in ("kto", "orpo") else "dpo"
        return load(name, DictDefault(config), module_base=f"axolotl.prompt_strategies.{folder}") is not None
    module, _, function = name.rpartition(".")
    name = module if function.startswith("load") else name
    return any(_module_found(one) for one in (f"axolotl.prompt_strategies.{name}", name))


def _module_found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # the package that it would be in
        return False


def _ranges(config: Config) -> Iterator[str]:
    """Numbers that would train nothing, or backwards."""
    for key in (*ABOVE_ZERO, *NOT_BELOW_ZERO):
        value, least = config.get(key), "above 0" if key in ABOVE_ZERO else "0 or more"
        if value is None:
            continue
        if not isinstance(value, int | float) or value < 0 or (value == 0 and key in ABOVE_ZERO):
            yield f"{key}: must be a number {least}, not {value!r}"


def _adapter(config: Config) -> Iterator[str]:
    """Keys of an adapter without one: axolotl would train all weights."""
    if not config.get("adapter"):
        for key in sorted(key for key in config if key.startswith("lora_") and config[key]):
            yield f"{key}: without `adapter`, axolotl trains all weights"


def _sharding(config: Config) -> Iterator[str]:
    """What GPUs share, said in two ways at once or in a file that is not there."""
    if config.get("deepspeed") and config.get("fsdp_config"):
        yield "deepspeed: stands beside fsdp_config; choose one of them"
    given = config.get("deepspeed")
    if isinstance(given, str) and not Path(given).is_file():
        yield f"deepspeed: there is no file {given}"
    elif isinstance(given, dict) and given.get("zero_optimization", {}).get("stage") not in (0, 1, 2, 3):
        yield "deepspeed.zero_optimization.stage: must be 0, 1, 2 or 3"


def _hardware(config: Config, gpus: int) -> Iterator[str]:
    """What fails on a CPU only when the model is loaded or the first step is taken."""
    if gpus == 0 and str(config.get("attn_implementation", "")).startswith("flash"):
        yield "attn_implementation: flash attention needs a GPU; on a CPU use sdpa"
    if gpus == 0 and config.get("bf16") == "auto":
        yield "bf16: auto becomes fp16 on a CPU, which fails; say true or false"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files and print their problems as JSON."""
    parser = argparse.ArgumentParser(description="Check axolotl configurations.")
    parser.add_argument("configs", type=Path, nargs="+", metavar="axolotl.yaml")
    parser.add_argument("--gpus", type=int, default=1, help="GPUs of the machine that will train; 0: a CPU")
    parser.epilog = "--then ARGUMENTS: what to tell axolotl when all is well"
    own, then = _split(sys.argv[1:] if arguments is None else list(arguments), "--then")
    options = parser.parse_args(own)
    os.environ["AXOLOTL_DO_NOT_TRACK"] = "1"
    gc.disable()  # looking for garbage among what axolotl imports takes nearly as long as importing it
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

    if "torchrun" in arguments:  # it would kill its ranks 30 s after SIGTERM: they get it too, and save (stopping.py)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        _keep_imports()
    gc.enable()
    sys.argv = ["axolotl", *arguments]
    return int(cli(arguments, standalone_mode=False) or 0)


def _keep_imports() -> None:
    """Import what a training needs, and have no garbage looked for in it: axolotl does so at every model it loads."""
    import_module("axolotl.cli.train")
    gc.freeze()
    atexit.register(gc.unfreeze)  # or else some of it is reported as leaked, below an error's last words


if __name__ == "__main__":
    sys.exit(main())
