"""One setting of workbench.toml, changed in the file as it stands at that moment.

Comments, order and all other settings stay as the owner of the file, or another screen, wrote them.
"""

from __future__ import annotations

from storage import config, label_settings
from storage.errors import UserError
from storage.store import Store, refresh_settings
from storage.transactions import transaction

Value = str | int | bool


def change(store: Store, name: str, value: Value | None) -> None:
    """Put a value into the settings, and go by it from now on; None takes it out.

    A name such as `train.every` is that of a setting in a table. Raises UserError, and changes
    nothing, where the value cannot be, the file cannot be read, or the workspace is read-only.
    """
    if store.read_only:
        raise UserError("Settings stay as they are, as this workspace is read-only for you.")
    with transaction(store.db):  # nobody else changes the file meanwhile
        before = config.read_text(store.folder)
        config.parse(store.folder, before)  # says what is wrong with it in terms of the file
        text = _changed(before, name, value)
        config.parse(store.folder, text)
        config.write(store.folder, text)
    refresh_settings(store)


def _changed(text: str, name: str, value: Value | None) -> str:
    import tomlkit

    document = label_settings.parse(text)
    *tables, key = name.split(".")
    place = document
    for table in tables:
        if table not in place:
            place[table] = tomlkit.table()
        place = place[table]
    if value is not None:
        place[key] = value
    elif key in place:
        place.remove(key)
    return document.as_string()
