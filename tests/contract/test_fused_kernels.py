"""The speed settings change no mathematics: Liger's kernels, run by Triton's interpreter, against the plain layers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from janus_recipes.training.axolotl import FUSED_LAYERS, FUSED_LOSS

COMPARE = """
import json
import torch, triton, triton.language as tl
from transformers import MistralConfig, MistralForCausalLM
from liger_kernel.ops import rms_norm
from liger_kernel.transformers import apply_liger_kernel_to_mistral

@triton.jit
def rsqrt(x):  # the interpreter knows no GPU's own function
    return 1.0 / tl.sqrt(x)

def losses(model):
    ids = torch.arange(32).reshape(2, 16) * 7 % 400
    loss = model(ids, labels=torch.where(torch.arange(16) < 5, -100, ids)).loss
    loss.backward()
    return loss.item(), {name: value.grad for name, value in model.named_parameters()}

torch.manual_seed(1)
config = MistralConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
                       num_key_value_heads=1, vocab_size=400, max_position_embeddings=64)
plain = MistralForCausalLM(config)
loss, gradients = losses(plain)
rms_norm.rsqrt = rsqrt
apply_liger_kernel_to_mistral(rope=True, rms_norm=True, swiglu=True, fused_linear_cross_entropy=True)
fused = MistralForCausalLM(config)
fused.load_state_dict(plain.state_dict())
fused_loss, fused_gradients = losses(fused)
print(json.dumps({
    "loss": abs(loss - fused_loss) / loss,
    "gradients": max((gradients[name] - fused_gradients[name]).abs().max().item() for name in gradients),
    "layers": [type(fused.model.norm).__name__, type(fused.model.layers[0].mlp).__name__],
}))
"""


def test_the_fused_kernels_give_the_plain_layers_loss_and_gradients(axolotl: Path, tmp_path: Path) -> None:
    used = {key for key, value in {**FUSED_LAYERS, **FUSED_LOSS}.items() if value is True}
    assert used == {"liger_rope", "liger_rms_norm", "liger_glu_activation", "liger_fused_linear_cross_entropy"}
    environ = dict(os.environ) | {"TRITON_INTERPRET": "1", "HF_HUB_OFFLINE": "1"}
    script = tmp_path / "compare.py"  # Triton reads its functions' source from a file
    script.write_text(COMPARE)
    command = [axolotl / "bin" / "python", script]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["layers"] == ["LigerRMSNorm", "LigerSwiGLUMLP"]
    assert found["loss"] < 1e-6 and found["gradients"] < 1e-6  # rounding of 32-bit numbers
