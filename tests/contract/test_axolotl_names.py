"""The names that a recipe may give are those that the installed axolotl knows."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from janus_recipes.recipe.axolotl_names import OPTIMIZERS, SCHEDULERS, SET_ELSEWHERE
from janus_recipes.recipe.check_axolotl import known_keys
from janus_recipes.training.check_config import OWN_SCHEDULERS

KNOWN = """
import json
from axolotl.integrations.liger.args import LigerArgs
from axolotl.utils.schemas.config import AxolotlInputConfig
from axolotl.utils.schemas.enums import CustomSupportedOptimizers
from transformers.trainer_utils import SchedulerType
from transformers.training_args import OptimizerNames
print(json.dumps({
    "optimizers": [one.value for one in (*OptimizerNames, *CustomSupportedOptimizers)],
    "schedulers": [one.value for one in SchedulerType],
    "keys": [
        name
        for config in (AxolotlInputConfig, LigerArgs)
        for field, told in config.model_fields.items()
        for name in {field, told.alias or field}
    ],
}))
"""


@pytest.fixture(scope="module")
def known(axolotl: Path) -> dict[str, list[str]]:
    environ = dict(os.environ) | {"HF_HUB_OFFLINE": "1", "AXOLOTL_DO_NOT_TRACK": "1"}
    done = subprocess.run([axolotl / "bin" / "python", "-c", KNOWN], env=environ, stdout=subprocess.PIPE, check=True)
    names: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])  # axolotl may log to stdout before
    return names


def test_every_optimizer_that_axolotl_knows_may_be_given_and_no_other(known: dict[str, list[str]]) -> None:
    assert sorted(OPTIMIZERS) == sorted(known["optimizers"])


def test_every_scheduler_that_axolotl_knows_may_be_given_and_no_other(known: dict[str, list[str]]) -> None:
    assert sorted(SCHEDULERS) == sorted([*known["schedulers"], *OWN_SCHEDULERS])


def test_the_keys_that_are_set_elsewhere_are_axolotls(known: dict[str, list[str]]) -> None:
    assert set(SET_ELSEWHERE) <= set(known["keys"])


def test_every_key_that_axolotl_knows_may_be_given_and_no_other(known: dict[str, list[str]]) -> None:
    assert known_keys() == set(known["keys"])
