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
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, logging

import reference
import tokenizer_goldens

GREEDY_STEPS = 24
AGREEMENT = 1e-5  # transformers' fp32 against float64, relative to the largest |logit|
DISTINCTION = 1e-3  # what a misreading must change at least: fifty times the tolerance of the C++ tests in float
TORCH_DTYPE = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

# What the published configs say, at a tiny size.
FALCON_MAMBA = {
    "architectures": ["FalconMambaForCausalLM"],
    "bos_token_id": 0,
    "conv_kernel": 4,
    "eos_token_id": 11,
    "expand": 2,
    "hidden_act": "silu",
    "hidden_size": 18,
    "initializer_range": 0.1,
    "intermediate_size": 36,
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
    "time_step_rank": 4,
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
MAMBA2 = {
    "architectures": ["Mamba2ForCausalLM"],
    "bos_token_id": 0,
    "chunk_size": 8,
    "conv_kernel": 4,
    "eos_token_id": 2,
    "expand": 2,
    "head_dim": 12,
    "hidden_act": "silu",
    "hidden_size": 18,
    "initializer_range": 0.1,
    "layer_norm_epsilon": 1e-05,
    "model_type": "mamba2",
    "n_groups": 1,
    "num_heads": 3,
    "num_hidden_layers": 2,
    "pad_token_id": 1,
    "rescale_prenorm_residual": False,
    "residual_in_fp32": True,
    "state_size": 8,
    "tie_word_embeddings": False,
    "time_step_floor": 0.0001,
    "time_step_limit": [0.0, {"__float__": "Infinity"}],
    "time_step_max": 0.1,
    "time_step_min": 0.001,
    "time_step_rank": 2,
    "torch_dtype": "float32",
    "use_bias": False,
    "use_cache": True,
    "use_conv_bias": True,
    "vocab_size": 64,
}
GROUPS_2 = {"head_dim": 6, "n_groups": 2, "num_heads": 6}


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


def both_families(name, **kwargs):
    return [Case(f"falcon_mamba-{name}", FALCON_MAMBA, **kwargs), Case(f"mamba-{name}", MAMBA, **kwargs)]


def falcon_only(name, **kwargs):
    return [Case(f"falcon_mamba-{name}", FALCON_MAMBA, **kwargs)]


def mamba_only(name, **kwargs):
    return [Case(f"mamba-{name}", MAMBA, **kwargs)]


def mamba2_only(name, config=None, misreadings=(), **kwargs):
    readings = ({"misread": "norm before gate"}, *misreadings)
    return [Case(f"mamba2-{name}", MAMBA2, config=config or {}, misreadings=readings, **kwargs)]


CASES = [
    *both_families("plain"),
    *falcon_only("tied", config={"tie_word_embeddings": True}, head_in_file=False),
    *falcon_only("no-tie-key", config={"tie_word_embeddings": None}),
    *both_families("use_bias", config={"use_bias": True}),
    *both_families("no-conv-bias", config={"use_conv_bias": False}),
    *both_families("conv_kernel-2", config={"conv_kernel": 2}),
    *both_families("conv_kernel-3", config={"conv_kernel": 3}),
    *both_families("state_size-5", config={"state_size": 5}),
    *both_families("state_size-16", config={"state_size": 16}),
    *both_families("state_size-64", config={"state_size": 64, "intermediate_size": 24}),
    *both_families("intermediate_size", config={"expand": 16, "intermediate_size": 35}),
    *both_families("expand", config={"expand": 3, "intermediate_size": None}),
    *both_families(
        "layer_norm_epsilon", config={"layer_norm_epsilon": 0.1}, misreadings=({"layer_norm_epsilon": 1e-5},)
    ),
    *falcon_only("mixer_rms_eps", config={"mixer_rms_eps": 0.05}, misreadings=({"mixer_rms_eps": 1e-6},)),
    *both_families("bfloat16", config={"torch_dtype": "bfloat16"}),
    *both_families("float16", config={"torch_dtype": "float16"}),
    *both_families("sharded", config={"num_hidden_layers": 3}, shard_bytes=20_000),
    *both_families("length-1", tokens=1),
    *falcon_only("length-2", tokens=2),
    *both_families("length-1500", tokens=1500),
    *falcon_only("time_step_rank-3", config={"time_step_rank": 3}),
    *falcon_only("time_step_rank-auto", config={"hidden_size": 17, "time_step_rank": "auto"}),
    *falcon_only("large-dt", dt_bias=(120.0, 60.0, 25.0, 20.5, 19.5, -7.0)),
    *falcon_only("eleven-layers", config={"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 11}),
    # The next two are also written in the original mamba_ssm format, see ORIGINALS.
    *mamba_only("tied", config={"state_size": 16, "tie_word_embeddings": True, "vocab_size": 72}, head_in_file=False),
    *mamba_only(
        "mixed",
        config={
            "conv_kernel": 3,
            "expand": 3,
            "intermediate_size": 54,
            "state_size": 5,
            "time_step_rank": 5,
            "use_bias": True,
            "use_conv_bias": False,
        },
    ),
    *mamba2_only("plain"),
    *mamba2_only("tied", {"tie_word_embeddings": True, "vocab_size": 72}, head_in_file=False),
    *mamba2_only("use_bias", {"use_bias": True}),
    *mamba2_only("no-conv-bias", {"use_conv_bias": False}),
    *mamba2_only("conv_kernel-2", {"conv_kernel": 2}),
    *mamba2_only(
        "n_groups-2", GROUPS_2, misreadings=({"misread": "norm of all groups"}, {"misread": "groups take turns"})
    ),
    *mamba2_only("n_groups-5", {"expand": 5, "head_dim": 9, "hidden_size": 9, "n_groups": 5, "num_heads": 5}),
    *mamba2_only("head_dim-1", {"head_dim": 1, "num_heads": 36}),
    *mamba2_only("head_dim-36", {"head_dim": 36, "num_heads": 1}),
    *mamba2_only(
        "state_size-128", {"head_dim": 8, "hidden_size": 8, "num_heads": 2, "state_size": 128, "vocab_size": 32}
    ),
    *mamba2_only("time_step_limit", {"time_step_limit": [0.05, 0.5]}, misreadings=({"time_step_limit": [0.0, 1e9]},)),
    # As in Mamba-Codestral's file: a bare Infinity, and keys that transformers does not read.
    *mamba2_only(
        "codestral",
        GROUPS_2
        | {
            "intermediate_size": 99,
            "norm_before_gate": True,
            "rms_norm": True,
            "time_step_limit": [0.0, float("inf")],
        },
    ),
    *mamba2_only("layer_norm_epsilon", {"layer_norm_epsilon": 0.1}, misreadings=({"layer_norm_epsilon": 1e-5},)),
    *mamba2_only("bfloat16", {"torch_dtype": "bfloat16"}),
    *mamba2_only("sharded", {"num_hidden_layers": 3}, shard_bytes=20_000),
    *mamba2_only("length-1", tokens=1),
    *mamba2_only("length-2", tokens=2),
    *mamba2_only("length-1500", GROUPS_2 | {"chunk_size": 256}, tokens=1500),
    *mamba2_only("large-dt", dt_bias=(30.0, 20.5)),
]


@dataclass(frozen=True)
class Original:
    """A Hugging Face case said again as mamba_ssm publishes its models; `vocab` is the size before padding."""

    name: str
    source: str
    vocab: int
    ssm_cfg: dict


ORIGINALS = [
    Original(
        "mamba_ssm-mamba2", "mamba2-tied", vocab=70, ssm_cfg={"d_state": 8, "headdim": 12, "layer": "Mamba2"}
    ),
    Original("mamba_ssm-plain", "mamba-tied", vocab=70, ssm_cfg={}),
    Original(
        "mamba_ssm-ssm_cfg",
        "mamba-mixed",
        vocab=64,
        ssm_cfg={"bias": True, "conv_bias": False, "d_conv": 3, "d_state": 5, "dt_rank": 5, "expand": 3},
    ),
]


def full_config(case):
    merged = case.family | case.config
    return {key: value for key, value in sorted(merged.items()) if value is not None}


def mixer_weights(case, config, shape, normal, rng):
    hidden, inner, states, kernel, rank = config["hidden_size"], shape.inner, shape.states, shape.kernel, shape.rank
    dt = np.exp(rng.uniform(np.log(1e-3), np.log(1.0), inner))
    mixer = {
        "in_proj.weight": normal(2 * inner, hidden, std=hidden**-0.5),
        "conv1d.weight": normal(inner, 1, kernel, std=kernel**-0.5),
        "x_proj.weight": normal(rank + 2 * states, inner, std=inner**-0.5),
        "dt_proj.weight": normal(inner, rank, std=rank**-0.5),
        "dt_proj.bias": np.log(np.expm1(dt)),
        "A_log": np.log(np.arange(1, states + 1)) + normal(inner, states, std=0.3),
        "D": normal(inner, std=0.5, mean=1.0),
        "out_proj.weight": normal(hidden, inner, std=1.5 * inner**-0.5),
    }
    # A huge dt makes a huge y: keep it from drowning the other channels.
    mixer["dt_proj.bias"][: len(case.dt_bias)] = case.dt_bias
    mixer["out_proj.weight"][:, : len(case.dt_bias)] *= 0.02
    if config["use_conv_bias"]:
        mixer["conv1d.bias"] = normal(inner, std=0.3)
    if config["use_bias"]:
        mixer["in_proj.bias"] = normal(2 * inner, std=0.3)
        mixer["out_proj.bias"] = normal(hidden, std=0.3)
    return mixer


def mixer2_weights(case, config, shape, normal, rng):
    hidden, inner, heads, kernel = config["hidden_size"], shape.inner, shape.heads, shape.kernel
    convolved = inner + 2 * shape.groups * shape.states
    dt = np.exp(rng.uniform(np.log(1e-2), np.log(1.0), heads))
    mixer = {
        "in_proj.weight": normal(inner + convolved + heads, hidden, std=hidden**-0.5),
        "conv1d.weight": normal(convolved, 1, kernel, std=kernel**-0.5),
        "dt_bias": np.log(np.expm1(dt)),
        "A_log": np.log(rng.uniform(0.1, 4.0, heads)),
        "D": normal(heads, std=0.5, mean=1.0),
        "norm.weight": normal(inner, std=0.3, mean=1.0),
        "out_proj.weight": normal(hidden, inner, std=1.5 * inner**-0.5),
    }
    mixer["dt_bias"][: len(case.dt_bias)] = case.dt_bias
    if config["use_conv_bias"]:
        mixer["conv1d.bias"] = normal(convolved, std=0.3)
    if config["use_bias"]:
        mixer["in_proj.bias"] = normal(inner + convolved + heads, std=0.3)
        mixer["out_proj.bias"] = normal(hidden, std=0.3)
    return mixer


def random_weights(case, config):
    """Name -> float32 array. Nothing is left at a value that would hide a mistake: no zero bias, no unit norm."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    shape = reference.shape_of(config)
    hidden, vocab = config["hidden_size"], config["vocab_size"]

    def normal(*dims, std=1.0, mean=0.0):
        return mean + std * rng.standard_normal(dims)

    # A tied model with embeddings of unit size only repeats its last token.
    weights = {"backbone.embeddings.weight": normal(vocab, hidden, std=1.0 if case.head_in_file else 0.2)}
    for layer in range(shape.layers):
        mixer = mixer2_weights(case, config, shape, normal, rng) if shape.heads else mixer_weights(case, config, shape, normal, rng)
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
    """(logits of every position, greedy continuation, margin of each of its tokens), never with a cache."""
    logits = model(torch.tensor([ids]), use_cache=False).logits[0]
    sequence, margins = list(ids), []
    for _ in range(GREEDY_STEPS):
        top = torch.topk(model(torch.tensor([sequence]), use_cache=False).logits[0, -1], 2)
        sequence.append(int(top.indices[0]))
        margins.append(float(top.values[0] - top.values[1]))
    return logits.numpy(), sequence[len(ids) :], margins


@torch.no_grad()
def states_of_transformers(model, ids, kernel):
    """(conv_state, ssm_state) after one forward from an empty cache, the only cached call that can be trusted."""
    layers = model(torch.tensor([ids]), use_cache=True).cache_params.layers
    conv = np.stack([layer.conv_states[0][0].numpy() for layer in layers])
    ssm = np.stack([layer.recurrent_states[0][0].flatten(end_dim=-2).numpy() for layer in layers])
    return conv[:, :, conv.shape[2] - (kernel - 1) :], ssm


def stored_rows(tokens):
    """Positions whose logits are kept: all of a short prompt; first, last and a spread of a long one."""
    return np.unique(np.linspace(0, tokens - 1, min(tokens, 16 if tokens > 64 else tokens)).round().astype(np.int64))


def deviation(actual, expected):
    return float(np.max(np.abs(actual - expected)) / np.max(np.abs(expected)))


def check_agreement(name, what, actual, expected):
    difference = deviation(actual, expected)
    assert difference < AGREEMENT, f"{name}: {what} of transformers and of the reference differ by {difference}"
    return difference


def check_misreadings(case, config, tensors, ids, logits):
    """The least change that a wrong reading of the checkpoint makes to the logits: it must not be small."""
    other_family = {"falcon_mamba": "mamba", "mamba": "falcon_mamba"}.get(config["model_type"])
    wrong_types = ({"model_type": other_family},) if other_family else ()
    readings = [(config | wrong, tensors) for wrong in (*wrong_types, *case.misreadings)]
    if case.head_in_file:
        readings.append((config, {name: value for name, value in tensors.items() if name != "lm_head.weight"}))
    change = min(deviation(reference.forward(*reading, ids)[0], logits) for reading in readings)
    assert change > DISTINCTION, f"{case.name}: a misreading changes the logits by only {change}"
    return change


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_golden(path, golden):
    # save_file writes an array's memory as it lies: a transposed one would come back scrambled.
    save_arrays({name: np.ascontiguousarray(value) for name, value in golden.items()}, path)
    for name, value in load_file(path).items():
        assert np.array_equal(value, golden[name]), f"{path}: {name} did not survive being written"


def make_case(case, folder):
    write_checkpoint(case, fresh(folder))
    config, tensors = reference.read_checkpoint(folder)
    rng = np.random.default_rng(zlib.crc32(case.name.encode()) + 1)
    ids = rng.integers(0, config["vocab_size"], case.tokens).tolist()

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    logits, greedy, margins = ask_transformers(model, ids)
    their_conv, their_ssm = states_of_transformers(model, ids, reference.shape_of(config).kernel)

    expected, conv_state, ssm_state = reference.forward(config, tensors, ids)
    difference = check_agreement(case.name, "logits", logits, expected)
    check_agreement(case.name, "conv state", their_conv, conv_state)
    check_agreement(case.name, "ssm state", their_ssm, ssm_state)
    continued = reference.forward(config, tensors, ids + greedy)[0]
    assert continued[len(ids) - 1 : -1].argmax(axis=1).tolist() == greedy, f"{case.name}: greedy ids differ"
    change = check_misreadings(case, config, tensors, ids, expected)

    rows = stored_rows(len(ids))
    golden = {
        "input_ids": np.array(ids, np.int64),
        "logit_rows": rows,
        "logits": logits[rows],
        "greedy_ids": np.array(greedy, np.int64),
        "greedy_margin": np.array(margins, np.float32),
        "conv_state": conv_state.astype(np.float32),
        "ssm_state": ssm_state.astype(np.float32),
    }
    write_golden(folder / "golden.safetensors", golden)
    report(folder, f"{difference:9.1e} {change:9.1e} {min(margins):9.1e}")


def make_original(original, source, folder):
    """Write `source`, a Hugging Face case, in the mamba_ssm format. Its golden is the source's, byte for byte."""
    config, _ = reference.read_checkpoint(source)
    weights = load_file(source / "model.safetensors")
    embedding = weights.pop("backbone.embeddings.weight")
    weights["backbone.embedding.weight"] = embedding
    weights.setdefault("lm_head.weight", embedding)
    save_arrays(weights, fresh(folder) / "model.safetensors", metadata={"format": "pt"})
    write_json(
        folder / "config.json",
        {
            "d_model": config["hidden_size"],
            "n_layer": config["num_hidden_layers"],
            "vocab_size": original.vocab,
            "ssm_cfg": original.ssm_cfg,
            "rms_norm": True,
            "residual_in_fp32": True,
            "fused_add_norm": True,
            "pad_vocab_size_multiple": 8,
            "tie_embeddings": config["tie_word_embeddings"],
        },
    )
    shutil.copyfile(source / "golden.safetensors", folder / "golden.safetensors")

    golden = load_file(folder / "golden.safetensors")
    logits = reference.forward(*reference.read_checkpoint(folder), golden["input_ids"])[0]
    difference = check_agreement(original.name, "logits", golden["logits"], logits[golden["logit_rows"]])
    assert golden["greedy_ids"].max() < original.vocab, f"{original.name}: a padding row of the vocabulary wins"
    report(folder, f"{difference:9.1e} {'':9} {golden['greedy_margin'].min():9.1e}")


def report(folder, columns):
    print(f"{folder.name:36} {columns} {sum(file.stat().st_size for file in folder.iterdir()):8}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).resolve().parent
    parser.add_argument("--out", type=Path, default=here)
    parser.add_argument("--tokenizer", type=Path, default=here.parents[1] / "models/fairy-tiny/tokenizer.json")
    parser.add_argument("--only", default="", help="make only what has this in its name; 'tokenizer' for the texts")
    options = parser.parse_args()

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    print(f"{'case':36} {'vs fp64':>9} {'misread':>9} {'margin':>9} {'bytes':>8}")
    for case in CASES:
        if options.only in case.name:
            make_case(case, options.out / case.name)
    for original in ORIGINALS:
        if options.only in original.name:
            make_original(original, options.out / original.source, options.out / original.name)
    if options.only in "tokenizer":
        tokenizer_goldens.make_probe(options.out / "tokenizer")
        tokenizer_goldens.make_trained(options.tokenizer, options.out / "tokenizer")


if __name__ == "__main__":
    main()
