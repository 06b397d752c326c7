"""What annotators answered: Label Studio's JSON exports, read back through the key.

Every question that the export asked has a row and a status, so nothing is dropped silently:

    answered     one of the words to choose from
    unanswered   the task was submitted without it
    skipped      the annotator skipped the task
    missing      no annotation of the task is in the exports
    invalid      something that the question does not offer, as after an edit of the labelling configuration
    not_asked    stage 2: a model gave no answer, so there was nothing to compare
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from janus_recipes.errors import StepError
from janus_recipes.files import Json, json_line
from janus_recipes.human.config import questions_of_stage1, questions_of_stage2
from janus_recipes.human.labels import Question, Subject
from janus_recipes.human.tasks import Key, digest_of_data


class AnswerStatus(StrEnum):
    """What became of one question."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    SKIPPED = "skipped"
    MISSING = "missing"
    INVALID = "invalid"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True)
class HumanAnswer:
    """One question, as one annotator answered it. `value` is there only where `status` is answered.

    A comparison's value is the first model's: win, loss, both_good or both_bad; `side` is the side that was chosen.
    """

    id: str
    subject: Subject
    annotator: int | None
    instruction_id: str
    instance_id: str
    status: AnswerStatus
    value: str = ""
    pair: tuple[str, ...] = ()
    side: str = ""


@dataclass
class Annotations:
    """The annotations of all exports by task: the one that counts, and how many others do not.

    `superseded` are older ones of the same person, `of_others` those of another person than the one that counts.
    """

    of_task: dict[str, Json] = field(default_factory=dict)
    superseded: int = 0
    of_others: int = 0


def read_exports(paths: Sequence[Path], keys: Iterable[Key]) -> Annotations:
    """Read exports; a task that was annotated twice counts as it was submitted last.

    The same annotation in two exports counts as it was changed last, in whichever order they are named.

    Raises:
        StepError: no such export, or tasks that the key does not have, or has with other texts; all such files in one
            message.
    """
    known = {key.task: key.digest for key in keys}
    found: dict[str, dict[str, Json]] = {}
    problems: list[str] = []
    for path in paths:
        try:
            for task, annotations in _tasks_of(path, known):
                kept = found.setdefault(task, {})
                for one in annotations:
                    name = _identity(one)
                    kept[name] = max(kept.get(name, one), one, key=_changed_last)
        except StepError as problem:
            problems.append(str(problem))
    if problems:
        raise StepError("\n".join(problems))
    read = Annotations()
    for task, by_name in found.items():
        last = max(by_name.values(), key=_submitted_last, default=None)
        if last is not None:
            read.of_task[task] = last
            others = sum(_person(one) != _person(last) for one in by_name.values())
            read.of_others += others
            read.superseded += len(by_name) - 1 - others
    return read


def _tasks_of(path: Path, known: Mapping[str, str]) -> Iterator[tuple[str, list[Json]]]:
    """Each task of an export with its annotations. `known`: the digests of the tasks' data."""
    tasks = _content(path)
    _check_tasks(path, tasks, known)
    for task in tasks:
        annotations = task.get("annotations")
        if not isinstance(annotations, list):
            raise StepError(f"{path}: a task has no `annotations`: export from Label Studio as JSON (not JSON-MIN)")
        yield _name(task), [one for one in annotations if isinstance(one, dict)]


def _check_tasks(path: Path, tasks: Sequence[Any], known: Mapping[str, str]) -> None:
    """Raise StepError where tasks are not the key's, or show other texts than the key's."""
    if unknown := [place for place, task in enumerate(tasks, start=1) if _name(task) not in known]:
        raise StepError(
            f"{path}: {len(unknown)} of {len(tasks)} tasks are not in the key, the first is number {unknown[0]}: "
            "give the key of this very export with --key, and export from Label Studio as JSON (not JSON-MIN)"
        )
    if changed := [_name(task) for task in tasks if digest_of_data(task["data"]) != known[_name(task)]]:
        raise StepError(
            f"{path}: {len(changed)} of {len(tasks)} tasks show other texts than those of the key, {changed[0]} first: "
            "the annotations are of another export, of an older bench or of older answers; give its own key with --key"
        )


