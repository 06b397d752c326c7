"""Write an export: for each annotator the tasks to import into Label Studio, and the labelling configuration.

stage1/annotator-1.3-messages.json   tasks of the first annotator, on instructions with three system messages
stage1/labelling.3-messages.xml      the configuration of such projects
stage2/annotator-1.json, stage2/labelling.xml
stage2/key.jsonl                     what each task is: models and sides too, so it stays with you
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from janus_recipes.errors import StepError
from janus_recipes.files import json_line, write_json, written_whole
from janus_recipes.human.config import stage1_config, stage2_config
from janus_recipes.human.labels import Stage
from janus_recipes.human.tasks import Task, key_row

KEY = "key.jsonl"


class Export(NamedTuple):
    """The texts and tasks of an export, by the names of their files."""

    key: str
    configs: dict[str, str]
    projects: dict[str, list[dict[str, dict[str, str]]]]
    left_out: Counter[str]


def build_export(stage: Stage, tasks: Iterable[Task], notice: str | None) -> Export:
    """Sort tasks into projects: one for each annotator, and in stage 1 for each number of system messages."""
    export = Export("", {}, {}, Counter())
    keys = []
    for task in tasks:
        keys.append(json_line(key_row(task.key)))
        if task.key.left_out:
            export.left_out[task.key.left_out] += 1
            continue
        messages = len(task.key.instances)
        kind = f".{messages}-messages" if stage == "stage1" else ""
        config = stage1_config(messages, notice) if stage == "stage1" else stage2_config(notice)
        export.configs[f"labelling{kind}.xml"] = config
        export.projects.setdefault(f"annotator-{task.key.annotator}{kind}.json", []).append({"data": task.data})
    return export._replace(key="".join(keys))


def files_beside(export: Export, key: Path) -> list[Path]:
    """The further files that `write_export` writes beside the key."""
    return [key.with_name(name) for name in (*sorted(export.configs), *sorted(export.projects))]


def write_export(export: Export, key: Path) -> None:
    """Write the files, each whole or not at all; the key comes last.

    Raises:
        StepError: the folder holds another export, whose annotations only its own key can read.
    """
    if key.exists() and key.read_text(encoding="utf-8") != export.key:
        raise StepError(
            f"{key.parent}: holds the export of another bench, recipe or answers, and annotators may be at work on it: "
            "choose another --out, or move the folder away"
        )
    for name, text in export.configs.items():
        _write_text(key.with_name(name), text)
    for name, tasks in export.projects.items():
        write_json(key.with_name(name), tasks)
    _write_text(key, export.key)


def _write_text(path: Path, text: str) -> None:
    with written_whole(path) as out:
        out.write(text)


def tasks_each(export: Export) -> Sequence[int]:
    """How many tasks each project has, in the order of the projects' names."""
    return [len(export.projects[name]) for name in sorted(export.projects)]
