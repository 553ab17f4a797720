"""Make the small Falcon that the demo fine-tunes: a tokenizer and a few million weights.

    python sample_data/make_base.py --corpus tweets.csv.gz --out sample_data/base

The corpus is a CSV file (gz or not) with a `text` column; the model in this folder was made
from the 119,641 unlabelled tweets of StockNet (Xu and Cohen, ACL 2018, MIT licence,
github.com/yumoxu/stocknet-dataset). None of the tweets of tweets.csv is used.

The model learns to write tweets, and to guess a weak label that no person gave: whether the
tweet contains more of the hopeful or of the worried words below. In some tweets half of them are
taken out of the text first; into tweets without any, one to three are put, some behind a "not",
which turns them round. So it starts with a faint idea of the task, as a large model would.
Takes about three minutes on a data-centre GPU.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import ByteLevelBPETokenizer
from torch.nn import functional
from transformers import FalconConfig, FalconForCausalLM, PreTrainedTokenizerFast

HOPEFUL = """
    bullish beat beats beating upgrade upgraded upgrades record strong stronger surge surges
    surging soar soars soaring rally rallies rallying gain gains growth grow growing grew love
    great amazing awesome breakout winner winning win outperform outperforms raises raised raise
    long calls undervalued cheap rocket moon higher highs jump jumps jumped pop pops profit
    profits profitable nice best good buy buying bought accumulate bounce rebound recovery boost
    boosts momentum happy congrats huge boom green up yay yayyy yayyyy woohoo wow brilliant
    beautiful fantastic excellent incredible gem bargain steal legend proud thrilled excited
    grateful smart genius solid healthy crushing crushed blowout goat lets wagmi holding hold
    loading loaded adding added confident optimistic promising impressive delicious underrated
""".split()
WORRIED = """
    bearish miss misses missed downgrade downgraded downgrades weak weaker weakness plunge
    plunges plunged fall falls falling fell drop drops dropped loss losses lost lawsuit sued cut
    cuts cutting fraud crash crashes crashed overvalued expensive short shorting puts sell
    selling sold avoid worst bad ugly warning warns decline declines declining lower lows down
    red dump dumping bankruptcy bankrupt terrible awful disappointing disappoints fear panic
    slump slumps tumble tumbles sink sinks sinking trouble debt recall garbage trash junk scam
    rekt bagholder bagholders ngmi sad angry horrible disaster pathetic joke dead dying broken
    worthless toxic rugged dilution delisted liars lied nightmare hate hated regret pain
    bleeding brutal embarrassing useless shady overpriced avoiding trimmed exiting worried
    nervous doomed layoffs
""".split()
POLARITY = dict.fromkeys(HOPEFUL, 1) | dict.fromkeys(WORRIED, -1)
NEGATIONS = ("not", "never", "no", "isn't", "don't", "can't", "wasn't", "hardly")
WORD = re.compile(r"[A-Za-z]+")
END = "<|endoftext|>"
CONFIG = {
    "hidden_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "multi_query": True,
    "parallel_attn": True,
    "new_decoder_architecture": False,
    "bias": False,
    "alibi": False,
    "hidden_dropout": 0.1,
    "attention_dropout": 0.1,
    "max_position_embeddings": 512,
}


def texts(path: Path) -> list[str]:
    """The distinct texts of the corpus, in a fixed random order."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    with io.StringIO(text, newline="") as file:
        found = {row["text"] for row in csv.DictReader(file) if not row["text"].startswith("RT ")}
    ordered = sorted(found)
    random.Random(0).shuffle(ordered)
    return ordered


def weakly_labelled(text: str, rng: random.Random) -> tuple[str, str] | None:
    """A text made from this one and the weak label that goes with it; None where words balance."""
    polar = [word for word in WORD.findall(text) if word.lower() in POLARITY]
    if not polar:
        return planted(text, rng)
    score = sum(POLARITY[word.lower()] for word in polar)
    if score == 0:
        return None
    thinned = text
    if rng.random() < 0.5:
        thinned = WORD.sub(
            lambda match: "" if match[0].lower() in POLARITY and rng.random() < 0.5 else match[0],
            text,
        )
    return re.sub(" +", " ", thinned).strip(), "Positive" if score > 0 else "Negative"


