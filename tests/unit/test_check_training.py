"""Mistakes in a recipe's trainings are told before anything is paid for, with place, arithmetic and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from janus_recipes.errors import RecipeError
from janus_recipes.recipe.check_templates import template_problem
from janus_recipes.recipe.check_training import batch_problem
from janus_recipes.recipe.load import load_recipe

ROOT = Path(__file__).parents[2]
JANUS, REHEARSAL = Path("recipes/janus.yaml"), Path("recipes/rehearsal.yaml")

MISTAKES: dict[str, tuple[str, list[str]]] = {
    "three GPUs": (
        "{janus-dpo-7b: {train: {gpus: 3}}}",
        [
            "janus-dpo-7b.train.batch_size: 3 GPUs x 1 row = 3 at a time do not make a batch of 16, nor does any "
            "micro_batch_size: choose 2 or 4 GPUs, or a batch_size of 15 or 18"
        ],
    ),
    "DPO on conversations": (
        "{janus-dpo-7b: {train: {dataset: sft-65k}}}",
        [
            "janus-dpo-7b.train.dataset: sft-65k is of kind sft, and dpo trains on kind pairs (there are: dpo, orpo)",
        ],
    ),
    "a reward model on conversations": (
        "{janus-rm-stage1-7b: {train: {dataset: sft-65k}}}",
        [
            "janus-rm-stage1-7b.train.dataset: sft-65k is of kind sft, and reward trains on kind pairs or helpful_mix "
            "(there are: dpo, helpful-mix, orpo)",
        ],
    ),
    "a start that is not there": (
        "{janus-dpo-7b: {train: {start: janus-star}}}",
        ["janus-dpo-7b.train.start: janus-star is not under models (did you mean janus-star-7b?)"],
    ),
    "a start that is not trained": (
        "{janus-dpo-7b: {train: {start: mistral-7b-v0.2}}}",
        [
            "janus-dpo-7b.train.start: mistral-7b-v0.2 is not trained: leave start out to begin from the "
            "base's weights",
        ],
    ),
    "itself as a start": (
        "{janus-dpo-7b: {train: {start: janus-dpo-7b}}}",
        ["janus-dpo-7b.train.start: goes round in a circle: janus-dpo-7b -> janus-dpo-7b"],
    ),
    "starts in a circle": (
        "{janus-star-7b: {train: {start: janus-dpo-7b}}}",
        ["janus-dpo-7b.train.start: goes round in a circle: janus-dpo-7b -> janus-star-7b -> janus-dpo-7b"],
    ),
    "a language model from a reward model": (
        "{janus-dpo-7b: {train: {start: janus-rm-7b}}}",
        [
            "janus-dpo-7b.train.start: janus-rm-7b is a reward model, which has lost the head that writes: start from "
            "an sft model",
        ],
    ),
    "a start with another base": (
        "{janus-dpo-7b: {base: other}}",
        [
            "janus-dpo-7b.train.start: janus-star-7b has the base mistral-7b-v0.2 and this model other: take the same",
        ],
    ),
    "a head of nothing": (
        "{janus-rm-stage1-7b: {train: {start: null, head: keep}}}",
        [
            "janus-rm-stage1-7b.train.head: there is no head to keep: name a reward model under start, or choose new",
        ],
    ),
    "a head of a language model": (
        "{janus-rm-stage1-7b: {train: {head: keep}}}",
        [
            "janus-rm-stage1-7b.train.head: janus-sft-epoch1-7b is no reward model and has no head to keep: choose new",
        ],
    ),
    "sharding on one GPU": (
        "{janus-orpo-7b: {train: {sharding: zero3, gpus: 1}}}",
        ["janus-orpo-7b.train.sharding: zero3 shares a model among GPUs: it needs 2 or more, gpus is 1"],
    ),
    "an optimizer that FSDP does not take": (
        "{janus-orpo-7b: {train: {sharding: fsdp}}}",
        [
            "janus-orpo-7b.train.optimizer: axolotl takes no adamw_bnb_8bit with fsdp: choose adamw_torch_fused, or "
            "adamw_torch_8bit",
        ],
    ),
    "4 bits shared": (
        "{janus-orpo-7b: {train: {sharding: zero3, adapter: {kind: qlora}}}}",
        [
            "janus-orpo-7b.train.sharding: weights of 4 bits are not shared among GPUs here: choose zero2 or null, or "
            "kind lora",
        ],
    ),
    "dropout that TRL switches off": (
        "{janus-dpo-7b: {train: {adapter: {kind: lora, dropout: 0.1}}}}",
        [
            "janus-dpo-7b.train.adapter.dropout: TRL switches dropout off in dpo, also an adapter's: set it to 0.0",
        ],
    ),
    "flash attention on a CPU": (
        "{janus-dpo-7b: {train: {gpus: 0}}}",
        [
            "janus-dpo-7b.train.attention: flash_attention_2 needs a GPU: choose sdpa, or gpus of 1 or more",
        ],
    ),
    "axolotl's own key for what the recipe says": (
        "{janus-dpo-7b: {train: {axolotl: {dpo_beta: 0.2, deepspeed: zero3.json}}}}",
        [
            "janus-dpo-7b.train.axolotl.dpo_beta: set by the recipe's train.beta (dpo) or train.alpha (orpo): change "
            "it there",
            "janus-dpo-7b.train.axolotl.deepspeed: set by the recipe's train.sharding: change it there",
        ],
    ),
    "what would end that a killed training goes on": (
        "{janus-7b: {train: {axolotl: {resume_from_checkpoint: out/checkpoint-9, save_only_model: true}}}}",
        [
            f"janus-7b.train.axolotl.{key}: set by the project, which continues a killed training: it cannot be changed"
            for key in ("resume_from_checkpoint", "save_only_model")
        ],
    ),
    "a misspelt key of axolotl's": (
        "{janus-7b: {train: {axolotl: {neftune_noise_alpa: 5, ddp_timeout: 7200, xyzzyxq: 1}}}}",
        [
            "janus-7b.train.axolotl.neftune_noise_alpa: axolotl knows no such key (did you mean neftune_noise_alpha?)",
            "janus-7b.train.axolotl.xyzzyxq: axolotl knows no such key",
        ],
    ),
}
"""What an overlay says under `models`, and what is told of it."""


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def problems_with(overlay: str, tmp_path: Path, *below: Path) -> list[str]:
    """What is told of an overlay, without the place in the files."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(overlay + "\n")
    with pytest.raises(RecipeError) as error:
        load_recipe([JANUS, *below, mine])
    return [problem.partition(": ")[2] for problem in error.value.problems]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_training_is_told_with_the_remedy(mistake: str, tmp_path: Path) -> None:
    models, told = MISTAKES[mistake]
    bases = "base_models: {other: {path: org/other}}"
    assert problems_with(f"models: {models}\n{bases}", tmp_path) == [f"models.{one}" for one in told]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    overlay = "models: {janus-dpo-7b: {train: {gpus: 3, dataset: sft-65k, start: janus-rm-7b}}}"
    assert len(problems_with(overlay, tmp_path)) == 3


