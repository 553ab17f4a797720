"""Label Studio: tasks with their annotations, one annotation a file, and tasks to import there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from storage.config import Config
from storage.formats.columns import Row
from storage.formats.position import RecordError
from storage.formats.programs import records
from storage.formats.programs.records import GivenLabel, Record

if TYPE_CHECKING:
    from storage.tweet import Tweet

ANNOTATIONS = ("annotations", "completions")
"""What the list is called now, and was called before version 1."""
PARTS = {
    "id",
    "data",
    "meta",
    "annotations",
    "completions",
    "predictions",
    "drafts",
    "project",
    "created_at",
    "updated_at",
    "updated_by",
    "created_by",
    "inner_id",
    "file_upload",
    "overlap",
    "is_labeled",
    "total_annotations",
    "cancelled_annotations",
    "total_predictions",
    "comment_count",
    "unresolved_comment_count",
    "last_comment_updated_at",
    "comment_authors",
}
"""What stands beside the data of a task."""
APART = ("label", "predicted_label", "confidence", "run")
"""Columns of an export that stand in annotations and predictions."""
ANNOTATOR = "annotator"
"""Names the annotator in the `meta` of a result: `completed_by` has to be a user there."""
CHOICES = ("choices", "taxonomy")
"""Controls whose answer can be a label."""
NUMBERS_ONLY = "annotations are given as numbers, without what was annotated; export them in full"
SKIPPED = "the annotation was skipped or is empty, which is no label"


def claims(row: Row) -> bool:
    """Whether a record is a task, or an annotation with its task inside."""
    if "result" in row and isinstance(records.table(row.get("task")).get("data"), dict):
        return True
    return isinstance(row.get("data"), dict) and (
        any(name in row for name in (*ANNOTATIONS, "predictions")) or row.keys() <= PARTS
    )


def questions(row: Row) -> list[str]:
    """The controls that the annotations of a task answer, or without any its predictions."""
    _, *given = _parts(row)
    answered = ([name for entry in entries for name, _ in _choices(entry)] for entries in given)
    return next(filter(None, answered), [])


def read(row: Row, question: str | None) -> Record:
    """A task as a row; of several annotations the ground truth counts, then the newest.

    Raises RecordError for an annotation with several choices where one label is expected.
    """
    task, annotations, predictions = _parts(row)
    columns = dict(records.table(task.get("data")))
    if task.get("id") is not None:
        columns.setdefault("id", task["id"])
    answered, given_labels = [], []
    for place, entry in enumerate(annotations):
        if entry.get("was_cancelled") or not (answers := _answers(task, entry, question)):
            continue
        at = str(entry.get("updated_at") or entry.get("created_at") or "")
        answered.append((bool(entry.get("ground_truth")), at, place, answers))
        who = _annotator(entry)
        given_labels += [
            GivenLabel(name, value, who, at or None, bool(entry.get("ground_truth")))
            for name, value in answers.items()
        ]
    if answered and not records.is_as_given(columns, [one.label for one in given_labels]):
        columns |= max(answered, key=lambda entry: entry[:3])[3]
    columns.pop(records.AS_GIVEN, None)
    columns |= records.predicted(_guess(task, predictions, question))
    remarks: tuple[str, ...] = ()
    if not answered and any(task.get(name) for name in ANNOTATIONS):
        remarks = (SKIPPED if annotations else NUMBERS_ONLY,)
    return Record(columns, tuple(given_labels), remarks)


def _annotator(entry: Row) -> str | None:
    """Who made an annotation: whom an export names, since Label Studio says who imported it."""
    for result in records.objects(entry.get("result")):
        if (name := records.table(result.get("meta")).get(ANNOTATOR)) is not None:
            return records.name_of(name)
    return records.name_of(entry.get("completed_by"))


def _parts(row: Row) -> tuple[Row, list[Row], list[Row]]:
    """The task, its annotations and its predictions."""
    if isinstance(row.get("task"), dict) and "result" in row:
        return row["task"], [row], []
    given = next((row[name] for name in ANNOTATIONS if row.get(name)), None)
    return row, records.objects(given), records.objects(row.get("predictions"))


def _choices(entry: Row) -> Iterator[tuple[str, list[str]]]:
    """The choices of each control of an annotation."""
    for result in records.objects(entry.get("result")):
        if (kind := result.get("type")) in CHOICES:
            value = records.table(result.get("value")).get(kind)
            given = value if isinstance(value, list) else [value]
            names = [
                " / ".join(map(str, name)) if isinstance(name, list) else str(name)
                for name in given
                if name not in (None, "", [])
            ]
            yield str(result.get("from_name")), names


def _answers(task: Row, entry: Row, question: str | None) -> Row:
    """The answer to each control as a column."""
    chosen: dict[str, list[str]] = {}
    for name, names in _choices(entry):
        chosen.setdefault(name, []).extend(names)
    answers: Row = {}
    for name, names in chosen.items():
        different = list(dict.fromkeys(names))
        if len(different) > 1:
            raise RecordError(
                f"task {task.get('id', '')} has the choices {', '.join(map(repr, different))} "
                "where one label is expected (texts with several labels are out of scope); leave "
                "one of them"
            )
        if different:
            answers[records.column_of(name, chosen, question)] = different[0]
    return answers | _other_answers(task, entry)


def _guess(task: Row, predictions: list[Row], question: str | None) -> Row:
    """The answers of the last prediction that has some."""
    for entry in reversed(predictions):
        try:
            if answers := _answers(task, entry, question):
                return answers
        except RecordError:  # several choices are no trouble in a guess
            return {name: ", ".join(names) for name, names in _choices(entry)}
    return {}


def _other_answers(task: Row, entry: Row) -> Row:
    """What controls of other kinds hold, such as ratings, comments and marked spans."""
    found: dict[str, list[Any]] = {}
    for result in records.objects(entry.get("result")):
        kind = result.get("type")
        value = records.table(result.get("value"))
        if isinstance(kind, str) and kind not in CHOICES and value:
            name = str(result.get("from_name"))
            taken = name in ("id", "label") or name in records.table(task.get("data"))
            found.setdefault(f"{name} answer" if taken else name, []).append(
                value.get(kind, value.get("text", value))
            )
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def interface(config: Config) -> str:
    """The labelling interface for the tasks that `write` makes, with definitions as hints."""
    from xml.sax.saxutils import quoteattr

    def choice(label: str) -> str:
        meaning = " ".join([config.definitions.get(label, ""), *config.examples.get(label, ())])
        hint = f" hint={quoteattr(meaning.strip())}" if meaning.strip() else ""
        return f"    <Choice value={quoteattr(label)}{hint}/>"

    lines = [
        "<View>",
        '  <Text name="text" value="$text"/>',
        '  <Choices name="label" toName="text">',
        *map(choice, config.labels),
        "  </Choices>",
        "</View>",
    ]
    return "\n".join(lines)


def write(row: Row, tweet: Tweet, given: Sequence[GivenLabel]) -> Row:
    """A task for a Choices control `label` on a Text `text`; the rest of the row is data.

    It has an annotation for each label that was `given`, or else one for the label of the tweet.
    """
    data = {name: value for name, value in row.items() if name not in APART}
    made: Row = {"data": {"text": tweet.text} | data, "annotations": [], "predictions": []}
    if given:
        made["annotations"] = [_annotation(one) for one in given]
        if "history" in row:
            data_of_label = {"label": tweet.label, records.AS_GIVEN: [one.label for one in given]}
            made["data"] |= data_of_label
    elif tweet.label is not None:
        made["annotations"].append({"result": [_choice(tweet.label)]})
    if tweet.pred is not None:
        made["predictions"].append(
            {
                "model_version": f"run {tweet.run}",
                "score": tweet.confidence,
                "result": [_choice(tweet.pred)],
            }
        )
    return made


def _annotation(one: GivenLabel) -> Row:
    result = _choice(str(one.label)) | {"meta": {ANNOTATOR: one.annotator}}
    return {"result": [result], "ground_truth": one.truth, "created_at": one.at}


def _choice(label: str) -> Row:
    value = {"choices": [label]}
    return {"from_name": "label", "to_name": "text", "type": "choices", "value": value}
