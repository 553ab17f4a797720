"""Why a label is doubted, as far as it is known: words that a model goes by, and what votes say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.store import Store
from workbench import kept_analyses
from workbench.evaluation.suspect_reasons import SuspectReasons, suspect_reasons
from workbench.tui.widgets.detail import TweetDetails

MOST_WORDS = 4
"""Words that are told, those of the largest effect."""
LEAST_EFFECT = 0.005

Effects = tuple[tuple[str, float], ...]
"""Words, each with how much it speaks for the answer of a model."""


@dataclass(frozen=True)
class TweetReasons:
    """What is known without any work."""

    words: Effects = ()
    words_by: int | None = None
    """The run that goes by the words."""
    suspicion: SuspectReasons | None = None
    """The votes about the label, if the tweet is among the first suspects."""


def read_reasons(store: Store, details: TweetDetails) -> TweetReasons:
    """The reasons that are kept for a tweet: the newest baseline's words, and the votes."""
    number = details.tweet.id
    suspicion = suspect_reasons(store, [number]).get(number)
    baselines = [p.run.id for p in details.predictions if p.run.kind == "baseline"]
    for run in sorted(baselines, reverse=True)[:1]:
        kept = kept_analyses.kept(store, kept_analyses.explanation(number, run))
        if kept is not None and not kept.stale:
            return TweetReasons(effects(kept.result), run, suspicion)
    return TweetReasons(suspicion=suspicion)


def effects(found: Mapping[str, Any] | None) -> Effects:
    """The words of an explanation that matter most, the strongest first."""
    words = [(str(part["word"]), float(part["effect"])) for part in (found or {}).get("words", ())]
    ranked = sorted(words, key=lambda part: -abs(part[1]))
    return tuple(part for part in ranked[:MOST_WORDS] if abs(part[1]) >= LEAST_EFFECT)


def signed(effect: float) -> str:
    """An effect with its sign, such as +.41 or −1.10."""
    return f"{'+' if effect >= 0 else '−'}{abs(effect):.2f}".replace("0.", ".", 1)
