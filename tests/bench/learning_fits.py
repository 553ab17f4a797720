"""One fine-tuning of learning.py through the product's own functions, in a process of a pool."""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from learning_data import Labelled, read_labelled

from storage.config import TEMPLATE
from workbench.modeling.base.loading import load_base
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import Prompter, make_prompter
from workbench.modeling.scoring.label_probabilities import score_texts
from workbench.modeling.trainers import train
from workbench.recipes import recipes

GENERATIONS = 2
"""How often a text is given to the seed's own way of predicting."""


@dataclass(frozen=True)
class Fit:
    """A preset on a labelled set with a learning rate and a seed."""

    data: str
    preset: str
    rate: float
    seed: int

    @property
    def name(self) -> str:
        """What the predictions of this fit are filed under."""
        return f"{self.data}/{self.preset}/{self.rate:g}/{self.seed}"


@dataclass(frozen=True)
class Course:
    """What all fits have in common."""

    folder: Path
    """Where the tweets are."""
    base: Path
    steps: int
    points: tuple[int, ...]
    """Steps after which the test tweets are scored."""
    overrides: tuple[str, ...]
    most: int
    """Tweets of dev and of test that are scored; 0 for all."""
    generated: int
    """Test tweets that the seed also predicts in its own way."""


def get_ready() -> None:
    """Import everything that takes its time, and let a process keep to itself.

    Layers are not compiled: many processes would compile the same at once, and speed is measured
    elsewhere.
    """
    os.environ["TORCHDYNAMO_DISABLE"] = "1"
    torch._dynamo.config.disable = True
    torch.set_num_threads(1)
    import datasets

    import workbench.modeling.trl.sft  # noqa: F401

    datasets.disable_progress_bars()
    if torch.cuda.is_available():
        torch.backends.cuda.enable_cudnn_sdp(False)  # plans anew for every length of a batch
        torch.zeros(1, device="cuda")


def run(fit: Fit, course: Course) -> dict[str, Any]:
    """Fine-tune and score; a fit that fails gives its error under `error`."""
    began = time.monotonic()
    try:
        found = _run(fit, course)
    except Exception:  # the others go on, and the table says what is missing
        return {"error": traceback.format_exc(limit=-4)}
    return found | {"seconds": time.monotonic() - began}


def _run(fit: Fit, course: Course) -> dict[str, Any]:
    data = read_labelled(course.folder, fit.data, course.most)
    recipe = recipes.load(
        fit.preset,
        [
            f"training.max_steps={course.steps}",
            f"training.save_steps={course.steps}",
            f"training.learning_rate={fit.rate!r}",
            f"training.seed={fit.seed}",
            *course.overrides,
        ],
    )
    assert recipe.quantization is not None and recipe.training is not None
    base = load_base(str(course.base), recipe.quantization)
    length = recipe.training.max_length
    prompter = make_prompter(base.tokenizer, TEMPLATE, data.words, data.words, length)
    test: dict[int, list[list[float]]] = {}
    losses: list[float] = []
    began, scoring = time.monotonic(), 0.0

    def report(event: str, **values: Any) -> None:
        nonlocal scoring
        if event == "step":
            losses.append(values["loss"])
        if event == "tick" and values["step"] in course.points:
            started = time.monotonic()
            test[values["step"]] = score_texts(base.model, prompter, data.test.texts)
            scoring += time.monotonic() - started

    with tempfile.TemporaryDirectory() as folder:
        trained = train(
            base,
            recipe,
            prompter,
            data.train,
            Examples([], []),
            Path(folder),
            report,
            lambda: False,
        )
    training = time.monotonic() - began - scoring
    found: dict[str, Any] = {
        "test": test,
        "dev": score_texts(trained.model, prompter, data.dev.texts),
        "losses": losses,
        "linear4bit": base.linear4bit,
        "step_s": training / trained.steps,
        "scoring_s": scoring,
    }
    if fit.preset == "seed" and course.generated:
        found["generated"] = _generated(trained.model, prompter, data, course.generated)
    return found


@torch.no_grad()
def _generated(model: Any, prompter: Prompter, data: Labelled, count: int) -> list[list[int]]:
    """What the seed's own call of generate answers, time after time; -1 for no label word."""
    model.eval()
    model.config.use_cache = True
    numbers = {answer[0]: number for number, answer in enumerate(prompter.label_token_ids)}
    torch.manual_seed(0)
    answers = []
    for _ in range(GENERATIONS):
        answered = []
        for prompt in prompter.encode(data.test.texts[:count]):
            ids = torch.tensor([prompt], device=model.device)
            said = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=1,
                num_return_sequences=1,
                repetition_penalty=2.0,
                do_sample=True,
                temperature=0.7,
                top_k=2,
                top_p=0.95,
                pad_token_id=prompter.tokenizer.eos_token_id,
            )
            answered.append(numbers.get(int(said[0, -1]), -1))
        answers.append(answered)
    return answers
