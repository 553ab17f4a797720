"""What the queue says in words: who gave a label, what its twins say, what to do at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storage import judgements
from storage.plurals import counted
from storage.query.tweets import shown_run
from storage.runs.review_queues import disputed
from storage.store import Store
from workbench.tui.acting_keys import key_for
from workbench.tui.reviewing.progress import CHANGED, Answer, summary
from workbench.tui.reviewing.sources import SUSPECTS, ReviewQueue
from workbench.tui.widgets.detail import TweetDetails, labels_in_words

MOST_TWINS = 1_000
"""Equal or nearly equal texts whose labels are counted."""
TITLES = {
    SUSPECTS: "Suspects",
    "margin": "Close calls",
    "disagreement": "Disagreements",
    "random": "By lot",
    "conflicts": "Conflicts",
    "adjudicate": "Judgements that differ",
}


def titles(queue: ReviewQueue) -> tuple[str, str]:
    """The title of a queue, and one for a narrow screen."""
    title = TITLES[queue.kind]
    stale = f"stale, {key_for('choose_queue')} ranks anew: {queue.stale}" if queue.stale else ""
    brief = f"{title} · stale" if queue.stale else title
    return " · ".join(filter(None, (title, queue.basis, stale))), brief


def twins(store: Store, details: TweetDetails) -> str:
    """What label equal or nearly equal texts have."""
    others = details.duplicates
    if not others:
        return ""
    said = f": {labels_in_words(store, others)}" if len(others) <= MOST_TWINS else ""
    return f"{counted(len(others), 'near-duplicate')}{said}"


def given_by(details: TweetDetails) -> str:
    """Where the given label comes from."""
    said = judgements.by_annotator(details.history)
    if len(said) > 1:
        same = sum(label == details.tweet.gold for label in said.values())
        return f"{same} of {len(said)} people, imported" if same else f"a tie of {len(said)} people"
    return "imported" if details.tweet.gold is not None else "not given"


def people(details: TweetDetails) -> str:
    """Who said what, where several have."""
    said = judgements.by_annotator(details.history)
    return " · ".join(f"{who} {label}" for who, label in said.items()) if len(said) > 1 else ""


def end_sentences(store: Store, queue: ReviewQueue, answers: Mapping[int, Answer]) -> Sequence[str]:
    """What was done, and what to do next."""
    done = f"All {len(queue.ids):,} are decided: {summary(answers)}."
    if len(queue.ids) == 1:
        done = f"The only one is decided: {summary(answers)}."
    changed = sum(answer.sign == CHANGED for answer in answers.values())
    trains = key_for("place_train")
    train = f"{trains} trains on them."
    if not changed:
        train = "No label changed, so there is nothing to train on."
    elif queue.kind == SUSPECTS:
        train = f"{trains} trains on them; the run that comes of it ranks the suspects anew."
    errors = f"{key_for('place_errors')} shows where a run is wrong."
    differ = 0 if queue.kind != "conflicts" else len(disputed(store))
    differs = f"{key_for('choose_queue')} shows {differ:,} more on which annotators differ."
    more = f", with {queue.more:,} more" if queue.more else ""
    return (
        done,
        "",
        *([differs] if differ else []),
        train,
        *([errors] if shown_run(store) is not None else []),
        "",
        f"↵ makes the queue anew{more}",
        _other_queues(),
    )


def _other_queues() -> str:
    named = [f"{key_for(f'queue_{kind}')} {kind}" for kind in ("margin", "disagreement", "random")]
    return "   ".join([*named, f"{key_for('choose_queue')} all kinds of queues"])


def empty_sentences(kind: str) -> Sequence[str]:
    """Why there is nothing in a queue, and what to do instead."""
    reasons = {
        SUSPECTS: "No suspects are left: every label that is likely wrong is decided.",
        "margin": "No tweet is left that nobody has looked at.",
        "disagreement": "Nowhere does the run say another label than the given one, or all of it "
        "is decided.",
        "random": "No tweet is left that nobody has looked at.",
        "conflicts": "No equal texts and no judgements are at odds, or all of it is decided.",
        "adjudicate": "No annotators differ, or all of it is decided.",
    }
    return (reasons[kind], "", "↵ looks again", _other_queues())
