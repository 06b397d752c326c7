"""What annotators are asked, and the words that they may choose (paper, appendix F.1).

The words are what Label Studio shows and what its exports hold, so a reader of either needs no table.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Stage = Literal["stage1", "stage2"]
Subject = Literal["reference", "rubric", "difficulty", "comparison"]


class Question(NamedTuple):
    """A question with its words to choose from: what is shown, and what our files call it."""

    subject: Subject
    text: str
    choices: dict[str, str]


REFERENCE = Question(
    "reference",
    "Does the reference answer follow both the instruction and the system message? "
    "(Maybe: it follows the instruction, but not the system message.)",
    {"Yes": "yes", "Maybe": "maybe", "No": "no"},
)
RUBRIC = Question(
    "rubric",
    "Do the score rubrics address what the system message asks for?",
    {"Yes": "yes", "No": "no"},
)
DIFFICULTY = Question(
    "difficulty",
    "How hard is the problem, instruction and system message together?",
    {"Easy": "easy", "Intermediate": "intermediate", "Hard": "hard"},
)

LEFT, RIGHT = "Left is better", "Right is better"
COMPARISON = Question(
    "comparison",
    "Which response is better, by the rubrics, the instruction, the system message and the reference answer?",
    {LEFT: "left", RIGHT: "right", "Both are good": "both_good", "Both are bad": "both_bad"},
)
OUTCOMES = ("win", "both_good", "both_bad", "loss")
"""What a comparison comes to for the first model of a pair, once it is known which side it was on."""
