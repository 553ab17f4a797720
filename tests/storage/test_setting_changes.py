"""A setting that the screen changes, and all that stays as it was."""

import pytest

from storage import setting_changes
from storage.config import Config, load
from storage.errors import UserError
from storage.store import create_store, open_store

WRITTEN = """\
# Ours.
labels = ["positive", "negative"]  # in this order

initials = false  # not yet

[train]
# often enough
every = 30
"""


@pytest.fixture
def store(tmp_path):
    made = create_store(tmp_path / "workspace", Config(labels=("positive", "negative")), "ana")
    (made.folder / "workbench.toml").write_text(WRITTEN)
    yield made
    made.close()


def written(store):
    return (store.folder / "workbench.toml").read_text()


def test_a_setting_is_changed_where_it_stands_and_comments_stay(store):
    setting_changes.change(store, "initials", True)
    setting_changes.change(store, "train.every", 50)
    assert written(store) == WRITTEN.replace("false", "true").replace("30", "50")
    assert (store.config.initials, store.config.train_every) == (True, 50), "at once"


def test_a_setting_that_was_not_there_is_put_before_the_tables_or_in_its_own(store):
    setting_changes.change(store, "theme", "light")
    setting_changes.change(store, "queue.blind_every", 10)
    setting_changes.change(store, "keys.preset", "vim")
    found = load(store.folder)
    assert (found.theme, found.queue_blind_every) == ("light", 10)
    assert found.action_keys == {"preset": "vim"}
    assert all(line in written(store) for line in WRITTEN.splitlines())


def test_none_takes_a_setting_out(store):
    setting_changes.change(store, "keys.preset", "vim")
    setting_changes.change(store, "keys.preset", None)
    setting_changes.change(store, "theme", None)
    assert store.config.action_keys == {}
    assert store.config.theme == ""


def test_what_others_have_written_meanwhile_stays(store):
    other = open_store(store.folder, "ben")
    setting_changes.change(store, "theme", "light")
    setting_changes.change(other, "initials", True)
    by_hand = written(store).replace("# Ours.", "# Ours, and mine.")
    (store.folder / "workbench.toml").write_text(by_hand)
    setting_changes.change(store, "train.every", 0)
    other.close()
    assert written(store) == by_hand.replace("every = 30", "every = 0")
    assert store.config.initials, "by the other one"
    assert store.config.theme == "light"


def test_a_value_that_cannot_be_changes_nothing(store):
    with pytest.raises(UserError, match=r"train\.every must be 0 or more"):
        setting_changes.change(store, "train.every", -1)
    assert written(store) == WRITTEN
    assert store.config.train_every == 0, "as it was when the store was made"


def test_a_file_that_cannot_be_read_is_left_alone(store):
    (store.folder / "workbench.toml").write_text("labels = [")
    with pytest.raises(UserError, match="cannot be read as TOML"):
        setting_changes.change(store, "theme", "light")
    assert written(store) == "labels = ["
