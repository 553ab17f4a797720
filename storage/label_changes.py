"""Changes of the label set: labels that were renamed, merged, added or taken out, and when.

The database is the record, and workbench.toml follows: a change is committed with its action and
its events first, then the file is written, then the change is marked. Whoever opens a workspace
after a crash in between finishes that. A label that was merged into another keeps its row, so that
the history, gold labels and the answers of runs go on saying what they said.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from storage import config as config_file
from storage import label_settings
from storage.config import Config
from storage.errors import UserError
from storage.label_names import key

NEW, IN_SETTINGS, DONE = 0, 1, 2
"""How far a change has come: committed; workbench.toml says so; predictions do so too."""
RENAMED, MERGED, ADDED, REMOVED = "rename label", "merge labels", "add label", "remove label"
"""The kinds of the actions."""
KINDS = (RENAMED, MERGED, ADDED, REMOVED)


@dataclass(frozen=True)
class LabelChange:
    """What became of one label; a name is None where the label is not in the set."""

    label: int
    old: str | None
    new: str | None
    old_target: int | None = None
    """The label that it was merged into before."""
    new_target: int | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    """What workbench.toml said of a label that left, for whoever puts it back."""

    @property
    def reverse(self) -> LabelChange:
        """What takes it back."""
        return replace(
            self,
            old=self.new,
            new=self.old,
            old_target=self.new_target,
            new_target=self.old_target,
        )

    @property
    def renames(self) -> bool:
        """Whether the label is the same under another name."""
        return None not in (self.old, self.new)


COLUMNS = "label, old, new, old_target, new_target, said"


def of_action(db: sqlite3.Connection, action: int) -> list[LabelChange]:
    """What an action did to the label set."""
    return _read(db, "action = ?", [action])


def apply(db: sqlite3.Connection, action: int, changes: Iterable[LabelChange]) -> None:
    """Make changes of the label set part of an action, within its transaction.

    Raises UserError where another label has the name by now.
    """
    for change in changes:
        if change.renames:
            _rename(db, change)
        db.execute(
            f"INSERT INTO label_changes (action, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                action,
                change.label,
                change.old,
                change.new,
                change.old_target,
                change.new_target,
                json.dumps(dict(change.said)),
            ],
        )
        if change.old_target != change.new_target:
            db.execute("UPDATE evaluations SET event = -1")  # they count other classes now
    _resolve(db)


def require_unused(db: sqlite3.Connection, changes: Iterable[LabelChange]) -> None:
    """Raise UserError where tweets carry a label that leaves the set."""
    for change in changes:
        if change.new is None and (count := tweets_with(db, change.label)):
            raise UserError(
                f"{count:,} tweets carry {change.old!r} by now, so that it stays a label; "
                "`workbench labels merge` gives them another."
            )


def require_distinct(db: sqlite3.Connection, folder: Path, changes: Iterable[LabelChange]) -> None:
    """Raise UsageError where a name that comes back is another label's by now, or looks like it."""
    labels = list(read_settings(db, folder).labels)
    for change in changes:
        if change.old in labels:
            labels.remove(change.old)
        if change.new is not None and change.new not in labels:
            labels.append(change.new)
    config_file.check_new_labels(tuple(labels))


def sentences(db: sqlite3.Connection, changes: Iterable[LabelChange]) -> tuple[str, ...]:
    """What became of the labels, as parts of a sentence."""
    names = dict(db.execute("SELECT id, name FROM labels ORDER BY id").fetchall())
    return tuple(_sentence(change, names) for change in changes)


def _sentence(change: LabelChange, names: Mapping[int, str]) -> str:
    if change.renames:
        return f"{change.old!r} is called {change.new!r}"
    if change.new is not None:
        return f"{change.new!r} is a label"
    if change.new_target is not None:
        return f"{change.old!r} became {names[change.new_target]!r}"
    return f"{change.old!r} is no label any more"


def entries(
    db: sqlite3.Connection, renames: bool = False, after: int = 0, until: int | None = None
) -> list[dict[str, Any]]:
    """The changes as entries of a history, oldest first; only those that rename, if asked for.

    Those with numbers `after` one and `until` another, if that is given.
    """
    only = "AND c.old IS NOT NULL AND c.new IS NOT NULL" if renames else ""
    rows = db.execute(
        "SELECT a.id, a.annotator, a.at, a.kind, 'labels', c.old, coalesce(c.new, l.name) "
        "FROM label_changes c JOIN actions a ON a.id = c.action "
        "LEFT JOIN labels l ON l.id = c.new_target "
        f"WHERE c.id > ?1 AND (?2 IS NULL OR c.id <= ?2) {only} ORDER BY c.id",
        [after, until],
    )
    names = ("action", "annotator", "at", "kind", "field", "old", "new")
    return [dict(zip(names, row, strict=True)) for row in rows]


