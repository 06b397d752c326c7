"""Read one recipe file: its values as Snakemake reads them, and the line on which each key stands.

YAML takes the last of two equal keys, and reads the keys `no` and `1` as false and as a number, without a word. Here
these are errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any, NamedTuple

import yaml

from janus_recipes.recipe.problem import Path, Place, dotted

MERGE_TAG = "tag:yaml.org,2002:merge"
TEXT_TAG = "tag:yaml.org,2002:str"


class Layer(NamedTuple):
    """One file of a recipe's stack. `config` is None when the file could not be read; `problems` then say why."""

    config: dict[str, Any] | None
    places: dict[Path, Place]
    problems: list[str]


class _OwnAncestor(Exception):
    """A mapping or list that holds itself, through an anchor."""


def read_layer(file: File) -> Layer:
    """Read a YAML or JSON mapping. Never raises: what is wrong is in `problems`, one line each."""
    try:
        text = file.read_text(encoding="utf-8")
        config, root = _parsed(text)
    except OSError as error:
        return _unreadable(f"{file}: cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        return _unreadable(f"{file}: is not UTF-8 text (byte {error.start})")
    except yaml.MarkedYAMLError as error:
        return _unreadable(f"{file}{_position(error)}: not valid YAML: {_reason(error)}")
    except yaml.reader.ReaderError as error:
        return _unreadable(f"{file}: not valid YAML: the character #x{error.character:04x} is not allowed")
    except ValueError as error:  # a date that is none, say
        return _unreadable(f"{file}: not valid YAML: {error}")
    if root is None:
        return _unreadable(f"{file}: the file is empty")
    if not isinstance(config, dict):
        return _unreadable(f"{file}: a recipe is a mapping of sections (key: value lines), this file is not")
    places: dict[Path, Place] = {}
    try:
        problems = list(_walk(str(file), root, (), places, ()))
    except _OwnAncestor:
        return _unreadable(f"{file}: an anchor holds itself; write the values out")
    return Layer(_with_text_keys(config), places, problems)


def _parsed(text: str) -> tuple[Any, yaml.Node | None]:
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    try:
        return json.loads(text), root  # Snakemake tries JSON first: there 5e-6 is a number
    except ValueError:
        return yaml.load(text, Loader=yaml.CSafeLoader), root


def _with_text_keys(value: Any) -> Any:
    """The value without the keys that are not text: they are reported already, and the schema would do so again."""
    if isinstance(value, dict):
        return {key: _with_text_keys(inner) for key, inner in value.items() if isinstance(key, str)}
    return [_with_text_keys(inner) for inner in value] if isinstance(value, list) else value


def _unreadable(problem: str) -> Layer:
    return Layer(None, {}, [problem])


def _position(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f":{mark.line + 1}:{mark.column + 1}" if mark else ""


def _reason(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    hint = " (indent with spaces)" if "'\\t'" in str(error.problem) else ""
    return ", ".join(parts) + hint


def _walk(
    file: str, node: yaml.Node, path: Path, places: dict[Path, Place], ancestors: tuple[int, ...]
) -> Iterator[str]:
    """Note the line of every key under `node`; yield a problem for each that is given twice or is not text."""
    if id(node) in ancestors:
        raise _OwnAncestor
    inside = (*ancestors, id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            places[(*path, index)] = Place(file, item.start_mark.line + 1)
            yield from _walk(file, item, (*path, index), places, inside)
    elif isinstance(node, yaml.MappingNode):
        yield from _walk_mapping(file, node, path, places, inside)


def _walk_mapping(
    file: str, node: yaml.MappingNode, path: Path, places: dict[Path, Place], inside: tuple[int, ...]
) -> Iterator[str]:
    seen: dict[str, int] = {}
    for key, value in node.value:
        if key.tag == MERGE_TAG:
            yield from _walk(file, value, path, places, inside)
            continue
        here, line = (*path, str(key.value)), key.start_mark.line + 1
        if str(key.value) in seen:
            yield f"{file}:{line}: {dotted(here)}: given twice, first on line {seen[str(key.value)]}; keep one"
        if key.tag != TEXT_TAG:
            yield f"{file}:{line}: {dotted(here)}: YAML does not read this key as text; put it in quotes"
        seen.setdefault(str(key.value), line)
        places[here] = Place(file, line)
        yield from _walk(file, value, here, places, inside)