@pytest.mark.parametrize(
    ("gpus", "rows", "batch", "choice"),
    [
        # 8 x 1 and 8 x 3 divide 24; 16 is 16 once and 32 twice.
        (8, 2, 24, "8 GPUs x 2 rows = 16 at a time do not make a batch of 24: choose micro_batch_size 1 or 3, "
                   "or a batch_size of 16 or 32"),
        # No micro batch of 3 GPUs divides 32; 2 x 2 and 4 x 2 do.
        (3, 2, 32, "3 GPUs x 2 rows = 6 at a time do not make a batch of 32, nor does any micro_batch_size: choose 2 "
                   "or 4 GPUs, or a batch_size of 30 or 36"),
        # 64 rows are more than the batch, and no multiple of 4 divides 6: 3 x 1 and 6 x 1 do.
        (4, 64, 6, "4 GPUs x 64 rows = 256 at a time do not make a batch of 6, nor does any micro_batch_size: choose 3 "
                   "or 6 GPUs with micro_batch_size 1, or a batch_size of 256"),
        (1, 3, 8, "1 GPU x 3 rows = 3 at a time do not make a batch of 8: choose micro_batch_size 1, 2, 4 or 8, or a "
                  "batch_size of 6 or 9"),
        (0, 2, 1, "1 CPU x 2 rows = 2 at a time do not make a batch of 1: choose micro_batch_size 1, or a batch_size "
                  "of 2"),
        (4, 2, 32, None),  # the paper's
        (8, 2, 32, None),  # twice its GPUs
        (0, 1, 1, None),  # the rehearsal's
    ],
)  # fmt: skip
def test_a_batch_that_does_not_divide_is_refused_with_the_arithmetic(
    gpus: int, rows: int, batch: int, choice: str | None
) -> None:
    assert batch_problem(gpus, rows, batch) == choice


