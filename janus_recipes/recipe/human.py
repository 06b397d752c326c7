"""What a recipe says about human evaluation (paper, appendix F.1): how many annotators see what, and which models."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from janus_recipes.recipe.section import Condition, Name, Section

BadWhen = Literal["reference_no", "rubric_no", "either_no", "both_no"]
"""What makes an instance bad: a `no` to its reference answer, to its rubrics, to either of them, or to both."""


class BenchCheck(Section):
    """Stage 1: are the bench's reference answers and rubrics good? One annotator per group of instructions."""

    annotators: int = Field(9, ge=1, description="the instructions are split into so many groups of equal size")
    overlap: int = Field(
        1, ge=1, description="annotators who see the same instruction; from 2 on their agreement can be measured"
    )
    bad_when: BadWhen = Field(
        "both_no",
        description="an instance is excluded when more than half of its annotators answered so; the paper does not "
        "give its rule",
    )


class ModelComparison(Section):
    """Stage 2: how hard is a problem, and which of two models' answers to it is better?"""

    pairs: list[list[Name]] = Field(min_length=1, description="pairs of models; a win is one of the first of a pair")
    condition: Condition = "multifaceted"
    groups: int = Field(3, ge=1, description="the instructions are split into so many groups of equal size")
    annotators: int = Field(9, ge=1, description="the same number for each group, so a multiple of `groups`")
    overlap: int = Field(
        1, ge=1, description="annotators who compare the same two answers; no more than a group's annotators"
    )


class Human(Section):
    """Human evaluation of a benchmark, and of models on it, by annotators who work in Label Studio."""

    benchmark: Name
    stage1: BenchCheck = BenchCheck()
    stage2: ModelComparison
