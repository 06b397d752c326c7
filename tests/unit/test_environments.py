"""The engines' locks: pinned by hash, without machines or hosts, CPU locks without CUDA."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from janus_recipes.environments import build_environment, excluded_from, torch_source, uv_environ, without_torch_hash
from janus_recipes.errors import StepError, UsageError

LOCKS = sorted(Path("envs").glob("*.lock"))
NO_ENGINES = ("bench-peers", "label-studio")


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[\S+\])?==(\S+)", lock.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("lock", [*LOCKS, Path("requirements.lock")], ids=str)
def test_every_package_of_a_lock_is_pinned_with_its_hash(lock: Path) -> None:
    text = lock.read_text()
    unhashed = re.findall(r"^([A-Za-z0-9._-]+)==\S+$", text, flags=re.MULTILINE)
    assert unhashed == (["torch"] if lock.stem.endswith("-cpu") else [])
    assert "://" not in text and "find-links" not in text


def test_each_engine_has_a_cpu_and_a_cuda_lock_of_the_same_versions() -> None:
    locks = {lock.stem: pins(lock) for lock in LOCKS if lock.stem not in NO_ENGINES}
    assert set(locks) == {
        f"{engine}-{build}" for engine in ("axolotl", "openrlhf", "vllm") for build in ("cpu", "cuda")
    }
    assert locks["axolotl-cpu"]["axolotl"] == locks["axolotl-cuda"]["axolotl"]
    for package in ("openrlhf", "deepspeed", "transformers"):
        assert locks["openrlhf-cpu"][package] == locks["openrlhf-cuda"][package]
    assert locks["vllm-cpu"]["vllm-cpu"] == locks["vllm-cuda"]["vllm"]
    assert {locks[name]["torch"] for name in locks} == {"2.13.0"}


def test_cpu_locks_hold_no_cuda_package() -> None:
    for name in ("axolotl-cpu", "openrlhf-cpu", "vllm-cpu"):
        found = [one for one in pins(Path(f"envs/{name}.lock")) if one.startswith(("nvidia-cu", "cuda-"))]
        assert found == []


def test_openrlhf_needs_no_compiler_and_brings_its_attention_kernel_along() -> None:
    for name in ("openrlhf-cpu", "openrlhf-cuda"):
        assert not {"flash-attn", "ray", "vllm"} & set(pins(Path(f"envs/{name}.lock")))
    assert "kernels" in pins(Path("envs/openrlhf-cuda.lock"))


def test_what_an_engine_is_locked_without_stands_beside_its_requirements() -> None:
    assert excluded_from(Path("envs/openrlhf-cuda.in")) == ("--excludes", "envs/openrlhf.excludes")
    assert excluded_from(Path("envs/axolotl-cuda.in")) == ()


def test_vllm_for_the_cpu_is_the_audited_hash_of_the_third_party_build() -> None:
    assert "ad44bdad85566b1532aa95066d6c92a5f6715867efe7df9cf2178f182af814c6" in Path("envs/vllm-cpu.lock").read_text()


def test_torch_for_the_cpu_is_pinned_by_version_since_its_file_differs_between_machines() -> None:
    hashed = "torch==2.13.0+cpu \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n    # via x\n"
    lock = f"a==1 \\\n    --hash=sha256:aa\n{hashed}"
    assert without_torch_hash(lock) == "a==1 \\\n    --hash=sha256:aa\ntorch==2.13.0\n    # via x\n"


def test_what_pip_is_told_about_wheels_and_index_uv_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    told = uv_environ({"PIP_FIND_LINKS": "/wheels", "PIP_INDEX_URL": "file:///index"}, with_links=True)
    assert (told["UV_FIND_LINKS"], told["UV_DEFAULT_INDEX"]) == ("/wheels", "file:///index")
    assert "UV_FIND_LINKS" not in uv_environ({"PIP_FIND_LINKS": "/wheels"}, with_links=False)
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    assert torch_source("vllm-cpu") == ("--torch-backend", "cpu")
    assert torch_source("vllm-cuda") == ()


def test_an_unknown_environment_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="axolotl-cpu"):
        build_environment("axolotl-tpu", tmp_path / "x" / ".ready")


def test_no_network_is_a_clear_message_and_leaves_no_ready_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UV_FIND_LINKS", "PIP_FIND_LINKS", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(StepError, match="Without a network or a package index"):
        build_environment("axolotl-cpu", tmp_path / "axolotl-cpu" / ".ready")
    assert not (tmp_path / "axolotl-cpu" / ".ready").exists()


def test_an_environment_that_is_built_already_is_not_wiped_under_a_running_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tmp_path / "envs"
    small.mkdir()
    (small / "none-cpu.lock").write_text("")
    monkeypatch.setattr("janus_recipes.environments.LOCKS", small)
    ready = tmp_path / "none-cpu" / ".ready"
    build_environment("none-cpu", ready)
    in_use = ready.parent / "in-use"
    in_use.touch()
    ready.unlink()  # as Snakemake does before it runs the rule again
    build_environment("none-cpu", ready)
    assert ready.exists() and in_use.exists()
