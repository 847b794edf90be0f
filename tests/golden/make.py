#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""Make the goldens: tiny random checkpoints in their published formats, and what transformers answers for them.

    python tests/golden/make.py [--out tests/golden] [--tokenizer models/fairy-tiny/tokenizer.json] [--only NAME]

See README.md beside this file for the layout. Every case is checked against reference.py before it is kept,
and every case must be able to fail: the readings of the checkpoint that are wrong give other logits.
"""

import argparse
import json
import shutil
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, logging

import reference

GREEDY_STEPS = 24
AGREEMENT = 1e-5  # transformers' fp32 against float64, relative to the largest |logit|
DISTINCTION = 1e-3  # what a misreading must change at least: five times the tolerance of the C++ tests
TORCH_DTYPE = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

# What the published configs say, at a tiny size.
FALCON_MAMBA = {
    "architectures": ["FalconMambaForCausalLM"],
    "bos_token_id": 0,
    "conv_kernel": 4,
    "eos_token_id": 11,
    "expand": 2,
    "hidden_act": "silu",
    "hidden_size": 20,
    "initializer_range": 0.1,
    "intermediate_size": 40,
    "layer_norm_epsilon": 1e-05,
    "model_type": "falcon_mamba",
    "num_hidden_layers": 2,
    "pad_token_id": 11,
    "rescale_prenorm_residual": False,
    "residual_in_fp32": True,
    "state_size": 8,
    "tie_word_embeddings": False,
    "time_step_floor": 0.0001,
    "time_step_init_scheme": "random",
    "time_step_max": 0.1,
    "time_step_min": 0.001,
    "time_step_rank": 2,
    "time_step_scale": 1.0,
    "torch_dtype": "float32",
    "use_bias": False,
    "use_cache": True,
    "use_conv_bias": True,
    "vocab_size": 64,
}
MAMBA = FALCON_MAMBA | {
    "architectures": ["MambaForCausalLM"],
    "eos_token_id": 0,
    "model_type": "mamba",
    "pad_token_id": 0,
    "time_step_rank": "auto",
}


@dataclass(frozen=True)
class Case:
    """One checkpoint. `config` overrides the family's; a value of None removes the key."""

    name: str
    family: dict
    config: dict = field(default_factory=dict)
    tokens: int = 20
    shard_bytes: int = 0  # 0: one file
    head_in_file: bool = True
    dt_bias: tuple = ()  # overrides the first channels' dt bias
    misreadings: tuple = ()  # config changes that must change the logits


def falcon(name, **kwargs):
    return Case(f"falcon_mamba-{name}", FALCON_MAMBA, **kwargs)


def mamba(name, **kwargs):
    return Case(f"mamba-{name}", MAMBA, **kwargs)


CASES = [
    falcon("plain"),
]


def full_config(case):
    merged = case.family | case.config
    return {key: value for key, value in sorted(merged.items()) if value is not None}


