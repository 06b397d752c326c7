"""The CPU route: what OpenRLHF's reward trainer needs where there is no GPU (rehearsal and tests; OpenRLHF 0.11.2).

Used with `gpus: 0` alone. Same trainer, same DeepSpeed, one process. Three things in it take a GPU for granted: it
calls torch.cuda to say on which device it is, lays its mesh of devices over GPUs, and lets DeepSpeed compile an
operator for shared memory that only several processes use. Runs inside OpenRLHF's environment.
"""

from __future__ import annotations

import os
from functools import partial
from importlib import import_module
from typing import Any

ALONE = {
    "DS_ACCELERATOR": "cpu",
    **{"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"},
    **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"},  # asked for, and not used: see `alone`
}
"""What torchrun would say to the only process. DeepSpeed would otherwise look for MPI."""


def install() -> None:
    """Make OpenRLHF run here. To be called before anything of it is imported."""
    os.environ.update(ALONE)
    no_cuda()
    alone()
    mesh_of_cpus()
    rows_in_this_process()


def no_cuda() -> None:
    """Nothing is to be set, awaited or emptied; tensors stay where they are."""
    import torch

    # Each name gets a function of its own: torch's compiler tells them apart by identity.
    for name in ("set_device", "synchronize", "empty_cache"):
        setattr(torch.cuda, name, lambda *_, **__: None)
    torch.cuda.current_device = lambda: "cpu"


def alone() -> None:
    """A process group of one that opens no port, so that two trainings on a machine never meet; nothing is compiled."""
    import torch.distributed as ranks

    ranks.init_process_group("gloo", store=ranks.HashStore(), rank=0, world_size=1)
    backend: Any = import_module("deepspeed.comm.torch")
    backend.build_shm_op = lambda: None


def mesh_of_cpus() -> None:
    """OpenRLHF asks for a mesh of `cuda` devices by name."""
    strategy: Any = import_module("openrlhf.utils.deepspeed.deepspeed")
    original = strategy.init_device_mesh
    strategy.init_device_mesh = lambda _device, *args, **options: original("cpu", *args, **options)


def rows_in_this_process() -> None:
    """OpenRLHF copies the rows in eight processes, each of which takes longer to begin than a rehearsal's rows take."""
    datasets: Any = import_module("openrlhf.datasets")
    datasets.RewardDataset = partial(datasets.RewardDataset, num_processors=None)