def test_what_a_rehearsal_makes_of_a_batch_must_divide_too(tmp_path: Path) -> None:
    told = problems_with("rehearsal: {training: {dpo: {micro_batch_size: 3}}}", tmp_path, REHEARSAL)
    assert told == [
        "rehearsal.training: with these changes models.janus-dpo-7b: 1 CPU x 3 rows = 3 at a time do not make a batch "
        "of 8: choose micro_batch_size 1, 2, 4 or 8, or a batch_size of 6 or 9"
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ("epochs: 1.5", "epochs: OpenRLHF trains whole epochs, not 1.5"),
        ("epochs: 0.5", "epochs: OpenRLHF trains whole epochs, not 0.5"),
        (
            "precision: fp32",
            "precision: OpenRLHF trains in bf16, beside which it keeps fp32 weights to learn in: choose bf16",
        ),
    ],
)
def test_what_a_rehearsal_makes_of_a_reward_training_must_be_openrlhfs_too(
    changes: str, told: str, tmp_path: Path
) -> None:
    stage1 = f"rehearsal: {{training: {{models: {{janus-rm-stage1-7b: {{{changes}}}}}}}}}"
    found = problems_with(stage1, tmp_path, REHEARSAL)
    assert f"rehearsal.training: with these changes models.janus-rm-stage1-7b.train.{told}" in found


REHEARSAL_MISTAKES = {
    "tiny_model: {max_positions: 256}": [
        "tiny_model.max_positions: the tiny model reads 256 tokens at most, and models.janus-7b has a sequence_len of "
        "512 here"
    ],
    "tiny_model: {heads: 3}": [
        "tiny_model.heads: 3 heads do not share a hidden_size of 128: it must be a multiple of 6, heads x 2"
    ],
    "training: {models: {janus-rm-77b: {epochs: 3}}}": [
        "training.models.janus-rm-77b: janus-rm-77b is no trained model of the recipe (did you mean janus-rm-7b?)"
    ],
    "training: {models: {mistral-7b-v0.2: {epochs: 3}}}": [
        "training.models.mistral-7b-v0.2: mistral-7b-v0.2 is no trained model of the recipe"
    ],
    "training: {reward: {optimizer: adamw_torch}, models: {janus-dpo-7b: {sample_packing: true}}}": [
        "training.reward.optimizer: a training by reward has no optimizer: leave it out, or say it under `every`",
        "training.models.janus-dpo-7b.sample_packing: a training by dpo has no sample_packing: leave it out, or say it "
        "under `every`",
    ],
    "training: {sft: {attention: flash_attention_2, gpus: 1}}": [
        "training: with these changes models.janus-7b: flash_attention_2 takes no fp32: choose bf16, or attention sdpa"
    ],
}
"""What an overlay says under `rehearsal`, and what is told of it at least."""


@pytest.mark.parametrize("overlay", REHEARSAL_MISTAKES)
def test_a_rehearsals_changes_that_change_nothing_or_too_much_are_refused(overlay: str, tmp_path: Path) -> None:
    told = problems_with(f"rehearsal: {{{overlay}}}", tmp_path, REHEARSAL)
    for wanted in REHEARSAL_MISTAKES[overlay]:
        assert any(one.startswith(f"rehearsal.{wanted}") for one in told), told


