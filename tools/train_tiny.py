# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""Trains a small Falcon Mamba on a plain-text book of tales and writes a Hugging Face model folder.

    python tools/train_tiny.py --data tales.txt --out models/fairy-tiny --steps 8000

Needs PyTorch, tokenizers, safetensors and numpy. A GPU takes minutes; a CPU runs the same code, for small shapes.
The learning rate is constant after a short warm-up and decays exponentially over the last steps, as it did for the
7B model. check_tiny.py checks what the folder holds against transformers and measures it.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import nn

from selective_scan import selective_scan
from tales import encode_tales, read_book, save_tokenizer, train_tokenizer


def config_of(args):
    """config.json: the fields of transformers' FalconMambaConfig. Token 0 is end-of-text, see tales.py."""
    return {
        "architectures": ["FalconMambaForCausalLM"],
        "bos_token_id": 0,
        "conv_kernel": args.conv,
        "dtype": "bfloat16",
        "eos_token_id": 0,
        "expand": 2,
        "hidden_act": "silu",
        "hidden_size": args.hidden,
        "initializer_range": 0.02,
        "intermediate_size": 2 * args.hidden,
        "layer_norm_epsilon": 1e-5,
        "mixer_rms_eps": 1e-6,
        "model_type": "falcon_mamba",
        "num_hidden_layers": args.layers,
        "pad_token_id": 0,
        "rescale_prenorm_residual": False,
        "residual_in_fp32": True,
        "state_size": args.state,
        "tie_word_embeddings": True,
        "time_step_floor": 1e-4,
        "time_step_init_scheme": "random",
        "time_step_max": 0.1,
        "time_step_min": 0.001,
        "time_step_rank": math.ceil(args.hidden / 16),
        "time_step_scale": 1.0,
        "torch_dtype": "bfloat16",
        "use_bias": False,
        "use_cache": True,
        "use_conv_bias": True,
        "vocab_size": args.vocab,
    }


GENERATION = {
    "bos_token_id": 0,
    "do_sample": True,
    "eos_token_id": 0,
    "pad_token_id": 0,
    "temperature": 0.8,
    "top_k": 40,
    "top_p": 0.95,
}


# --- The model. Module names are transformers' names, so that the state dict is the checkpoint. ---


