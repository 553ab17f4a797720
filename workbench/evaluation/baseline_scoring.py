"""Asking the baseline of a run about texts: by the model that it has kept, or fitted anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from storage.errors import UserError
from storage.query import tweets
from storage.store import Store
from workbench.analysis.texts.word_effects import Score
from workbench.rundir import folder as run_folder
from workbench.rundir.baseline_files import read_baseline
from workbench.rundir.folder import Job


def baseline_score(folder: Path, left_out: Sequence[str] = ()) -> Score:
    """Scores texts as the baseline of a run does, by a model that has not seen some texts.

    So what is said of a tweet is not what its own label has taught. Those are the models that have
    predicted it out of fold. Raises UserError if the folder of the run is damaged or gone.
    """
    job = run_folder.read_job(folder)
    if job.recipe.logistic is None:
        raise UserError(f"{folder} is not a baseline run.")
    model = read_baseline(folder, len(job.labels))
    models = () if model is None else model.without(left_out)
    if model is None or not models:
        return _fitted_anew(folder, job, left_out)

    def score(texts: Sequence[str]) -> list[list[float]]:
        rows: list[list[float]] = model.predict(texts, models).tolist()
        return rows

    return score


def texts_of_group(store: Store, number: int) -> list[str]:
    """The texts of a tweet and of its near-duplicates."""
    group = tweets.tweet(store, number).group
    return list(tweets.texts(store, [number, *tweets.duplicates(store, group)]).values())


def _fitted_anew(folder: Path, job: Job, left_out: Sequence[str]) -> Score:
    """As runs of older versions, which kept no model, take a second or more."""
    # imported here, as they take a second too
    from workbench.analysis import baseline
    from workbench.rundir import tables

    settings = job.recipe.logistic
    assert settings is not None  # noqa: S101 - a baseline has this section
    train, labels = tables.read_examples(folder / run_folder.TRAIN, job.labels)
    kept = [place for place, text in enumerate(train.texts) if text not in set(left_out)]

    def score(texts: Sequence[str]) -> list[list[float]]:
        rows: list[list[float]] = baseline.predict(
            [train.texts[place] for place in kept],
            [labels[place] for place in kept],
            texts,
            len(job.labels),
            settings.regularisation,
        ).tolist()
        return rows

    return score
