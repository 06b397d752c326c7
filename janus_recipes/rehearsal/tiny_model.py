"""Make the tiny Mistral that stands for every base model in a rehearsal, and its tokenizer.

    .envs/axolotl/bin/python -m janus_recipes.rehearsal.tiny_model --texts instructions.jsonl responses.jsonl \
        --field text value --chat-template prompts/chat/mistral.jinja --spec '{"hidden_size": 128}' --seed 42 --out DIR

Runs inside axolotl's environment. The weights are random; the tokenizer is a byte-level BPE trained on the rehearsal's
own texts, so it takes any text and gives it back. As Mistral's own, it writes [INST] as plain text and puts one <s>
before a text unless it is told not to. What a template writes between bars, as <|im_end|>, is a token by itself, as in
the families that have it.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast
from transformers.utils.chat_template_utils import render_jinja_template

UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"
BARRED = re.compile(r"<\|\w+\|>")


def texts_of(paths: Sequence[Path], fields: Sequence[str]) -> Iterator[str]:
    """The texts of each file's rows, under the field given for the file. Rows without one (not ok) are passed over."""
    for path, field in zip(paths, fields, strict=True):
        with path.open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                text = json.loads(line).get(field)
                if isinstance(text, str):
                    # A lone surrogate has no UTF-8; the tokenizer would stop at it.
                    yield text.encode("utf-8", "replace").decode()


def make_tokenizer(texts: Iterator[str], vocabulary: int, max_positions: int, template: str) -> PreTrainedTokenizerFast:
    """A byte-level BPE of at most `vocabulary` tokens that carries the chat template."""
    frame = frame_of(template)
    words = BARRED.sub(" ", frame)  # read along with every text, so that they become whole tokens
    bpe = Tokenizer(models.BPE())
    # An empty line by itself, as in LLaMA 3, whose prompts end with one: what follows must not change its token.
    lines = pre_tokenizers.Split(Regex(r"\n{2,}"), behavior="isolated")
    bpe.pre_tokenizer = pre_tokenizers.Sequence([lines, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[UNKNOWN, BEGIN, END, *sorted(set(BARRED.findall(frame)))],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator((f"{words} {text}" for text in texts), trainer)
    bpe.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, 1)])
    # OpenRLHF finds a text's end by its padding, so padding must not be </s>.
    names = {"bos_token": BEGIN, "eos_token": END, "unk_token": UNKNOWN, "pad_token": UNKNOWN}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, model_max_length=max_positions, clean_up_tokenization_spaces=False, **names
    )
    tokenizer.chat_template = template
    return tokenizer


def frame_of(template: str) -> str:
    """What a chat template writes around an instruction and its answer."""
    turns = [{"role": role, "content": ""} for role in ("user", "assistant")]
    rendered, _ = render_jinja_template([turns], chat_template=template, bos_token="", eos_token="")
    return str(rendered[0])


def make_model(spec: dict[str, int], vocabulary: int, seed: int) -> MistralForCausalLM:
    """A Mistral with random weights, the same for the same seed. `spec` is the recipe's `rehearsal.tiny_model`."""
    torch.manual_seed(seed)
    config = MistralConfig(
        vocab_size=vocabulary,
        hidden_size=spec["hidden_size"],
        intermediate_size=2 * spec["hidden_size"],
        num_hidden_layers=spec["layers"],
        num_attention_heads=spec["heads"],
        num_key_value_heads=spec["heads"],
        max_position_embeddings=spec["max_positions"],
        sliding_window=None,
        tie_word_embeddings=True,
        initializer_range=0.05,  # at Mistral's own 0.02 a model this small hardly moves at first
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    model = MistralForCausalLM(config)
    for layer in model.model.layers:
        _copying(layer.self_attn)
    return model


def _copying(attention: torch.nn.Module) -> None:
    """Make value and output projections each other's inverse, so that attention begins by passing on what it reads.

    From plain random weights the model had not begun to look things up in its prompt after 800 steps; from these it
    does after about 100 (after Trockman and Kolter, "Mimetic initialization of self-attention layers", 2023).
    """
    rotation = torch.nn.init.orthogonal_(torch.empty_like(attention.v_proj.weight))
    with torch.no_grad():
        attention.v_proj.weight.copy_(rotation)
        attention.o_proj.weight.copy_(rotation.T)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write model and tokenizer to the folder `--out`."""
    options = _parser().parse_args(arguments)
    spec: dict[str, Any] = json.loads(options.spec)
    template = options.chat_template.read_text(encoding="utf-8")
    texts = texts_of(options.texts, options.field)
    tokenizer = make_tokenizer(texts, spec["vocabulary"], spec["max_positions"], template)
    tokenizer.save_pretrained(options.out)
    make_model(spec, len(tokenizer), options.seed).save_pretrained(options.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make the rehearsal's tiny Mistral and its tokenizer.")
    parser.add_argument(
        "--texts", type=Path, nargs="+", required=True, help="JSON lines files to train the tokenizer on"
    )
    parser.add_argument("--field", nargs="+", required=True, help="where the text stands in each file's rows")
    parser.add_argument("--chat-template", type=Path, required=True)
    parser.add_argument("--spec", required=True, help="JSON: hidden_size, layers, heads, vocabulary, max_positions")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    return parser


if __name__ == "__main__":
    main()
