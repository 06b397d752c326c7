"""Labelling configurations for Label Studio, in its XML.

Texts of tasks are never put into the XML: it names the task's fields (`$instruction`), and Label Studio shows their
values as plain text. So neither a model's answer nor a prompt can add a tag, a script or another field.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from janus_recipes.human.labels import COMPARISON, DIFFICULTY, REFERENCE, RUBRIC, Question

KEEP_SPACES = ".lsf-htx-richtext, .htx-text { white-space: pre-wrap; overflow-wrap: anywhere; }"
"""Without it Label Studio takes the indentation away from code, and older ones the lines from every text."""


def stage1_config(messages: int, notice: str | None) -> str:
    """The page of one instruction with so many system messages: two questions for each."""
    view = _page(notice)
    _text(view, "Instruction", "instruction")
    for number in range(1, messages + 1):
        box = ET.SubElement(view, "View", style="border-top: 2px solid; margin-top: 2em; padding-top: 1em")
        _text(box, f"System message {number} of {messages}", f"system_message_{number}")
        _text(box, "Reference answer", f"reference_answer_{number}")
        _choices(box, REFERENCE, f"reference_{number}", f"reference_answer_{number}")
        _text(box, "Score rubrics", f"rubrics_{number}")
        _choices(box, RUBRIC, f"rubric_{number}", f"rubrics_{number}")
    return _written(view)


def stage2_config(notice: str | None) -> str:
    """The page of one comparison: the problem, then two responses side by side, without their models' names."""
    view = _page(notice)
    _text(view, "Instruction", "instruction")
    _text(view, "System message", "system_message")
    _choices(view, DIFFICULTY, "difficulty", "instruction")
    _text(view, "Reference answer", "reference_answer")
    _text(view, "Score rubrics", "rubrics")
    sides = ET.SubElement(view, "View", style="display: flex; gap: 2em")
    for side in ("left", "right"):
        box = ET.SubElement(sides, "View", style="flex: 1 1 50%; min-width: 0")
        _text(box, f"{side.capitalize()} response", side)
    _choices(view, COMPARISON, "comparison", "left")
    return _written(view)


def _page(notice: str | None) -> ET.Element:
    view = ET.Element("View")
    ET.SubElement(view, "Style").text = KEEP_SPACES
    if notice:
        ET.SubElement(view, "Header", value=notice)
    return view


def _text(view: ET.Element, title: str, field: str) -> None:
    # Without `valueType` a server in its secure mode takes texts for addresses, which it would fetch.
    ET.SubElement(view, "Header", value=title, size="4")
    ET.SubElement(view, "Text", name=field, value=f"${field}", valueType="text", selectionEnabled="false")


def _choices(view: ET.Element, question: Question, name: str, about: str) -> None:
    ET.SubElement(view, "Header", value=question.text, size="5")
    made = ET.SubElement(view, "Choices", name=name, toName=about, choice="single-radio", required="true")
    made.attrib |= {"showInline": "true", "requiredMessage": f"Please answer: {question.text}"}
    for shown in question.choices:
        ET.SubElement(made, "Choice", value=shown)


def _written(view: ET.Element) -> str:
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def questions_of_stage1(messages: int) -> Sequence[tuple[str, Question, int]]:
    """The page's questions: the name of each in an export, what it asks, and of which message, counted from 0."""
    return [
        (f"{question.subject}_{number}", question, number - 1)
        for number in range(1, messages + 1)
        for question in (REFERENCE, RUBRIC)
    ]


def questions_of_stage2() -> Sequence[tuple[str, Question, int]]:
    """As `questions_of_stage1`, for a comparison."""
    return [(question.subject, question, 0) for question in (DIFFICULTY, COMPARISON)]
