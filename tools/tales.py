# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""Text for train_tiny.py: a plain-text book of tales -> single tales -> token ids.

The book has one paragraph a line. Tales are told apart by what the line in front of them looks like; an
end-of-text token then goes between them, so that the model learns where a tale stops.
"""

import json
import re
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

END_OF_TEXT = "<|endoftext|>"

# A paragraph that starts like this opens a tale even when no title stands before it.
OPENING = re.compile(
    r"(Once upon a time|There (was|were|lived) once|(There once|Once there) (was|were|lived|dwelt)|Long, long ago)\b",
    re.IGNORECASE,
)
# "From the Danish. Kletke.", "[Adapted from ...]": the collector's credit below a tale.
CREDIT = re.compile(r"\[?(From|Translated|Adapted)\b.{0,150}$")
# Scholars' notes at the end of some books.
NOTE = re.compile(r"_?(Source|Parallels|Remarks)\b")


def is_heading(line):
    """A title: all capitals, or short, capitalised and without a full stop."""
    return line.isupper() or (len(line) < 80 and line.istitle() and line[-1].isalpha())


def is_clutter(line):
    """Notes, contents tables, rulers: more than one character in a hundred is a digit, or no letters at all."""
    digits = sum(c.isdigit() for c in line)
    return bool(NOTE.match(line)) or 100 * digits > len(line) or not any(c.isalpha() for c in line)


def split_tales(text):
    """The tales of a book, each a string of paragraphs, each paragraph ended by a newline."""
    tales, tale, previous = [], [], ""

    def finish():
        # What is shorter is a stray title, a dedication or a contents table.
        if sum(map(len, tale)) >= 400:
            tales.append("".join(paragraph + "\n" for paragraph in tale))
        tale.clear()

    for line in text.split("\n"):
        credit = bool(CREDIT.match(line))
        if OPENING.match(line):
            title = [tale.pop()] if tale and is_heading(tale[-1]) else []
            finish()
            tale += title
        elif credit or (previous == "" and is_heading(line)):
            finish()
        if line and not credit and not is_clutter(line):
            tale.append(line)
        previous = line
    finish()
    return tales


def read_book(path, validation=0.02):
    """(tales to train on, text to validate on). The validation text is the last 2% of the file, nothing left out."""
    text = Path(path).read_text(encoding="utf-8")
    cut = text.index("\n", int(len(text) * (1 - validation))) + 1
    return split_tales(text[:cut]), text[cut:]


def train_tokenizer(tales, vocab_size):
    """A byte-level BPE with the pre-tokenizer pipeline of Falcon."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Punctuation(behavior="contiguous"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
            pre_tokenizers.Digits(individual_digits=False),
            pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), behavior="isolated", invert=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),  # every byte has a token: nothing is ever unknown
        show_progress=False,
    )
    tokenizer.train_from_iterator(tales, trainer)
    return tokenizer


def save_tokenizer(tokenizer, folder):
    """Writes tokenizer.json and the tokenizer_config.json that transformers reads beside it."""
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "pad_token": END_OF_TEXT,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": 1 << 30,  # no positions: any length
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def encode_tales(tokenizer, tales):
    """One stream of ids: end-of-text, tale, end-of-text, tale, ..., end-of-text."""
    end = tokenizer.token_to_id(END_OF_TEXT)
    ids = [end]
    for encoding in tokenizer.encode_batch(tales, add_special_tokens=False):
        ids += encoding.ids + [end]
    return np.array(ids, dtype=np.int64)
