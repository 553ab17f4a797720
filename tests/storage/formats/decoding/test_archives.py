"""Zip archives with one file in them, and others; lines that never end."""

from __future__ import annotations

import gzip
import stat
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
        ({"C:t.csv": CSV}, "a path that leads out of the archive"),
        ({"\\\\server\\t.csv": CSV}, "a path that leads out of the archive"),
        ({"//server/t.csv": CSV}, "a path that leads out of the archive"),
        ({"ok.csv": CSV, "../../x": CSV}, "a path that leads out of the archive"),
        ({"t.csv.gz": "x"}, r"holds 't\.csv\.gz', which is packed itself; unpack it first"),
        ({"t.docx": "x"}, r"t\.zip \(t\.docx\) is not of a known kind"),
        ({"t.zip": "x"}, r"t\.zip \(t\.zip\) is not of a known kind .*; unpack it first"),
        ({"t.xlsx": "x"}, r"is a workbook inside \.zip; unpack it first"),
        ({"t.csv": ""}, "has no rows"),
        ({"t.csv": "x" * (100 << 20)}, "would unpack to 105 MB"),
    ],
)
def test_an_archive_that_is_none_of_ours_is_refused(files, message, taken, archive, tmp_path):
    path = archive(**files)
    with pytest.raises(UserError, match=message):
        taken(path)
    assert not (tmp_path.parent / "t.csv").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_device_in_an_archive_is_refused(kind, taken, tmp_path):
    entry = zipfile.ZipInfo("t.csv")
    entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as made:
        made.writestr(entry, "../../etc/passwd")
    with pytest.raises(UserError, match=r"holds 't\.csv', which is a link or a device and no file"):
        taken(tmp_path / "t.zip")


def test_an_archive_with_a_password_is_refused(taken, archive):
    path = archive(**{"t.csv": CSV})
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is locked with a password; unpack it first"):
        taken(path)


def lying(path, member, size=None, packed=None):
    """Have the directory of an archive say other sizes of a member."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        header = archive.getinfo(member).header_offset
    at = content.index(b"PK\x01\x02")
    while content[at + 46 : at + 46 + len(member)] != member.encode():
        at = content.index(b"PK\x01\x02", at + 1)
    for value, places in ((packed, (at + 20, header + 18)), (size, (at + 24, header + 22))):
        for place in places:
            if value is not None:
                content[place : place + 4] = value.to_bytes(4, "little")
    path.write_bytes(content)
    return path


def test_what_is_unpacked_ends_where_the_directory_says(taken, archive, monkeypatch):
    rows = "".join(f"tweet number {n},positive\n" for n in range(100_000))
    path = lying(archive(**{"t.csv": "text,label\n" + rows}), "t.csv", size=1_000)
    read = []

    def counted(self, n=-1):
        read.append(len(found := original(self, n)))
        return found

    original = zipfile.ZipExtFile.read
    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    with pytest.raises(UserError, match="is damaged"):
        taken(path)
    assert sum(read) <= 10 * 1_000


def test_an_archive_is_measured_by_its_own_size(taken, archive):
    path = lying(archive(**{"t.csv": "x" * (100 << 20)}), "t.csv", packed=90 << 20)
    with pytest.raises(UserError, match=r"would unpack to 105 MB, 1,0\d\d times its size"):
        taken(path)


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