def told(entry: Mapping[str, Any]) -> str:
    """An entry of the history in words."""
    old, new = entry["old"], entry["new"]
    if old is None:
        return f"{new!r} was added"
    if new is None:
        return f"{old!r} was taken out"
    return f"{old!r} was {'merged into' if entry['kind'] == MERGED else 'renamed'} {new!r}"


def tweets_with(db: sqlite3.Connection, label: int) -> int:
    """How many tweets carry a label at present, those of an import that goes on counted too."""
    sql = "SELECT count(*) FROM current WHERE label = ?"
    return int(db.execute(sql, [label]).fetchone()[0])


def targets(db: sqlite3.Connection) -> dict[int, int]:
    """The label that each merged label means now."""
    sql = "SELECT id, merged_into FROM labels WHERE merged_into IS NOT NULL"
    return dict(db.execute(sql).fetchall())


def former_names(db: sqlite3.Connection) -> dict[str, str]:
    """The label that each name means now that a label once had, by the key of the name."""
    return {
        key(old): str(name)
        for old, name in db.execute(
            "SELECT c.old, coalesce(m.name, l.name) FROM label_changes c "
            "JOIN labels l ON l.id = c.label LEFT JOIN labels m ON m.id = l.merged_into "
            "WHERE c.old IS NOT NULL ORDER BY c.id"
        )
    }


def names_of_labels(db: sqlite3.Connection) -> dict[str, str]:
    """The present name of each label by the keys of all names that it has had."""
    found: dict[str, str] = {}
    for name, own in db.execute(
        "SELECT c.old, l.name FROM label_changes c JOIN labels l ON l.id = c.label "
        "WHERE c.old IS NOT NULL ORDER BY c.id"
    ):
        found[key(name)] = str(own)
    return found | {key(name): str(name) for (name,) in db.execute("SELECT name FROM labels")}


def numbers(db: sqlite3.Connection) -> dict[str, int]:
    """The label that every name means which a label has or had, by the name and by its key."""
    found: dict[str, int] = {}
    for name, number in (
        db.execute(
            "SELECT c.old, coalesce(l.merged_into, l.id) FROM label_changes c "
            "JOIN labels l ON l.id = c.label WHERE c.old IS NOT NULL ORDER BY c.id"
        ).fetchall()
        + db.execute(
            "SELECT name, coalesce(merged_into, id) FROM labels ORDER BY merged_into IS NULL"
        ).fetchall()
    ):
        found |= {key(name): int(number), str(name): int(number)}
    return found


def names_at(db: sqlite3.Connection) -> NamesAt:
    """What the labels were called at each moment."""
    renamed: dict[int, list[tuple[int, str]]] = {}
    for label, action, old in db.execute(
        "SELECT label, action, old FROM label_changes "
        "WHERE old IS NOT NULL AND new IS NOT NULL ORDER BY id"
    ):
        renamed.setdefault(label, []).append((action, old))
    return NamesAt(dict(db.execute("SELECT id, name FROM labels ORDER BY id").fetchall()), renamed)


@dataclass(frozen=True)
class NamesAt:
    """The names of the labels now, and those that they had before an action."""

    now: Mapping[int, str]
    renamed: Mapping[int, Sequence[tuple[int, str]]]

    def of(self, label: int | None, action: int) -> str | None:
        """What a label was called when an action was done; None for no label."""
        if label is None:
            return None
        later = (old for number, old in self.renamed.get(label, ()) if number > action)
        return next(later, self.now[label])


