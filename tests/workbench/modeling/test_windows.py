"""Bases whose layers look back so many tokens only, which packed tweets must not change."""

from __future__ import annotations

import pytest
import torch
from bases_by_code import save_base

from workbench.modeling.base.loading import load_base
from workbench.modeling.data.batches import label_word_examples
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import make_prompter
from workbench.modeling.trainers import train
from workbench.recipes import recipes

WINDOW = 48
LONG = [f"{word} no way that this goes up again, they said " * 6 for word in ("apple", "stone")]
SHORT = ["up", "down it goes"]
QUICK = ("max_steps=1", "logging_steps=1", "batch_size=4", "accumulation=1", "learning_rate=1e-9")


@pytest.mark.parametrize("kind", ["window", "gemma2", "gemma3-text"])
@pytest.mark.parametrize("texts", [LONG + SHORT, SHORT * 2], ids=["beyond it", "within it"])
def test_the_loss_of_a_step_is_that_of_its_tweets_one_by_one(kind, texts, tmp_path, events):
    folder = save_base(kind, tmp_path / "base")
    recipe = recipes.load("tiny", [f"training.{setting}" for setting in QUICK])
    base = load_base(str(folder), recipe.quantization)
    words = ("Positive", "Negative")
    prompter = make_prompter(base.tokenizer, "{text}\nLabel:", words, words, 4 * WINDOW)
    examples = Examples(texts, [0, 1, 1, 0])
    rows = label_word_examples(prompter, examples.texts, examples.labels)
    longest = max(len(row.tokens) for row in rows)
    assert (longest > WINDOW) == (LONG[0] in texts)
    answers = [answer[0] for answer in prompter.label_token_ids]
    with torch.no_grad():
        losses = [
            -base.model(input_ids=torch.tensor([row.tokens]))
            .logits[0, -1, answers]
            .log_softmax(0)[label]
            for row, label in zip(rows, examples.labels, strict=True)
        ]
    report, seen = events
    train(
        base,
        recipe,
        prompter,
        examples,
        Examples([], []),
        tmp_path / "steps",
        report,
        lambda: False,
    )
    [step] = [values for event, values in seen if event == "step"]
    assert step["loss"] == pytest.approx(float(torch.stack(losses).mean()), abs=2e-5)
    notes = " ".join(values["text"] for event, values in seen if event == "note")
    assert ("look back 48 tokens only" in notes) == (longest > WINDOW)
    assert ("packed into one row" in notes) == (longest <= WINDOW)
