"""Answering a question to the engine: texts scored with an adapter on the base that it holds."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from storage.errors import UserError
from workbench.rundir import engine_questions
from workbench.rundir.engine_questions import Question

if TYPE_CHECKING:
    from workbench.modeling.base.cache import BaseModelCache


def answer_question(file: Path, question: Question, cache: BaseModelCache) -> None:
    """Score the texts of a question and write the answer; an unexpected error leaves it without.

    Raises OSError where the disk has no room for the answer.
    """
    try:
        rows = score(question, cache)
    except UserError as error:
        engine_questions.write_problem(file, str(error))
    except Exception:  # whoever asked does it without the engine, and meets the error there
        traceback.print_exc()
        cache.clear()  # it may be in pieces
    else:
        engine_questions.write_probabilities(file, rows)


def score(question: Question, cache: BaseModelCache) -> list[list[float]]:
    """The probability of each label for each text of a question."""
    from workbench.modeling.base.machine import require_usable_gpu
    from workbench.modeling.classify import classify_texts

    require_usable_gpu()
    adapter, base, trusted = Path(question.adapter), question.base, question.trust_remote_code
    return classify_texts(adapter, question.texts, base, trusted, cache)
