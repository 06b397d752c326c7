"""What every part of a recipe is: a model with `extra="forbid"`, so that a misspelt key is an error, not a silence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A plain name: it becomes a folder, a wildcard and a cluster job's name."""

Condition = Literal["none", "default", "multifaceted"]
"""Which system message a model gets at test time (paper, Table 8)."""


class Section(BaseModel):
    """A part of a recipe. Values are checked strictly: `"3"` and `.nan` are no numbers and `1` is not true."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True, allow_inf_nan=False)