def newest(db: sqlite3.Connection) -> int:
    """The number of the newest change, 0 before the first."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM label_changes").fetchone()[0])


def settings_behind(db: sqlite3.Connection) -> bool:
    """Whether workbench.toml does not say yet what the database does."""
    sql = "SELECT EXISTS (SELECT 1 FROM label_changes WHERE state = ?)"
    return bool(db.execute(sql, [NEW]).fetchone()[0])


def read_settings(db: sqlite3.Connection, folder: Path) -> Config:
    """The settings of a workspace with every change of the label set, whether written or not."""
    config = config_file.parse(folder, _text(db, folder))
    former = {k: name for k, name in former_names(db).items() if name in config.labels}
    return replace(config, former=former)


def write_settings(db: sqlite3.Connection, folder: Path) -> None:
    """Bring workbench.toml in line with the database, within a transaction, which keeps others out.

    Doing it again after a crash changes nothing more.
    """
    if settings_behind(db):
        text = _text(db, folder)
        config_file.parse(folder, text)
        config_file.write(folder, text)
        db.execute(
            "UPDATE label_changes SET state = iif(old_target IS new_target, ?, ?) WHERE state = ?",
            [DONE, IN_SETTINGS, NEW],
        )


def _text(db: sqlite3.Connection, folder: Path) -> str:
    text = config_file.read_text(folder)
    if not (waiting := _read(db, "state = ?", [NEW])):
        return text
    config_file.parse(folder, text)  # says what is wrong with it in terms of the file
    return _changed(text, waiting)


def lead_settings(folder: Path, before: sqlite3.Connection, after: sqlite3.Connection) -> None:
    """Bring workbench.toml from the label set of one database to that of another."""
    ours, theirs = _written(before), _written(after)
    same = 0
    while same < min(len(ours), len(theirs)) and ours[same] == theirs[same]:
        same += 1
    back = [change.reverse for change in reversed(ours[same:])]
    if changes := [*back, *theirs[same:]]:
        text = _changed(config_file.read_text(folder), changes)
        config_file.parse(folder, text)
        config_file.write(folder, text)


def _written(db: sqlite3.Connection) -> list[LabelChange]:
    """The changes that workbench.toml has; none where the database is of a schema before them."""
    sql = "SELECT 1 FROM sqlite_master WHERE name = 'label_changes'"
    return _read(db, "state != ?", [NEW]) if db.execute(sql).fetchone() else []


def _changed(text: str, changes: Iterable[LabelChange]) -> str:
    """The settings after some changes of the label set."""
    document = label_settings.parse(text)
    for change in changes:
        if change.old is not None and change.new is not None:
            label_settings.rename(document, change.old, change.new)
        elif change.old is not None:
            label_settings.remove(document, change.old)
        elif change.new is not None:
            label_settings.add(document, change.new, change.said)
    return document.as_string()


def _read(db: sqlite3.Connection, condition: str, asked: list[object]) -> list[LabelChange]:
    sql = f"SELECT {COLUMNS} FROM label_changes WHERE {condition} ORDER BY id"
    return [
        LabelChange(label, old, new, old_target, new_target, json.loads(said))
        for label, old, new, old_target, new_target, said in db.execute(sql, asked).fetchall()
    ]


def _rename(db: sqlite3.Connection, change: LabelChange) -> None:
    """Rename a label wherever its name is kept: runs and their figures name the same class."""
    old, new = str(change.old), str(change.new)
    sql = "SELECT name FROM labels WHERE name = ? AND id != ?"
    if (other := db.execute(sql, [new, change.label]).fetchone()) is not None:
        raise UserError(f"{other[0]!r} is another label by now; rename that one first.")
    db.execute("UPDATE labels SET name = ? WHERE id = ?", [new, change.label])
    for table, keys, column in (
        ("runs", ("id",), "labels"),
        ("evaluations", ("run", "split"), "report"),
    ):
        where = " AND ".join(f"{name} = ?" for name in keys)
        rows = db.execute(f"SELECT {', '.join(keys)}, {column} FROM {table}").fetchall()
        db.executemany(
            f"UPDATE {table} SET {column} = ? WHERE {where}",
            [(json.dumps(_renamed(json.loads(text), old, new)), *which) for *which, text in rows],
        )


def _renamed(value: Any, old: str, new: str) -> Any:
    """A JSON value in which one name stands for another, as text or as a key."""
    if isinstance(value, dict):
        return {new if k == old else k: _renamed(v, old, new) for k, v in value.items()}
    if isinstance(value, list):
        return [_renamed(part, old, new) for part in value]
    return new if value == old else value


def _resolve(db: sqlite3.Connection) -> None:
    """Note of each label which one it means now, however many merges lie between."""
    direct = {
        label: target
        for label, target, _ in db.execute(
            "SELECT label, new_target, max(id) FROM label_changes GROUP BY label"
        )
        if target is not None
    }
    for (label,) in db.execute("SELECT id FROM labels").fetchall():
        target = direct.get(label)
        while target in direct and direct[target] != label:
            target = direct[target]
        db.execute(
            "UPDATE labels SET merged_into = ?1 WHERE id = ?2 AND merged_into IS NOT ?1",
            [target, label],
        )
