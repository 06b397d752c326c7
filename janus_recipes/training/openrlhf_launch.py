"""Train a reward model with OpenRLHF: check its flags, prepare its rows, then its own trainer.

    .envs/openrlhf-cpu/bin/python -m janus_recipes.training.openrlhf_launch work/janus/models/janus-rm-7b/job.json

Runs inside OpenRLHF's environment; training/reward.py writes the job. On GPUs the process becomes torchrun, whose ranks
come back here: `--standalone` takes a free port, where DeepSpeed's own launcher would have a second training on the
same machine wait for the first. On a CPU this very process trains: imports take longer than a rehearsal's training.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from janus_recipes.errors import JanusError, StepError
from janus_recipes.files import write_json
from janus_recipes.training.openrlhf_flags import TRAINER, WRONG_FLAGS, parser_of_trainer, problems_of, read_args
from janus_recipes.training.reward_rows import prepare_rows, prepared_rows

MODEL = "model"
"""Where OpenRLHF saves the finished model, inside the work folder."""

CHECKPOINTS = "checkpoints"
"""Where it saves what it continues from."""

FINISHED = "finished.json"
"""Written when OpenRLHF has saved the whole model."""

MODULE = "janus_recipes.training.openrlhf_launch"
"""This module, also where it is run as `__main__`."""

REFUSED = "=== janus refuses: "
"""Begins the lines of a log that say why nothing was started."""

Json = dict[str, Any]


def prepare(job: Json) -> None:
    """Check the flags and write the rows. Raises StepError with all that is wrong."""
    flags, parser = flags_of(job), parser_of_trainer()
    if problems := list(problems_of(flags, parser)):
        raise StepError("\n".join(f"{job['args']}: {problem}" for problem in problems))
    known, work = vars(parser.parse_args(flags)), Path(job["work"])
    if prepared_rows(work) is None:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(job["start"])
        prepare_rows(Path(job["data"]), work, tokenizer, job["template"], known["data.max_len"])
    kept, batch = (prepared_rows(work) or {})["kept"], known["train.batch_size"]
    if kept < batch:
        raise StepError(
            f"{job['args']}: {kept} pairs are less than one batch of {batch}, so no step would be trained: use more "
            "data or a smaller batch_size"
        )


def train(job: Json) -> None:
    """Run OpenRLHF's trainer in this process, one of the ranks or the only one."""
    from janus_recipes.training import openrlhf_changes, openrlhf_cpu

    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # torchrun's ranks are born ignoring it
    work = Path(job["work"])
    prepared = prepared_rows(work) or {}
    openrlhf_changes.stand_in_for_flash_attn()
    if not job["gpus"]:
        openrlhf_cpu.install()
    openrlhf_changes.install(work, job["head"] == "keep", prepared["pad_token"], job["template"])
    sys.argv = [TRAINER, *flags_of(job), *flags_by_rows(job, prepared["kept"])]
    import_module(TRAINER)
    gc.freeze()  # what was imported stays to the end
    gc.enable()
    runpy.run_module(TRAINER, run_name="__main__", alter_sys=True)
    if os.environ["RANK"] == "0":
        make_loadable(work / MODEL)
        write_json(work / FINISHED, prepared)


def make_loadable(model: Path) -> None:
    """Let transformers (`AutoModelForSequenceClassification`) and vLLM (`LLM(..., runner="pooling")`) load the model.

    OpenRLHF writes the name of a class of its own, and no number of outputs.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as CLASSES

    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    one_output = {"num_labels": 1, "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    write_json(model / "config.json", {**config, **one_output, "architectures": [CLASSES[config["model_type"]]]})


def flags_of(job: Json) -> list[str]:
    """The model's flags, and those of where the training reports to."""
    return [*read_args(Path(job["args"])), *job["reports"]]


def flags_by_rows(job: Json, rows: int) -> list[str]:
    """What follows from the number of rows: those that fill whole batches are read, and the steps between checkpoints.

    OpenRLHF would carry what is left over into the next epoch's first batch, and make more steps than its learning
    rate is planned for.
    """
    steps = rows // job["batch_size"]
    save_steps = max(1, steps // job["saves_per_epoch"])
    return ["--data.max_samples", str(steps * job["batch_size"]), "--ckpt.save_steps", str(save_steps)]


def torchrun_arguments(job: Json, path: str) -> list[str]:
    """What torchrun is told: one rank for each GPU, each of which comes back to this module with the job's `path`."""
    # torchrun would give its ranks 30 s after SIGTERM. They get the signal as well, and end when they have saved.
    signals = "--signals-to-handle=SIGINT,SIGHUP,SIGQUIT"
    return ["--standalone", signals, f"--nproc_per_node={job['gpus']}", "-m", MODULE, path]


def main(path: str) -> int:
    """Prepare and train, or train as one rank of several."""
    gc.disable()  # looking for garbage among what is imported takes nearly as long as importing it
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    if "RANK" not in os.environ:
        try:
            prepare(job)
        except JanusError as problem:
            print(f"{REFUSED}{problem}", file=sys.stderr, flush=True)
            return WRONG_FLAGS
        if job["gpus"]:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.execv(sys.executable, [sys.executable, "-m", "torch.distributed.run", *torchrun_arguments(job, path)])
    train(job)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