def _content(path: Path) -> list[Any]:
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise StepError(f"{path}: cannot be read: {problem.strerror}") from None
    except ValueError as problem:
        raise StepError(f"{path}: not JSON ({problem}): export from Label Studio as JSON") from None
    if not isinstance(tasks, list):
        raise StepError(f"{path}: not a list of tasks: export from Label Studio as JSON")
    return tasks


def _name(task: Any) -> str:
    data = task.get("data") if isinstance(task, dict) else None
    return str(data.get("task", "")) if isinstance(data, dict) else ""


def _identity(annotation: Json) -> str:
    """What names an annotation in all exports. It stays when the annotation is changed."""
    return str(annotation.get("unique_id") or json_line(annotation))


def _person(annotation: Json) -> str:
    """Who annotated: a number, or an account with one."""
    who = annotation.get("completed_by")
    return str(who.get("id")) if isinstance(who, dict) else str(who)


def _changed_last(annotation: Json) -> tuple[str, str]:
    """The order of one annotation's versions, by times of one and the same server."""
    return str(annotation.get("updated_at") or annotation.get("created_at") or ""), json_line(annotation)


def _submitted_last(annotation: Json) -> tuple[bool, str, str]:
    """The order of a task's annotations: submitted ones come after skipped ones, then the later."""
    return not annotation.get("was_cancelled"), *_changed_last(annotation)


def answers_of(keys: Iterable[Key], annotations: Mapping[str, Json]) -> Iterator[HumanAnswer]:
    """A row for every question of every task, in the key's order."""
    for key in keys:
        stage1 = key.stage == "stage1"
        questions = questions_of_stage1(len(key.instances)) if stage1 else questions_of_stage2()
        annotation = annotations.get(key.task)
        given = _given(annotation) if annotation else {}
        for name, question, place in questions:
            status, word = _status(key, annotation, given.get(name, []), question)
            value, side = _from_first(key, question, word)
            yield HumanAnswer(
                id=f"{key.task}/{name}",
                subject=question.subject,
                annotator=key.annotator,
                instruction_id=key.instruction_id,
                instance_id=key.instances[place],
                status=status,
                value=value,
                pair=key.pair,
                side=side,
            )


def _given(annotation: Json) -> dict[str, list[Any]]:
    """What was chosen, by the name of the question."""
    results = annotation.get("result")
    given: dict[str, list[Any]] = {}
    for one in results if isinstance(results, list) else ():
        if isinstance(one, dict) and one.get("type") == "choices" and isinstance(one.get("value"), dict):
            chosen = one["value"].get("choices")
            given.setdefault(str(one.get("from_name")), []).extend(chosen if isinstance(chosen, list) else [chosen])
    return given


def _status(key: Key, annotation: Json | None, chosen: list[Any], question: Question) -> tuple[AnswerStatus, str]:
    if key.left_out:
        return AnswerStatus.NOT_ASKED, ""
    if annotation is None:
        return AnswerStatus.MISSING, ""
    if annotation.get("was_cancelled"):
        return AnswerStatus.SKIPPED, ""
    if not chosen:
        return AnswerStatus.UNANSWERED, ""
    if len(chosen) > 1 or chosen[0] not in question.choices:
        return AnswerStatus.INVALID, ""
    return AnswerStatus.ANSWERED, question.choices[chosen[0]]


def _from_first(key: Key, question: Question, word: str) -> tuple[str, str]:
    """The answer as our files call it, and the side chosen: a comparison's is told from the pair's first model."""
    if question.subject != "comparison" or word not in ("left", "right"):
        return word, ""
    return ("win" if word == key.first_on else "loss"), word


def counted(answers: Iterable[HumanAnswer]) -> Counter[str]:
    """How many questions came to what, the answered ones aside."""
    return Counter(one.status.value for one in answers if one.status is not AnswerStatus.ANSWERED)
