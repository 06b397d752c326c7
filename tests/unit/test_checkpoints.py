"""A training continues from its last whole checkpoint, and a half-written one never counts."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from janus_recipes.training.checkpoints import is_whole, last_checkpoint, model_files, remove_incomplete, step_of


def checkpoint(out: Path, step: int) -> Path:
    """A checkpoint as axolotl writes it, with one tensor of 4 bytes."""
    folder = out / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    for name in ("optimizer.pt", "rng_state.pth"):
        with zipfile.ZipFile(folder / name, "w") as states:
            states.writestr("data.pkl", b"state")
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step, "max_steps": 30, "log_history": []}))
    (folder / "config.json").write_text("{}")
    return folder


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "rng_state.pth", "trainer_state.json"])
def test_a_checkpoint_with_any_file_cut_short_is_not_continued_from(tmp_path: Path, name: str) -> None:
    older, newer = checkpoint(tmp_path, 9), checkpoint(tmp_path, 10)
    cut = newer / name
    cut.write_bytes(cut.read_bytes()[:-3])
    remove_incomplete(tmp_path)
    assert last_checkpoint(tmp_path) == older
    assert not newer.exists()  # axolotl itself would take the newest folder


@pytest.mark.parametrize("name", ["model.safetensors", "trainer_state.json"])
def test_a_checkpoint_without_its_weights_or_state_is_not_whole(tmp_path: Path, name: str) -> None:
    folder = checkpoint(tmp_path, 10)
    (folder / name).unlink()
    assert not is_whole(folder)


def test_a_checkpoint_without_an_optimizers_state_is_not_continued_from(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, 10)
    states = folder / "optimizer.pt"
    for name in ("optimizer.bin", "global_step10/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"):  # FSDP, DeepSpeed
        (folder / name).parent.mkdir(exist_ok=True)
        states = states.rename(folder / name)
        assert is_whole(folder)
    states.unlink()
    assert not is_whole(folder)


@pytest.mark.parametrize("name", ["optimizer.bin", "global_step10/zero_pp_rank_0_mp_rank_00_optim_states.pt"])
def test_what_several_gpus_share_must_be_whole_too(tmp_path: Path, name: str) -> None:
    folder = checkpoint(tmp_path, 10)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"cut short")
    assert not is_whole(folder)


def test_an_adapters_checkpoint_is_continued_from_like_any_other(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, 10)
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    assert is_whole(folder)
    cut = folder / "adapter_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-3])
    assert not is_whole(folder)


def test_checkpoints_are_ordered_by_step_and_not_by_name(tmp_path: Path) -> None:
    checkpoint(tmp_path, 9), checkpoint(tmp_path, 10)
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-10"
    assert (step_of(last_checkpoint(tmp_path)), step_of(None)) == (10, None)


def test_a_finished_model_carries_no_optimizer_states(tmp_path: Path) -> None:
    assert [file.name for file in model_files(checkpoint(tmp_path, 1))] == ["config.json", "model.safetensors"]
