"""What transformers makes of pairs (test_pair_scores.py): python score_by_hand.py BASE REWARD PAIRS OUT.

Runs in vLLM's environment. Makes a reward model at REWARD on the weights of BASE, with a random value head, and writes
for each side of each pair the sum of its answer's log-probabilities under BASE and its reward, both in float32. The
text is put together here, without the chat template.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, MistralForSequenceClassification


def rendered(messages: list[dict[str, str]]) -> tuple[str, str]:
    """The prompt and the answer as Mistral's format writes them."""
    system, user, answer = (turn["content"] for turn in messages)
    return f"<s>[INST] {system}\n{user} [/INST]", f" {answer}</s>"


def reward_model(base: str, out: str) -> Any:
    """A reward model with a head large enough that rewards differ in their first digits."""
    torch.manual_seed(7)
    model = MistralForSequenceClassification.from_pretrained(base, num_labels=1, torch_dtype=torch.float32)
    torch.nn.init.normal_(model.score.weight, std=1.0)
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(base).save_pretrained(out)
    return model.eval()


def main(base: str, reward: str, pairs: str, out: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    policy = AutoModelForCausalLM.from_pretrained(base, torch_dtype=torch.float32).eval()
    judge = reward_model(base, reward)
    found: dict[str, Any] = {}
    for line in Path(pairs).read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        found[pair["id"]] = {side: by_hand(tokenizer, policy, judge, pair[side]) for side in ("chosen", "rejected")}
    Path(out).write_text(json.dumps(found), encoding="utf-8")


@torch.no_grad()
def by_hand(tokenizer: Any, policy: Any, judge: Any, messages: list[dict[str, str]]) -> dict[str, float]:
    prompt, answer = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in rendered(messages))
    ids = torch.tensor([prompt + answer])
    told = policy(ids).logits.log_softmax(-1)[0]
    last = judge.model(ids).last_hidden_state[0, -1]
    return {
        "log-probability": sum(told[place - 1, ids[0, place]].item() for place in range(len(prompt), ids.shape[1])),
        "reward": (judge.score.weight @ last).item(),
        "answer_tokens": len(answer),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
