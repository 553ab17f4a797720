"""Zip archives with one file in them, and others; lines that never end."""

from __future__ import annotations

import gzip
import zipfile

import pytest

from storage.errors import UserError
from storage.formats.decoding import streams

CSV = "text,label\nup and away we go,positive\n"
ONE = [("up and away we go", "positive")]


@pytest.fixture
def archive(tmp_path):
    """Writes a .zip with these files."""

    def write_archive(**files):
        with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as made:
            for name, content in files.items():
                made.writestr(name, content)
        return tmp_path / "t.zip"

    return write_archive


@pytest.mark.parametrize("name", ["t.csv", "a folder/t.CSV", "t.tsv", "t.jsonl", "t.json"])
def test_the_file_in_a_zip_is_read(name, taken, archive):
    row = '{"text": "up and away we go", "label": "positive"}'
    contents = {"tsv": CSV.replace(",", "\t"), "json": f"[{row}]", "jsonl": row}
    content = contents.get(name.rpartition(".")[2], CSV)
    litter = {"__MACOSX/._t.csv": "x", "a folder/.DS_Store": "x", "empty/": ""}
    path = archive(**litter, **{name: content})
    assert taken(path)[0] == ONE


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no file, and one is expected"),
        ({"a.csv": CSV, "b.csv": CSV}, r"holds 2 files \(a.csv, b.csv\), and one is expected"),
        ({"../t.csv": CSV}, "a path that leads out of the archive"),
        ({"a/../../t.csv": CSV}, "a path that leads out of the archive"),
        ({"/etc/t.csv": CSV}, "a path that leads out of the archive"),
        ({"..\\t.csv": CSV}, "a path that leads out of the archive"),
        ({"C:\\t.csv": CSV}, "a path that leads out of the archive"),
        ({"t.docx": "x"}, r"t\.zip \(t\.docx\) is not of a known kind"),
        ({"t.zip": "x"}, r"t\.zip \(t\.zip\) is not of a known kind"),
        ({"t.csv": ""}, "has no rows"),
        ({"t.csv": "x" * (100 << 20)}, "would unpack to 105 MB"),
    ],
)
def test_an_archive_that_is_none_of_ours_is_refused(files, message, taken, archive, tmp_path):
    path = archive(**files)
    with pytest.raises(UserError, match=message):
        taken(path)
    assert not (tmp_path.parent / "t.csv").exists()


def test_a_damaged_archive_is_one_sentence(taken, archive, write):
    whole = archive(**{"t.csv": CSV * 2000}).read_bytes()
    for content in (whole[: len(whole) // 2], whole[:80] + b"\xff" * 40 + whole[120:]):
        with pytest.raises(UserError) as error:
            taken(write("t.zip", content))
        assert "\n" not in str(error.value)


def test_a_line_that_never_ends_is_refused(taken, write, monkeypatch):
    monkeypatch.setattr(streams, "LONGEST_LINE", 1 << 20)
    for name, content in (
        ("t.csv.gz", gzip.compress(b"text,label\n" + bytes(4 << 20))),
        ("t.txt", b"x" * (4 << 20)),
        ("t.jsonl", b'{"text": "' + b"x" * (4 << 20)),
    ):
        with pytest.raises(UserError, match="has a line of more than 1 MiB"):
            taken(write(name, content), encoding="utf-8")