def unit_rms(x, eps):
    """x over its own root mean square; no weight."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


class RMSNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        return unit_rms(x.float(), self.eps) * self.weight


class Mixer(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, inner, taps = config["hidden_size"], config["intermediate_size"], config["conv_kernel"]
        self.rank, self.states = config["time_step_rank"], config["state_size"]
        self.eps = config["mixer_rms_eps"]
        self.in_proj = nn.Linear(hidden, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, taps, groups=inner)  # holds the weights; forward() does the sum itself
        self.x_proj = nn.Linear(inner, self.rank + 2 * self.states, bias=False)
        self.dt_proj = nn.Linear(self.rank, inner)
        self.A_log = nn.Parameter(torch.arange(1.0, self.states + 1).log().repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, hidden, bias=False)

        nn.init.normal_(self.in_proj.weight, std=hidden**-0.5)
        nn.init.normal_(self.x_proj.weight, std=inner**-0.5)
        nn.init.normal_(self.out_proj.weight, std=(inner * config["num_hidden_layers"]) ** -0.5)
        nn.init.uniform_(self.dt_proj.weight, -(self.rank**-0.5), self.rank**-0.5)
        # softplus(bias) is log-uniform between time_step_min and time_step_max: memories of many lengths.
        low, high = math.log(config["time_step_min"]), math.log(config["time_step_max"])
        dt = torch.exp(low + (high - low) * torch.rand(inner))
        with torch.no_grad():
            self.dt_proj.bias.copy_(dt + torch.log(-torch.expm1(-dt)))

    def forward(self, u):  # (batch, length, hidden) -> the same
        x, z = self.in_proj(u).chunk(2, dim=-1)
        # Depthwise causal convolution: the last tap multiplies the current token.
        length, taps = x.shape[1], self.conv1d.weight.shape[-1]
        padded = F.pad(x.float(), (0, 0, taps - 1, 0))
        x = sum(padded[:, k : k + length] * self.conv1d.weight[:, 0, k] for k in range(taps))
        x = F.silu(x + self.conv1d.bias)
        # dt, B, C in that order, each over its own root mean square: what sets Falcon Mamba apart from Mamba.
        parts = self.x_proj(x).float().split([self.rank, self.states, self.states], dim=-1)
        dt, B, C = (unit_rms(part, self.eps) for part in parts)
        dt = F.softplus(F.linear(dt, self.dt_proj.weight).float() + self.dt_proj.bias)
        y = selective_scan(x, dt, -torch.exp(self.A_log), B, C) + self.D * x
        return self.out_proj(y * F.silu(z.float()))


class Block(nn.Module):
    def __init__(self, config, dropout):
        super().__init__()
        self.norm = RMSNorm(config["hidden_size"], config["layer_norm_epsilon"])
        self.mixer = Mixer(config)
        self.dropout = dropout

    def forward(self, x):
        return x + F.dropout(self.mixer(self.norm(x)).float(), self.dropout, self.training)


class Backbone(nn.Module):
    def __init__(self, config, dropout):
        super().__init__()
        self.embeddings = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(Block(config, dropout) for _ in range(config["num_hidden_layers"]))
        self.norm_f = RMSNorm(config["hidden_size"], config["layer_norm_epsilon"])
        self.dropout = dropout
        nn.init.normal_(self.embeddings.weight, std=config["initializer_range"])

    def forward(self, ids):
        x = F.dropout(self.embeddings(ids), self.dropout, self.training)
        for layer in self.layers:
            x = layer(x)
        return F.dropout(self.norm_f(x), self.dropout, self.training)


class LanguageModel(nn.Module):
    """Falcon Mamba with the head tied to the embeddings."""

    def __init__(self, config, dropout=0.0):
        super().__init__()
        self.backbone = Backbone(config, dropout)

    def forward(self, ids):  # (batch, length) -> logits (batch, length, vocab), fp32
        return F.linear(self.backbone(ids), self.backbone.embeddings.weight).float()


# --- Data and loss. ---


def batches(ids, length, batch, generator):
    """Endless (batch, length + 1) windows: each pass over the text cuts it at new places, in a new order."""
    if len(ids) < (batch + 2) * length:
        raise ValueError(f"{len(ids)} tokens do not fill {batch} windows of {length}: lower --batch or --length")
    while True:
        start = torch.randint(length, (), generator=generator).item()
        starts = torch.arange(start, len(ids) - length, length)
        starts = starts[torch.randperm(len(starts), generator=generator)].to(ids.device)
        for some in starts.split(batch):
            if len(some) == batch:
                yield ids[some[:, None] + torch.arange(length + 1, device=ids.device)]


@torch.no_grad()
@torch.compiler.set_stance("force_eager")  # its odd shapes are not worth compiling for
def evaluate(model, ids, length, batch=16):
    """Mean loss, nats per token, over the whole text in windows of `length`, each from an empty state, in fp32."""
    model.eval()
    total, whole = 0.0, (len(ids) - 1) // length
    starts = torch.arange(whole, device=ids.device) * length
    windows = [ids[some[:, None] + torch.arange(length + 1, device=ids.device)] for some in starts.split(batch)]
    if whole * length < len(ids) - 1:
        windows.append(ids[None, whole * length :])
    for window in windows:
        total += F.cross_entropy(model(window[:, :-1]).flatten(0, 1), window[:, 1:].flatten(), reduction="sum").item()
    model.train()
    return total / (len(ids) - 1)


# --- Training. ---


def learning_rate(step, steps, args):
    """Warm-up, constant, then an exponential decay."""
    decay_from = steps * (1 - args.decay)
    if step < args.warmup:
        return args.lr * (step + 1) / args.warmup
    if step < decay_from:
        return args.lr
    return args.lr * args.final_lr ** ((step - decay_from) / (steps - decay_from))


def make_optimizer(model, args):
    """AdamW; weight decay only on what multiplies activations as a matrix."""
    decayed = [p for name, p in model.named_parameters() if p.ndim == 2 and "A_log" not in name]
    ids = {id(p) for p in decayed}
    rest = [p for p in model.parameters() if id(p) not in ids]
    groups = [{"params": decayed, "weight_decay": args.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.95), fused=args.device == "cuda")


def save_model(model, config, folder):
    """Everything but the tokenizer, weights in bf16."""
    tensors = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "generation_config.json").write_text(json.dumps(GENERATION, indent=2) + "\n")


def train(model, ids, validation, config, args):
    """Runs the steps; with --minutes their number follows from the measured speed."""
    optimizer = make_optimizer(model, args)
    source = batches(ids, args.length, args.batch, torch.Generator().manual_seed(args.seed))
    steps, begin, mean = args.steps, time.time(), 0.0
    for step, window in enumerate(source):
        if args.minutes and step == 40:
            timed_from = time.time()
        if args.minutes and step == 140:
            left = 0.9 * (60 * args.minutes - (time.time() - begin))  # the tenth is for validations
            steps = step + max(1, int(left / (time.time() - timed_from) * 100))
            print(f"{steps} steps fit into {args.minutes} minutes", flush=True)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, args)
        with torch.autocast(args.device, torch.bfloat16, enabled=args.device == "cuda"):
            logits = model(window[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

        mean = loss.detach() if step == 0 else 0.98 * mean + 0.02 * loss.detach()
        done = step + 1 == steps
        if (step + 1) % 20 == 0:
            mean = mean.item()  # also keeps the clock honest: the device works behind our back
        if (step + 1) % args.report == 0 or done:
            held_out = evaluate(model, validation, args.length)
            print(f"step {step + 1} loss {mean:.4f} validation {held_out:.4f} {time.time() - begin:.0f} s", flush=True)
            save_model(model, config, args.out)
        if done:
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the book, UTF-8, one paragraph a line")
    parser.add_argument("--out", type=Path, required=True, help="the model folder to write")
    parser.add_argument("--tokenizer", type=Path, help="use this tokenizer.json instead of training one")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=1)
    shape = parser.add_argument_group("shape")
    shape.add_argument("--vocab", type=int, default=2048)
    shape.add_argument("--hidden", type=int, default=192)
    shape.add_argument("--layers", type=int, default=9)
    shape.add_argument("--state", type=int, default=16)
    shape.add_argument("--conv", type=int, default=4)
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument("--steps", type=int, default=8000)
    recipe.add_argument("--minutes", type=float, help="as many steps as fit, instead of --steps")
    recipe.add_argument("--batch", type=int, default=32, help="windows per step")
    recipe.add_argument("--length", type=int, default=1024, help="tokens per window")
    recipe.add_argument("--lr", type=float, default=3e-3)
    recipe.add_argument("--warmup", type=int, default=200, help="steps")
    recipe.add_argument("--decay", type=float, default=0.1356, help="fraction of the steps in which the rate decays")
    recipe.add_argument("--final-lr", type=float, default=0.0308, help="the last rate over the constant one")
    recipe.add_argument("--weight-decay", type=float, default=1.0)
    recipe.add_argument("--dropout", type=float, default=0.15)
    recipe.add_argument("--report", type=int, default=500, help="steps between validations")
    args = parser.parse_args()
    if args.minutes:
        args.steps = 1 << 40  # until the speed is known

    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    tales, held_out = read_book(args.data)
    tokenizer = Tokenizer.from_file(str(args.tokenizer)) if args.tokenizer else train_tokenizer(tales, args.vocab)
    args.vocab = tokenizer.get_vocab_size()
    save_tokenizer(tokenizer, args.out)
    ids = torch.from_numpy(encode_tales(tokenizer, tales)).to(args.device)
    validation = torch.tensor(tokenizer.encode(held_out, add_special_tokens=False).ids, device=args.device)

    config = config_of(args)
    model = LanguageModel(config, args.dropout).to(args.device)
    size = sum(p.numel() for p in model.parameters())
    print(f"{size} parameters, {len(tales)} tales, {len(ids)} tokens, {len(validation)} to validate on", flush=True)
    if args.device == "cuda":
        for layer in model.backbone.layers:
            layer.compile()
    train(model, ids, validation, config, args)


if __name__ == "__main__":
    main()