def test_a_model_is_rehearsed_as_the_one_that_it_extends(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("models: {janus-rm-mine: {extends: janus-rm-7b}, other: {extends: janus-rm-mine}}\n")
    models = load_recipe([JANUS, REHEARSAL, mine]).models
    assert models["other"].train == models["janus-rm-mine"].train == models["janus-rm-7b"].train
    mine.write_text(
        "models: {janus-rm-mine: {extends: janus-rm-7b}}\n"
        "rehearsal: {training: {models: {janus-rm-mine: {epochs: 2}}}}\n"
    )
    train = load_recipe([JANUS, REHEARSAL, mine]).models["janus-rm-mine"].train
    assert train is not None and (train.epochs, train.batch_size) == (2, 8)  # its own on top of the other's


def test_what_batch_size_took_the_place_of_says_what_it_follows_from(tmp_path: Path) -> None:
    assert problems_with("models: {janus-7b: {train: {gradient_accumulation_steps: 4}}}", tmp_path) == [
        "models.janus-7b.train.gradient_accumulation_steps: unknown key: it follows from batch_size, gpus and "
        "micro_batch_size"
    ]


def test_fp32_with_flash_attention_is_refused_before_a_gpu_is_asked_for(tmp_path: Path) -> None:
    assert problems_with("models: {janus-7b: {train: {precision: fp32}}}", tmp_path) == [
        "models.janus-7b.train.precision: flash_attention_2 takes no fp32: choose bf16, or attention sdpa"
    ]


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{% for m in messages %}", ":1 cannot write a system message, an instruction and an answer: Unexpected end"),
        ("{{ messages[0]['role'] + 1 }}", " cannot write a system message, an instruction and an answer: can only"),
        ("{{ raise_exception('no system role') }}", "an instruction and an answer: no system role"),
        ("{% for m in messages[1:] %}{{ m['content'] }}{% endfor %}", " leaves out what the system said"),
    ],
)
def test_a_chat_template_that_writes_no_conversation_is_refused(template: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text(template)
    found = problems_with(f"base_models: {{mistral-7b-v0.2: {{chat_template: {file}}}}}", tmp_path)
    assert len(found) == 1 and told in found[0]
    assert found[0].startswith(f"base_models.mistral-7b-v0.2.chat_template: {file}")
    served = f"providers: {{teacher: {{served: {{chat_template: {file}}}}}}}"
    place = f"providers.teacher.served.chat_template: {file}"
    assert any(one.startswith(place) and told in one for one in problems_with(served, tmp_path))


def test_what_transformers_adds_to_jinja_may_stand_in_a_chat_template(tmp_path: Path) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text(
        "{{ bos_token }}{{ strftime_now('%Y') }}{% for m in messages %}{% if not m %}{% break %}{% endif %}"
        "{% generation %}{{ m['content'] }}{% endgeneration %}{{ eos_token }}{% endfor %}{{ tools | tojson if tools }}"
    )
    assert template_problem(file) is None


def test_a_rehearsal_trains_without_the_sharding_that_its_cpu_has_no_use_for(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("models: {janus-7b: {train: {sharding: zero3}}}\n")
    train = load_recipe([JANUS, REHEARSAL, mine]).models["janus-7b"].train
    assert train is not None and train.gpus == 0


def test_a_model_is_not_compared_with_itself(tmp_path: Path) -> None:
    overlay = "tables: {table2: {compare: {janus-7b: [janus-7b]}}}"
    assert problems_with(overlay, tmp_path) == [
        "tables.table2.compare.janus-7b.0: janus-7b cannot be compared with itself: name another model"
    ]


def test_a_ranking_needs_a_bench_with_other_answers_to_rank_lower(tmp_path: Path) -> None:
    overlay = "benchmarks: {multifaceted: {preference_sets: {per_instruction: 1}}}"
    assert problems_with(overlay, tmp_path) == [
        "rankings.held-out.benchmark: multifaceted has one system message an instruction, so no other answer to rank "
        "lower: preference_sets.per_instruction must be 2 or more"
    ]
