"""Small tokenizers of the kinds that base models come with, made by code."""

from __future__ import annotations

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

CORPUS = [
    "### Human: up and down\n### Assistant: Positive Negative Neutral",
    "buy more, sell everything; bullish bulls and bearish bears 1 10 100 42",
    "STRONG BUY 🚀 🚀🚀 💩 no way that this goes up again, they said: apple river stone cloud",
] * 20
SPECIAL = ["<unk>", "<s>", "</s>", "<|user|>", "<|end|>"]
BYTES = [f"<0x{number:02X}>" for number in range(256)]
GPT_4_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+"


def byte_level() -> Tokenizer:
    """Words with their leading space, as in GPT-2, Falcon and NeoX; adds nothing of its own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    _train(
        tokenizer,
        trainers.BpeTrainer(
            show_progress=False, vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet
        ),
    )
    return tokenizer


def byte_level_with_line_ends() -> Tokenizer:
    """Punctuation takes the line ends after it, as in Llama 3 and Qwen; begins with <s>."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(GPT_4_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    _train(
        tokenizer,
        trainers.BpeTrainer(
            show_progress=False, vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet
        ),
    )
    tokenizer.post_processor = TemplateProcessing("<s> $A", None, [("<s>", 1)])
    return tokenizer


def prepending() -> Tokenizer:
    """A normalizer puts ▁ before each text and for spaces, as in Llama 2; begins with <s>."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"(?=▁)"), "isolated")
    _train(tokenizer, trainers.BpeTrainer(vocab_size=600, special_tokens=[*SPECIAL, *BYTES]))
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.pre_tokenizer = None
    tokenizer.post_processor = TemplateProcessing("<s> $A", None, [("<s>", 1)])
    return tokenizer


def unigram() -> Tokenizer:
    """SentencePiece's unigrams, with ▁ before the first word, as in XGLM; ends with </s>."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace()
    _train(
        tokenizer,
        trainers.UnigramTrainer(vocab_size=200, special_tokens=SPECIAL, unk_token="<unk>"),
    )
    tokenizer.post_processor = TemplateProcessing("$A </s>", None, [("</s>", 2)])
    return tokenizer


KINDS = {
    kind.__name__: kind for kind in (byte_level, byte_level_with_line_ends, prepending, unigram)
}


def make_tokenizer(kind: str) -> PreTrainedTokenizerFast:
    """A tokenizer of one of the KINDS, as transformers loads it."""
    return PreTrainedTokenizerFast(
        tokenizer_object=KINDS[kind](),
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<unk>",
        additional_special_tokens=["<|user|>", "<|end|>"],
    )


def _train(tokenizer: Tokenizer, trainer: object) -> None:
    tokenizer.train_from_iterator(CORPUS, trainer)