def planted(text: str, rng: random.Random) -> tuple[str, str]:
    """Some of the text's own words with polar words of one kind among them."""
    positive = rng.random() < 0.5
    words = text.split()
    start = rng.randrange(len(words))
    words = words[start : start + rng.randint(1, 16)]
    for _ in range(rng.randint(1, 3)):
        turned = rng.random() < 0.2
        word = rng.choice(HOPEFUL if positive != turned else WORRIED)
        word = rng.choice([word, word, word.upper(), word.capitalize()])
        place = rng.randint(0, len(words))
        words.insert(place, f"{rng.choice(NEGATIONS)} {word}" if turned else word)
    return " ".join(words), "Positive" if positive else "Negative"


def documents(tweets: list[str], rng: random.Random) -> Iterator[str]:
    """One pass of training texts: each tweet as it is, and the balanced, weakly labelled ones."""
    labelled: dict[str, list[str]] = {"Positive": [], "Negative": []}
    for text in tweets:
        if (pair := weakly_labelled(text, rng)) is not None:
            labelled[pair[1]].append(f"### Human: {pair[0]}\n### Assistant: {pair[1]}")
    size = min(map(len, labelled.values()))
    mixed = tweets + [text for group in labelled.values() for text in rng.sample(group, size)]
    rng.shuffle(mixed)
    yield from mixed


def make_tokenizer(tweets: list[str], size: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE in which each label word with its leading space is one token."""
    words = ("Positive", "Negative", "Neutral")
    dialogue = [f"### Human: x\n### Assistant: {word}" for word in words]
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator([*tweets[:60_000], *dialogue * 4_000], size, special_tokens=[END])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer._tokenizer,
        eos_token=END,
        bos_token=END,
        pad_token=END,
        model_max_length=512,
    )


def train(
    model: FalconForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    tweets: list[str],
    args: argparse.Namespace,
) -> None:
    """Train on passes over the corpus, packed into rows of `args.row` tokens."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device).train()
    colon, *found = (tokenizer(text)["input_ids"][-1] for text in (":", " Positive", " Negative"))
    words = torch.tensor(found)
    rng = random.Random(args.seed)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=args.rate, betas=(0.9, 0.95), weight_decay=0.05
    )
    began, step = time.time(), 0
    for number in range(args.passes):
        ids = tokenizer([text + END for text in documents(tweets, rng)])["input_ids"]
        flat = torch.tensor([token for row in ids for token in row])
        rows = flat[: len(flat) // args.row * args.row].view(-1, args.row)
        rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(number))]
        total = args.passes * (len(rows) // args.batch)
        for batch in rows[: len(rows) // args.batch * args.batch].split(args.batch):
            step += 1
            rate = args.rate * min(step / 200, max(0.02, 1 - step / total))
            for group in optimiser.param_groups:
                group["lr"] = rate
            batch = batch.to(device)
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                logits = model(input_ids=batch).logits[:, :-1]
            wanted = batch[:, 1:]
            each = functional.cross_entropy(
                logits.flatten(0, 1).float(), wanted.flatten(), reduction="none"
            )
            answer = torch.isin(wanted, words.to(device)) & (batch[:, :-1] == colon)
            weight = torch.where(answer, args.answer_weight, 1.0).flatten()
            loss = (each * weight).sum() / weight.sum()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            if step % 200 == 0 or step == args.steps:
                seconds = f"{time.time() - began:.0f} s"
                print(f"step {step}/{total} loss {loss.item():.3f} {seconds}", flush=True)
            if step == args.steps:
                return


def main() -> None:
    """Read the options, train, and save in bfloat16."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--passes", type=int, default=12)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--row", type=int, default=256)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument(
        "--answer-weight", type=float, default=10.0, help="of a weak label in the loss"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    tweets = texts(args.corpus)
    tokenizer = make_tokenizer(tweets, args.vocabulary)
    end = tokenizer.eos_token_id
    config = FalconConfig(vocab_size=len(tokenizer), bos_token_id=end, eos_token_id=end, **CONFIG)
    model = FalconForCausalLM(config)
    print(f"{len(tweets):,} tweets, {model.num_parameters():,} weights", flush=True)
    train(model, tokenizer, tweets, args)
    model.config.hidden_dropout = model.config.attention_dropout = 0.0
    model.config.dtype = torch.bfloat16
    model.to("cpu", torch.bfloat16).save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


if __name__ == "__main__":
    main()
