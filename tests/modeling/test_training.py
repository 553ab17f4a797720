"""Fine-tuning: losses, what moves, stopping and going on."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from workbench import recipes
from workbench.modeling.loading import load_base
from workbench.modeling.prompts import make_prompter
from workbench.modeling.scoring import label_logits, padded, score
from workbench.modeling.training import COMPLETE, Examples, newest_checkpoint, train

TEMPLATE = "### Human: {text}\n### Assistant:"
NOBODY = Examples([], [])
SAMPLE = Path(__file__).resolve().parents[2] / "sample_data" / "tweets.csv"


def silent(*args, **values):
    """A report that nobody reads."""


def setup(demo_base, *overrides: str, recipe: str = "tiny"):
    chosen = recipes.load(recipe, overrides)
    base = load_base(str(demo_base), chosen.quantization)
    words = ("Positive", "Negative")
    length = chosen.training.max_length
    return chosen, base, make_prompter(base.tokenizer, TEMPLATE, ("p", "n"), words, length)


def sample(count: int, start: int = 0) -> Examples:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[start : start + count]
    return Examples([r["text"] for r in rows], [int(r["label"] == "negative") for r in rows])


def test_the_label_word_loss_has_the_gradient_of_a_plain_reference(demo_base):
    _, base, prompter = setup(demo_base)
    examples = sample(6)
    base.model.lm_head.weight = torch.nn.Parameter(base.model.lm_head.weight.clone())
    prompts = prompter.prompts(examples.texts)
    last = torch.tensor([len(prompt) - 1 for prompt in prompts])
    scores = label_logits(base.model, prompter, padded(prompts, 0, torch.device("cpu")), last)
    functional.cross_entropy(scores, torch.tensor(examples.labels)).backward()
    batched = base.model.lm_head.weight.grad.clone()

    base.model.lm_head.weight.grad = None
    answers = [answer[0] for answer in prompter.answers]
    for prompt, label in zip(prompts, examples.labels, strict=True):
        logits = base.model(input_ids=torch.tensor([prompt])).logits[0, -1, answers]
        (-logits.log_softmax(0)[label] / len(prompts)).backward()
    assert torch.allclose(batched, base.model.lm_head.weight.grad, atol=1e-6)
    assert batched.abs().sum() > 0


@pytest.mark.slow
def test_training_learns_the_sample_tweets_and_moves_every_adapter_weight(demo_base, tmp_path):
    recipe, base, prompter = setup(demo_base, "training.max_steps=30", "training.save_steps=100")
    before = {n: p.detach().clone() for n, p in base.model.named_parameters()}
    examples = sample(64)
    trained = train(base, recipe, prompter, examples, NOBODY, tmp_path, silent, lambda: False)
    rows = score(trained.model, prompter, examples.texts)
    right = sum(row[label] > 0.5 for row, label in zip(rows, examples.labels, strict=True))
    assert right >= 60  # of 64, which it saw seven times
    for name, weight in trained.model.named_parameters():
        if weight.requires_grad:
            assert weight.dtype == torch.float32
            assert (weight != 0).float().mean() > 0.99, name
        else:
            plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
            assert torch.equal(weight.detach(), before[plain]), name


@pytest.mark.slow
def test_the_seed_preset_trains_with_the_stock_trainer_on_whole_texts(demo_base, tmp_path):
    recipe, base, prompter = setup(
        demo_base, "training.max_steps=4", "training.logging_steps=1",
        "quantization.compute_dtype=float32", recipe="seed",
    )  # fmt: skip
    losses = []
    examples = sample(40)

    def report(event, **values):
        if event == "step":
            losses.append(values["loss"])

    train(base, recipe, prompter, examples, NOBODY, tmp_path, report, lambda: False)
    assert len(losses) == 4
    texts = [
        prompter.text(text, [" Positive", " Negative"][label]) + "<|endoftext|>"
        for text, label in zip(examples.texts, examples.labels, strict=True)
    ]
    _, fresh, _ = setup(demo_base, "quantization.compute_dtype=float32", recipe="seed")
    total = tokens = 0
    with torch.no_grad():
        for text in texts:
            ids = fresh.tokenizer(text, return_tensors="pt")["input_ids"][:, :256]
            logits = fresh.model(input_ids=ids).logits[0, :-1]
            total += functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
            tokens += ids.shape[1] - 1
    # the first step's loss is that of the untrained base over whole texts, 16 of the 40
    assert losses[0] == pytest.approx(total / tokens, rel=0.12)


@pytest.mark.slow
def test_a_stopped_run_goes_on_where_it_was(demo_base, tmp_path):
    overrides = ("training.max_steps=8", "training.save_steps=100", "training.logging_steps=1")
    recipe, base, prompter = setup(demo_base, *overrides)
    calls = itertools.count(1)
    stopped = train(
        base, recipe, prompter, sample(48), NOBODY, tmp_path, silent, lambda: next(calls) == 3
    )
    assert stopped.stopped and stopped.steps == 3
    assert newest_checkpoint(tmp_path).name == "checkpoint-3"

    seen = []

    def report(event, **values):
        if event == "step":
            seen.append(values["step"])

    recipe, base, prompter = setup(demo_base, *overrides)
    went_on = train(base, recipe, prompter, sample(48), NOBODY, tmp_path, report, lambda: False)
    assert (went_on.steps, went_on.stopped) == (8, False)
    assert seen == [4, 5, 6, 7, 8]


def test_a_checkpoint_that_was_not_finished_is_passed_over(tmp_path):
    for step, complete in ((10, True), (20, True), (30, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if complete:
            (tmp_path / f"checkpoint-{step}" / COMPLETE).touch()
    assert newest_checkpoint(tmp_path).name == "checkpoint-20"
    assert newest_checkpoint(tmp_path / "nowhere") is None
