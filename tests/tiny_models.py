"""Tiny checkpoints of real architectures with random weights, saved and laid out as a user's own would be."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, processors, trainers
from tokenizers import pre_tokenizers as cuts
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, Qwen2Tokenizer, Qwen3Config, Qwen3Model

BERT_DIMENSION, QWEN_DIMENSION = 32, 64
_WORDS = [
    "def parse colour name return retry backoff seconds",
    "class Session get post url header token query passage",
] * 40
_CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_TURNS = """{%- for m in messages -%}{{ '<|im_start|>' + m.role + '\n' }}
{%- if m.content is string -%}{{ m.content }}
{%- else -%}{%- for p in m.content -%}{{ p.text }}{%- endfor -%}{%- endif -%}
{{ '<|im_end|>\n' }}{%- endfor -%}{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"""


def save_bert(folder: Path, *, seed: int = 0) -> Path:
    """Save an encoder that pads on the right and takes the mean of its tokens, with prompts; return its folder."""
    tokenizer = _wordpiece()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=BERT_DIMENSION,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=256,
        pad_token_id=0,
    )
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as parts:
        BertModel(config).save_pretrained(parts)
        tokenizer.save_pretrained(parts)
        model = SentenceTransformer(
            modules=[Transformer(parts), Pooling(BERT_DIMENSION, pooling_mode="mean"), Normalize()],
            device="cpu",
            prompts={"query": "query: ", "document": "passage: "},
        )
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def save_qwen(folder: Path, *, seed: int = 0) -> Path:
    """Save a decoder that reads messages, pads on the left and takes its last token; return its folder."""
    tokenizer = _bytepair()
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=QWEN_DIMENSION,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        eos_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"),
    )
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as parts:
        Qwen3Model(config).save_pretrained(parts)
        tokenizer.save_pretrained(parts)
        transformer = Transformer(parts, processing_kwargs={"chat_template": {"add_generation_prompt": True}})
        model = SentenceTransformer(
            modules=[transformer, Pooling(QWEN_DIMENSION, pooling_mode="lasttoken"), Normalize()],
            device="cpu",
            prompts={"query": "Find what answers this.", "document": "Represent this."},
        )
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def _wordpiece() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = cuts.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        _WORDS, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=256,
    )


def _bytepair() -> Qwen2Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = cuts.Sequence(
        [
            cuts.Split(Regex(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+"), "isolated"),
            cuts.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        _WORDS,
        trainers.BpeTrainer(vocab_size=400, initial_alphabet=cuts.ByteLevel.alphabet(), show_progress=False),
    )
    learned = json.loads(tokenizer.to_str())["model"]
    return Qwen2Tokenizer(
        vocab=learned["vocab"],
        merges=[tuple(pair) for pair in learned["merges"]],
        unk_token=None,
        bos_token=None,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        model_max_length=2048,
        extra_special_tokens=_CONTROL,
        chat_template=_TURNS,
    )
