"""Every reward model's flags pass OpenRLHF's own parser, and wrong ones do not."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.openrlhf_names import FLAGS, SCHEDULERS, SET_ELSEWHERE
from janus_recipes.recipe.training import RewardTraining
from janus_recipes.training.openrlhf import openrlhf_flags, write_args

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "recipes" / "janus.yaml"
RECIPES = [
    [],
    [ROOT / "recipes" / "rehearsal.yaml"],
    *([path] for path in sorted(ROOT.glob("recipes/ablations/*.yaml"))),
]

WRONG = {
    "an abbreviation": (
        "--train.max_ep 3",
        "--train.max_ep: OpenRLHF knows no such flag (did you mean --train.max_epochs",
    ),
    "a flag of before 0.10": ("--micro_train_batch_size 8", "--micro_train_batch_size: OpenRLHF knows no such flag"),
    "text for a number": ("--adam.lr fast", "argument --adam.lr: invalid float value: 'fast'"),
    "too few values": ("--adam.betas 0.9", "argument --adam.betas: expected 2 arguments"),
    "too many values": ("--adam.lr 0.1 0.2", "0.2: belongs to no flag"),
    "a precision it has not": ("--ds.param_dtype fp32", "argument --ds.param_dtype: invalid choice"),
    "a flag given twice": ("--adam.lr 0.1\n--adam.lr 0.2", "--adam.lr: is given 2 times"),
}


@pytest.fixture(scope="module")
def checked(openrlhf: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What OpenRLHF's parser finds in each file: those of all recipes, and wrong ones."""
    folder = tmp_path_factory.mktemp("flags")
    for overlay in RECIPES:
        recipe = load_recipe([PAPER, *overlay])
        for name, model in recipe.models.items():
            if isinstance(model.train, RewardTraining):
                flags = openrlhf_flags(model.train, start="start of a model", work=folder, seed=1)
                write_args(folder / f"{overlay[0].stem if overlay else 'janus'}.{name}.args", flags, about="A test.")
    for name, (lines, _) in WRONG.items():
        (folder / name).write_text(f"# A test.\n--train.batch_size 128\n{lines}\n")
    files = sorted(str(path) for path in folder.iterdir())
    command = [openrlhf / "bin" / "python", "-m", "janus_recipes.training.openrlhf_flags", *files]
    done = subprocess.run(command, env=dict(os.environ, PYTHONPATH=ROOT), stdout=subprocess.PIPE, check=False)
    assert done.returncode == 2
    return {Path(path).name: problems for path, problems in json.loads(done.stdout).items()}


def test_the_flags_of_every_reward_model_of_the_recipes_are_openrlhfs(checked: dict[str, list[str]]) -> None:
    ours = {name: problems for name, problems in checked.items() if name.endswith(".args")}
    assert {"janus.janus-rm-stage1-7b.args", "janus.janus-rm-7b.args", "reward-head.janus-rm-new-head-7b.args"} <= set(
        ours
    )
    assert all(problems == [] for problems in ours.values())


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_flag_is_refused_and_the_right_one_named(checked: dict[str, list[str]], name: str) -> None:
    assert any(problem.startswith(WRONG[name][1]) for problem in checked[name])


LISTED = """
import json
from transformers.trainer_utils import SchedulerType
from janus_recipes.training.openrlhf_flags import parser_of_trainer
flags = [name.removeprefix("--") for action in parser_of_trainer()._actions for name in action.option_strings]
print(json.dumps({"flags": flags, "schedulers": [one.value for one in SchedulerType]}))
"""


def test_names_that_a_recipe_is_checked_with_are_the_installed_openrlhfs(openrlhf: Path, tmp_path: Path) -> None:
    command = [openrlhf / "bin" / "python", "-c", LISTED]
    listed = json.loads(
        subprocess.run(command, env=dict(os.environ, PYTHONPATH=ROOT), stdout=subprocess.PIPE, check=True).stdout
    )
    assert sorted(FLAGS) == sorted(set(listed["flags"]) - {"help", "-h"})
    assert set(SET_ELSEWHERE) <= set(FLAGS)
    assert set(SCHEDULERS) <= set(listed["schedulers"])


TORCHRUN = """
import json
from torch.distributed.run import config_from_args, get_args_parser
from janus_recipes.training.openrlhf_launch import torchrun_arguments
config, _, rank = config_from_args(get_args_parser().parse_args(torchrun_arguments({"gpus": 2}, "job.json")))
print(json.dumps({"signals": config.signals_to_handle, "ranks": config.nproc_per_node, "rank": rank}))
"""


def test_torchrun_leaves_sigterm_to_the_ranks_which_save_a_checkpoint_at_it(openrlhf: Path) -> None:
    command = [openrlhf / "bin" / "python", "-c", TORCHRUN]
    environ = dict(os.environ, PYTHONPATH=ROOT)
    told = json.loads(subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True).stdout)
    assert told["signals"] == "SIGINT,SIGHUP,SIGQUIT" and told["ranks"] == 2
    assert told["rank"][-3:] == ["-m", "janus_recipes.training.openrlhf_launch", "job.json"]
