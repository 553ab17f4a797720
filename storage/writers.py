"""Writing tweets with their labels to a file, in one step."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

from storage.config import Config
from storage.errors import UsageError
from storage.store import Store
from storage.tweets import Tweet, each

FIELDS = ("id", "external_id", "text", "label", "gold", "split", "changed", "flags", "note")
FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".json": "json"}


def export(store: Store, path: Path, filter_text: str = "", form: str | None = None) -> int:
    """Write the tweets that pass a filter and return how many; the ending names the format.

    Formats: csv, tsv, json, jsonl, and `seed`: JSON lines of `### Human: … ### Assistant: …` for
    the labelled tweets. A file that was there is replaced only when the new one is complete.
    """
    chosen = form or FORMATS.get(path.suffix.lower())
    if chosen not in WRITERS:
        known = ", ".join(WRITERS)
        raise UsageError(
            f"The format of {path} is not known; end it in .csv or give --format ({known})."
        )
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            written = WRITERS[chosen](file, each(store, filter_text), store.config)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return written


def _record(tweet: Tweet) -> dict[str, Any]:
    return {name: getattr(tweet, name) for name in FIELDS}


def _delimited(delimiter: str) -> Callable[[TextIO, Iterable[Tweet], Config], int]:
    def write(file: TextIO, tweets: Iterable[Tweet], config: Config) -> int:
        writer = csv.DictWriter(file, FIELDS, delimiter=delimiter)
        writer.writeheader()
        count = 0
        for tweet in tweets:
            writer.writerow(_record(tweet) | {"flags": " ".join(tweet.flags)})
            count += 1
        return count

    return write


def _jsonl(file: TextIO, tweets: Iterable[Tweet], config: Config) -> int:
    count = 0
    for tweet in tweets:
        file.write(json.dumps(_record(tweet), ensure_ascii=False) + "\n")
        count += 1
    return count


def _json(file: TextIO, tweets: Iterable[Tweet], config: Config) -> int:
    count = 0
    for tweet in tweets:
        file.write(("[" if count == 0 else ",\n") + json.dumps(_record(tweet), ensure_ascii=False))
        count += 1
    file.write("]\n" if count else "[]\n")
    return count


def _seed(file: TextIO, tweets: Iterable[Tweet], config: Config) -> int:
    count = 0
    for tweet in tweets:
        if tweet.label is not None and not tweet.excluded:
            text = f"### Human: {tweet.text}\n### Assistant: {config.word(tweet.label)}"
            file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
            count += 1
    return count


WRITERS: dict[str, Callable[[TextIO, Iterable[Tweet], Config], int]] = {
    "csv": _delimited(","),
    "tsv": _delimited("\t"),
    "json": _json,
    "jsonl": _jsonl,
    "seed": _seed,
}
