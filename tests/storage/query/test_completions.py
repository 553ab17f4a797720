"""What a filter can go on with while it is typed."""

import pytest

from storage.config import Config
from storage.history import labels
from storage.query.completions import completions
from storage.query.filters import filter_for
from storage.store import create_store
from storage.transfer import importing


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completions")
    (folder / "rows.csv").write_text("text,label,airline\na,very good,A\nb,bad,B\n")
    made = create_store(folder / "w", Config(labels=("very good", "bad")), "ana")
    importing.run(made, importing.plan(made.config, folder / "rows.csv", importing.ImportOptions()))
    labels.assign(made, [1], "bad")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("la", ["label:"]),
        ("word -fl", ["flag:"]),
        ("(air", ["airline:"]),
        ("label:", ['label:"very good"', "label:bad", "label:none"]),
        ("label:B", ["label:bad"]),
        ("split:t", ["split:train", "split:test"]),
        ("changed:", ["changed:yes", "changed:no"]),
        ("by:", ["by:ana"]),
        ("run:", []),
        ("len:", []),
        ('"label:', []),
        ("zebra", []),
    ],
)
def test_the_last_term_is_completed(store, typed, found):
    assert completions(store, typed) == found
    for term in found:
        if not term.endswith(":"):
            filter_for(store, term)  # it can be read
