"""Which encoding a file is found to have, and what is said when none fits."""

from __future__ import annotations

import pytest

from storage.errors import UserError
from storage.formats import detection
from storage.formats.decoding import encodings
from storage.formats.source import ReadOptions
from storage.query import tweets

HEAD = "text,label\n"
WESTERN = "the café in Zürich costs 5 € “now”"
JAPANESE = "株価が上がっています、とても良いですね"


def encoding_of(path):
    return detection.find(path, ReadOptions()).encoding


def found(store):
    return [tweet.text for tweet in tweets.each(store)]


@pytest.mark.parametrize(
    ("codec", "mark", "name"),
    [
        ("utf-8", "", "utf-8"),
        ("utf-8", "\ufeff", "utf-8"),
        ("utf-16-le", "\ufeff", "utf-16"),
        ("utf-16-be", "\ufeff", "utf-16"),
        ("utf-16-le", "", "utf-16-le"),
        ("utf-16-be", "", "utf-16-be"),
        ("utf-32-le", "\ufeff", "utf-32"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_unicode_is_found_with_and_without_a_mark(
    codec, mark, name, form, make_store, take_in, write
):
    texts = ["up 🚀 we go", JAPANESE, WESTERN, "nul \x00 inside"]
    if form == "csv":
        content = HEAD + "".join(f"{text},positive\n" for text in texts)
    else:
        content = "".join(f'{{"text": "{text}"}}\n' for text in texts[:3])
    path = write(f"t.{form}", (mark + content).encode(codec))
    store, report = take_in(make_store(), path)
    assert found(store) == texts[: report.added]
    assert report.added >= 3
    assert report.encoding == name
    assert report.as_json()["encoding"] == name


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (WESTERN, "cp1252"),
        ("garçon déjà vu, naïve Übergröße", "latin-1"),
        ("señor, ¿cuánto? ¡más!", "latin-1"),
    ],
)
def test_cp1252_and_latin_1_are_found_and_reported(text, codec, make_store, take_in, write):
    path = write("old.csv", (HEAD + f'"{text}",positive\n').encode(codec))
    store, report = take_in(make_store(), path)
    assert found(store) == [text]
    assert report.encoding == "cp1252"


def test_a_byte_far_into_the_file_decides(write):
    rows = "".join(f"text number {n},positive\n" for n in range(40_000))
    path = write("old.csv", (HEAD + rows + "the last café,positive\n").encode("cp1252"))
    assert encoding_of(path) == "cp1252"


REFUSED = {
    "damaged UTF-8": HEAD.encode() + "up 🚀 we go 🤑 café,positive\n".encode() * 3 + b"\xff,up\n",
    "damaged UTF-8 without emoji": HEAD.encode() + "café für 5 £,up\n".encode() + b"\xff,up\n",
    "Korean": (HEAD + "오늘 주가가 정말 많이 올랐네요,positive\n").encode("euc-kr"),
    "Chinese": (HEAD + "今天股票涨得非常好,positive\n").encode("gb18030"),
    "Japanese": (HEAD + JAPANESE + ",positive\n").encode("shift-jis"),
    "undefined in cp1252": HEAD.encode() + b"caf\xe9 \x81 up,positive\n",
    "binary": HEAD.encode() + bytes(range(256)) * 4,
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_fits_no_encoding_is_one_sentence_with_the_line(what, make_store, take_in, write):
    store = make_store()
    with pytest.raises(UserError, match=r"line \d: byte 0x[0-9a-f]{2} is not UTF-8.*--encoding"):
        take_in(store, write("t.csv", REFUSED[what]))
    assert tweets.counts(store).tweets == 0


def test_a_named_encoding_is_taken(make_store, take_in, write):
    text = "цена акций растёт очень быстро"
    path = write("t.csv", (HEAD + f"{text},positive\n").encode("cp1251"))
    store, report = take_in(make_store(), path, encoding="cp1251")
    assert (found(store), report.encoding) == ([text], "cp1251")


def test_a_named_utf_16_ignores_the_mark(make_store, take_in, write):
    path = write("t.csv", ("\ufeff" + HEAD + "up we go,positive\n").encode("utf-16-le"))
    store, report = take_in(make_store(), path, encoding="utf-16-le")
    assert (found(store), report.columns["text"]) == (["up we go"], "text")


def test_a_few_nuls_make_no_utf_16(write):
    assert encoding_of(write("t.csv", HEAD + '"nul \x00 inside",positive\n')) == "utf-8-sig"


def test_formats_without_a_choice_report_no_encoding(make_store, take_in, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": ["up we go"]}), tmp_path / "t.parquet")
    assert take_in(make_store(), tmp_path / "t.parquet")[1].encoding is None


@pytest.mark.parametrize(
    ("codec", "bad"),
    [
        ("utf-16", b"\x00\xd8x\x00"),
        ("utf-16-le", b"\x00\xd8x\x00"),
        ("utf-16-be", b"\xd8\x00\x00x"),
        ("utf-32", b"\xff\xff\xff\xff"),
        ("gb18030", b"\xff\xff"),
        ("utf-8", b"\xffx"),
        ("ascii", b"\xff"),
    ],
)
@pytest.mark.parametrize("chunk", [7, encodings.CHUNK])
def test_the_line_of_a_bad_byte_is_counted_in_characters(
    chunk, codec, bad, read, write, monkeypatch
):
    monkeypatch.setattr(encodings, "CHUNK", chunk)
    word = "hello" if codec == "ascii" else "\u010a\u0a0d\u0d0a"
    good = "text,label\n" + f"{word},up\n" * 3
    path = write("t.csv", good.encode(codec) + bad * 2)
    with pytest.raises(UserError, match=r"t\.csv, line 5 is not"):
        read(path, encoding=codec)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-be"])
@pytest.mark.parametrize("last", ["ᨀ", "Ț", "t"])
def test_a_wide_character_is_no_ctrl_z(last, codec, read, write):
    rows, _ = read(write("t.csv", f"text\nup we go {last}".encode(codec)), encoding=codec)
    assert rows == [{"text": f"up we go {last}"}]
