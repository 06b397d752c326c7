"""Make tiny models with the tokenizers of real families, each with the spacing and special tokens of its own.

    .envs/axolotl-cpu/bin/python tests/contract/families.py FOLDER

Runs in axolotl's environment. The vocabularies are learned from a few sentences; what splits a text, what is put in
front of it and which tokens are special is as in the families themselves, and so are the classes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaTokenizer,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from janus_recipes.rehearsal.tiny_model import make_tokenizer

# The line ends are there so that "\n\n" becomes one token, as it is in the byte-level families. Nothing but ASCII: in
# the SentencePiece families every other letter falls back to its bytes.
TEXTS = [f"Say the word {n} to a friend in a few kind words.\n\n\n\nSeven, yes: a friend.\r\n\r\n" for n in range(60)]
TEXTS += ["[INST] Be kind. [/INST] Be brief.", "<<SYS>>\nBe kind.\n<</SYS>>\n\n", "system user assistant"] * 5

SIZE = 900
"""Tokens learned, at most."""

LLAMA_3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


def llama_2() -> LlamaTokenizer:
    """SentencePiece's ways: a space is written ▁, one goes before a text, what is unknown is written in bytes."""
    vocabulary, merges = sentence_pieces()
    return LlamaTokenizer(vocab=vocabulary, merges=merges, add_bos_token=True)


def mistral() -> PreTrainedTokenizerFast:
    """The same pieces, but the space is put in front of every piece of text between special tokens."""
    vocabulary, merges = sentence_pieces()
    bpe = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bpe.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    bpe.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in ("<unk>", "<s>", "</s>")])
    bpe.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def sentence_pieces() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A vocabulary with all bytes, and merges, none of which reaches across a space or a line end."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace("▁"), pre_tokenizers.Split("\n", "removed")])
    lines = [text.replace("\r", "") for text in TEXTS]
    bpe.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=SIZE, show_progress=False))
    pieces, merges = learned_by(bpe)
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    return {name: number for number, name in enumerate(names)}, merges


def llama_3() -> PreTrainedTokenizerFast:
    """Bytes, split by LLaMA 3's expression; puts <|begin_of_text|> in front by itself and has nothing to pad with."""
    bpe = bytes_split_by(LLAMA_3_SPLIT)
    bpe.train_from_iterator(TEXTS, byte_trainer())
    names = ["begin_of_text", "end_of_text", "reserved_special_token_0", "start_header_id", "end_header_id", "eot_id"]
    bpe.add_special_tokens([AddedToken(f"<|{name}|>", normalized=False, special=True) for name in names])
    begin = "<|begin_of_text|>"
    bpe.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A", special_tokens=[(begin, bpe.token_to_id(begin))]
    )
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token=begin, eos_token="<|end_of_text|>")


def qwen() -> Qwen2Tokenizer:
    """Bytes, split by Qwen's expression; has no begin token."""
    bpe = bytes_split_by(PRETOKENIZE_REGEX)
    bpe.train_from_iterator(TEXTS, byte_trainer())
    learned, merges = learned_by(bpe)
    vocabulary = {name: number for number, name in enumerate(learned)}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=merges)
    names = ["im_start", "im_end", "object_ref_start"]
    tokenizer.add_tokens([AddedToken(f"<|{name}|>", normalized=False, special=True) for name in names])
    return tokenizer


def bytes_split_by(expression: str) -> Tokenizer:
    bpe = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(expression), behavior="isolated")
    bpe.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    bpe.decoder = decoders.ByteLevel()
    return bpe


def byte_trainer() -> trainers.BpeTrainer:
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return trainers.BpeTrainer(vocab_size=SIZE, initial_alphabet=alphabet, show_progress=False)


def learned_by(bpe: Tokenizer) -> tuple[list[str], list[tuple[str, str]]]:
    """Tokens in the order of their numbers, and merges."""
    model = json.loads(bpe.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].__getitem__), [(left, right) for left, right in model["merges"]]


def tiny_with(name: str) -> PreTrainedTokenizerFast:
    """The rehearsal's, under a template that was made for another family."""
    template = Path(f"prompts/chat/{name}.jinja").read_text(encoding="utf-8")
    return make_tokenizer(iter(TEXTS), SIZE, max_positions=1024, template=template)


FAMILIES: dict[str, tuple[Any, Any, Any]] = {
    "mistral": (mistral, MistralConfig, MistralForCausalLM),
    "llama-2": (llama_2, LlamaConfig, LlamaForCausalLM),
    "llama-3": (llama_3, LlamaConfig, LlamaForCausalLM),
    "qwen-3": (qwen, Qwen3Config, Qwen3ForCausalLM),
    "tiny-chatml": (lambda: tiny_with("chatml"), MistralConfig, MistralForCausalLM),
    "tiny-llama-3": (lambda: tiny_with("llama3"), MistralConfig, MistralForCausalLM),
}
"""How the tokenizer is made, and of which kind the model is."""


def main(folder: Path) -> None:
    """Write each family's tokenizer and a random model of two layers to a folder of its name."""
    for name, (make, make_config, make_model) in FAMILIES.items():
        tokenizer = make()
        tokenizer.save_pretrained(folder / name)
        torch.manual_seed(1)
        config = make_config(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
            max_position_embeddings=1024,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=None,
        )
        make_model(config).save_pretrained(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
