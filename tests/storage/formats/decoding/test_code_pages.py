"""Telling code pages apart by what the text reads like in each of them."""

from __future__ import annotations

import pytest

from storage.errors import UserError

HEAD = "text,label\n"
TEXTS = {
    ("cp1250", "Polish"): [
        "Dziękuję, było świetnie",
        "Znów spóźniony pociąg, źle",
        "Polecam, naprawdę świetna jakość",
    ],
    ("cp1250", "Czech"): [
        "Děkuji, bylo to skvělé",
        "Zase zpožděný vlak, hrůza",
        "Nemůžu se dočkat zítřka",
    ],
    ("cp1250", "Hungarian"): [
        "Köszönöm, nagyon jó volt",
        "Alig várom a holnapi napot",
        "Most vettem új cipőt, tetszik",
    ],
    ("cp1250", "Croatian"): [
        "Opet kasni vlak, užas",
        "Usluga je bila odlična",
        "Sve što želiš, to ćeš dobiti",
    ],
    ("cp1251", "Russian"): ["Спасибо, было отлично", "Опять поезд опоздал, ужас"],
    ("cp1251", "Bulgarian"): ["Благодаря, беше страхотно", "Пак закъснява влакът, ужас"],
    ("cp1251", "Ukrainian"): ["Дякую, було чудово", "Знову поїзд запізнився, жах"],
    ("cp1252", "French"): ["Voilà, on y va là", "Le service était très désagréable", "Ça y est"],
    ("cp1252", "German"): ["Danke, es war großartig", "Schon wieder ein verspäteter Zug, übel"],
    ("cp1252", "Spanish"): ["¡Qué día tan bonito en Cádiz!", "No puedo esperar a mañana"],
    ("cp1252", "Italian"): ["Di nuovo in ritardo, perché è così?", "Che città, però"],
    ("cp1252", "many"): [
        "the café costs 5 €",
        "garçon déjà vu, naïve Übergröße",
        "señor, ¿cuánto?",
        "smørrebrød",
    ],
    ("cp1253", "Greek"): ["Ευχαριστώ, ήταν υπέροχα", "Πάλι καθυστερεί το τρένο, χάλια"],
    ("cp1254", "Turkish"): ["Teşekkürler, harikaydı", "Tren yine gecikti, berbat bir gün"],
    ("cp1255", "Hebrew"): ["תודה, היה מצוין", "שוב הרכבת מאחרת, נורא"],
    ("cp1256", "Arabic"): ["الخدمة ممتازة والتوصيل سريع", "تجربة سيئة جدا ولن أكررها"],
    ("cp1257", "Lithuanian"): ["Vėl vėluoja traukinys, siaubas", "Puiki kokybė už šią kainą"],
    ("cp1257", "Latvian"): ["Nevaru sagaidīt rītdienu", "Tiešām lieliska kvalitāte, ļoti iesaku"],
    ("koi8-r", "Russian"): ["Спасибо, было отлично", "Опять поезд опоздал, ужас"],
    ("iso8859-2", "Polish"): ["Dziękuję, było świetnie", "Znów spóźniony pociąg, źle"],
    ("mac-roman", "French"): ["C'était génial, merci", "Le service était très désagréable, déçu"],
}


@pytest.mark.parametrize(("codec", "language"), TEXTS)
def test_a_few_tweets_tell_the_code_page(codec, language, taken, write):
    texts = TEXTS[codec, language]
    content = HEAD + "".join(f'"{text}",up\n' for text in texts)
    found, report = taken(write("t.csv", content.encode(codec)))
    assert [text for text, _ in found] == texts
    assert report.encoding == codec
    if codec != "cp1252":
        assert report.notices[0].startswith(f"Read as {codec} it says ")
        assert report.notices[0].endswith("; --encoding decides.")


def test_what_is_not_sure_is_said_with_both_readings(taken, write):
    """The letter at 0xE8 is č in cp1250 and è in cp1252, and nothing else stands in the text."""
    _, report = taken(write("t.csv", (HEAD + '"Hvala, bilo je odlično",up\n').encode("cp1250")))
    assert (
        "'\"Hvala, bilo je odlièno\",up', as cp1250 '\"Hvala, bilo je odlično\",up'"
        in report.notices[0]
    )


def test_the_usual_encoding_needs_no_words(taken, write):
    _, report = taken(write("t.csv", (HEAD + "the café in Zürich costs 5 €,up\n").encode("cp1252")))
    assert (report.encoding, report.notices) == ("cp1252", ())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_line_of_a_bad_byte_counts_whatever_ends_the_lines(end, taken, write):
    lines = ["text,label", "up 🚀 we go,up", "the café 🤑,up", "a bad byte: \udcff,up"]
    content = end.join(lines).encode("utf-8", "surrogateescape")
    with pytest.raises(UserError, match="line 4: byte 0xff is not UTF-8"):
        taken(write("t.csv", content))