def random_weights(case, config):
    """Name -> float32 array. Nothing is left at a value that would hide a mistake: no zero bias, no unit norm."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    shape = reference.shape_of(config)
    hidden, vocab = config["hidden_size"], config["vocab_size"]
    inner, states, kernel, rank = shape.inner, shape.states, shape.kernel, shape.rank

    def normal(*dims, std=1.0, mean=0.0):
        return mean + std * rng.standard_normal(dims)

    weights = {"backbone.embeddings.weight": normal(vocab, hidden)}
    for layer in range(shape.layers):
        dt = np.exp(rng.uniform(np.log(1e-3), np.log(1.0), inner))
        mixer = {
            "in_proj.weight": normal(2 * inner, hidden, std=hidden**-0.5),
            "conv1d.weight": normal(inner, 1, kernel, std=kernel**-0.5),
            "x_proj.weight": normal(rank + 2 * states, inner, std=2.0 * inner**-0.5),
            "dt_proj.weight": normal(inner, rank, std=rank**-0.5),
            "dt_proj.bias": np.log(np.expm1(dt)),
            "A_log": np.log(np.arange(1, states + 1)) + normal(inner, states, std=0.3),
            "D": normal(inner, std=0.5, mean=1.0),
            "out_proj.weight": normal(hidden, inner, std=2.0 * inner**-0.5),
        }
        mixer["dt_proj.bias"][: len(case.dt_bias)] = case.dt_bias
        if config["use_conv_bias"]:
            mixer["conv1d.bias"] = normal(inner, std=0.3)
        if config["use_bias"]:
            mixer["in_proj.bias"] = normal(2 * inner, std=0.3)
            mixer["out_proj.bias"] = normal(hidden, std=0.3)
        prefix = f"backbone.layers.{layer}."
        weights[prefix + "norm.weight"] = normal(hidden, std=0.3, mean=1.0)
        weights |= {f"{prefix}mixer.{name}": value for name, value in mixer.items()}
    weights["backbone.norm_f.weight"] = normal(hidden, std=0.3, mean=1.0)
    if case.head_in_file:
        weights["lm_head.weight"] = normal(vocab, hidden, std=hidden**-0.5)
    return {name: value.astype(np.float32) for name, value in weights.items()}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_checkpoint(case, folder):
    config = full_config(case)
    dtype = TORCH_DTYPE[config["torch_dtype"]]
    weights = {name: torch.from_numpy(value).to(dtype) for name, value in random_weights(case, config).items()}
    write_json(folder / "config.json", config)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    if case.shard_bytes:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        (folder / "model.safetensors").unlink()
        model.save_pretrained(folder, max_shard_size=case.shard_bytes)
        (folder / "generation_config.json").unlink()
        write_json(folder / "config.json", config)


@torch.no_grad()
def ask_transformers(model, ids):
    """Golden tensors of one checkpoint: logits of every position and a greedy continuation, never with a cache."""
    logits = model(torch.tensor([ids]), use_cache=False).logits[0]
    sequence, margins = list(ids), []
    for _ in range(GREEDY_STEPS):
        top = torch.topk(model(torch.tensor([sequence]), use_cache=False).logits[0, -1], 2)
        sequence.append(int(top.indices[0]))
        margins.append(float(top.values[0] - top.values[1]))
    return logits.numpy(), sequence[len(ids) :], margins


def stored_rows(tokens):
    """Positions whose logits are kept: all of a short prompt; first, last and a spread of a long one."""
    return np.unique(np.linspace(0, tokens - 1, min(tokens, 16 if tokens > 64 else tokens)).round().astype(np.int64))


def deviation(actual, expected):
    return float(np.max(np.abs(actual - expected)) / np.max(np.abs(expected)))


def check_misreadings(case, config, tensors, ids, logits):
    """The golden must tell the right reading of the checkpoint from the wrong ones."""
    other = {"falcon_mamba": "mamba", "mamba": "falcon_mamba"}[config["model_type"]]
    changes = [deviation(reference.forward(config | wrong, tensors, ids)[0], logits)
               for wrong in ({"model_type": other}, *case.misreadings)]
    assert min(changes) > DISTINCTION, f"{case.name}: a misreading changes the logits by only {changes}"
    return min(changes)


def make_case(case, folder):
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    write_checkpoint(case, folder)
    rng = np.random.default_rng(zlib.crc32(case.name.encode()) + 1)
    config, tensors = reference.read_checkpoint(folder)
    ids = rng.integers(0, config["vocab_size"], case.tokens).tolist()

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    logits, greedy, margins = ask_transformers(model, ids)

    expected, conv_state, ssm_state = reference.forward(config, tensors, ids)
    difference = deviation(logits, expected)
    assert difference < AGREEMENT, f"{case.name}: transformers and the reference differ by {difference}"
    continued = reference.forward(config, tensors, ids + greedy)[0]
    assert continued[len(ids) - 1 : -1].argmax(axis=1).tolist() == greedy, f"{case.name}: greedy ids differ"
    change = check_misreadings(case, config, tensors, ids, expected)

    rows = stored_rows(len(ids))
    save_arrays(
        {
            "input_ids": np.array(ids, np.int64),
            "logit_rows": rows,
            "logits": logits[rows],
            "greedy_ids": np.array(greedy, np.int64),
            "greedy_margin": np.array(margins, np.float32),
            "conv_state": conv_state.astype(np.float32),
            "ssm_state": ssm_state.astype(np.float32),
        },
        folder / "golden.safetensors",
    )
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{case.name:44} {difference:9.1e} {change:9.1e} {min(margins):9.1e} {len(set(greedy)):4} {np.abs(logits).max():7.2f} {size:8}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).resolve().parent
    parser.add_argument("--out", type=Path, default=here)
    parser.add_argument("--only", help="make only the cases whose name contains this")
    options = parser.parse_args()

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    print(f"{'case':44} {'vs fp64':>9} {'misread':>9} {'margin':>9} {'ids':>4} {'logit':>7} {'bytes':>8}")
    for case in CASES:
        if not options.only or options.only in case.name:
            make_case(case, options.out / case.name)


if __name__ == "__main__":
    sys.exit(main())
