"""Which code page a text of single bytes has: by how well it then reads in one of its languages.

A code page gives a byte above 127 a letter or a sign. Of each language the letters beyond ASCII are
known with their shares; text that is read in the wrong code page has letters that the language does
not have, signs inside words, and capitals after small letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import log

LANGUAGES = {
    "cp1252": (
        "ä19 ö12 ü24 ß10",
        "é60 è12 à16 ê8 ç4 ù2 â2 î2 ô2 û1 ë.4 ï.5 œ1 ü.1",
        "á22 é18 í28 ó32 ú7 ñ13 ü.5",
        "ã28 õ4 á18 é18 í9 ó9 ú4 â4 ê10 ô2 ç20 à4",
        "à30 è32 é6 ì8 ò14 ù12",
        "å32 ä43 ö31 é1",
        "æ26 ø30 å38 é1",
        "á18 ð44 é6 í16 ó10 ú6 ý2 þ14 æ9 ö8",
        # English, which has the names and words of all of them
        "é50 è4 ê3 ï6 ñ6 ü8 ö6 ä4 á5 í4 ó5 ç4 ã2 â1 ô1 ë2 å1 ø1 ú2 à2 ß1 î.5 û.5",
    ),
    "cp1250": (
        "ą10 ć4 ę11 ł18 ń2 ó8 ś7 ź1 ż8",
        "á22 č10 ď1 é13 ě16 í32 ň1 ó1 ř12 š8 ť1 ú2 ů6 ý10 ž10",
        "á20 ä1 č10 ď2 é8 í10 ľ4 ĺ.2 ň2 ó1 ô2 ŕ.2 š9 ť6 ú9 ý11 ž9",
        "á36 é38 í7 ó11 ö10 ő9 ú3 ü6 ű2",
        "ă30 â8 î11 ş12 ţ11",
        "č13 ć6 đ3 š10 ž6",
    ),
    "cp1251": (
        "о110 е85 а80 и74 н67 т63 с55 р47 в45 л44 к35 м32 д30 п28 у26 я20 ы19 ь17 г17 з16 б16 ч14 "
        "й12 х10 ж9 ш7 ю6 ц5 щ4 э3 ф3 ъ.4 ё1",
        "о94 а80 н68 и61 і57 в55 т53 е50 р47 с42 к38 л36 м33 д32 у32 п29 я24 з23 ь18 г16 б16 ч14 "
        "х11 й10 ж8 ш8 ц8 ю8 є8 ї7 щ5 ф3 ґ.2",
        "а120 о91 и87 е82 т74 н72 р48 с48 в45 л36 к34 д33 п29 м25 з21 я17 г17 ъ15 у16 б14 ч14 ж7 "
        "й6 щ6 ц6 ш5 х5 ю3 ф2 ь.2",
        "а115 и97 о91 е88 н56 р52 с49 т47 ј41 в38 к37 д36 у44 м36 л33 п28 з17 г15 б14 ч10 ш10 ц9 "
        "ж6 њ6 х6 ћ6 љ5 ђ2 ф2 џ.4",
    ),
    "cp1253": (
        "α103 ο95 ι72 τ75 ε72 ν62 σ47 κ40 ρ40 π40 η38 υ33 μ32 ς38 λ28 ί30 ά25 έ25 ό28 ή20 ώ13 ύ12 "
        "γ18 δ17 ω18 χ11 θ10 φ8 β7 ξ4 ζ3 ψ2 ϊ.4 ϋ.1 ΐ.1",
    ),
    "cp1254": ("ç11 ğ11 ı51 ö8 ş18 ü19 â.3 î.1 û.1",),
    "cp1255": (
        "י110 ו104 ה109 ל74 א63 ר56 ת50 ב48 ש44 מ46 ם30 נ28 ע32 ח25 ד26 ק21 פ17 ג13 ט13 כ26 ז13 "
        "ס15 צ12 ן14 ך8 ף3 ץ2",
    ),
    "cp1256": (
        "ا130 ل120 ي65 م62 و60 ن60 ر50 ت45 ب38 ع36 ه34 د32 س28 ف28 ك24 ق24 أ18 ح20 ج15 ش12 ص11 "
        "ة30 خ10 ط10 ى8 ض8 ذ8 ء6 غ6 إ8 ث7 ز6 ئ4 ظ3 آ2 ؤ2 ً4 ُ2 ّ3 ْ2 َ2 ِ2",
    ),
    "cp1257": (
        "ą6 č4 ę3 ė16 į6 š12 ų13 ū4 ž8",
        "ā40 č2 ē17 ģ1 ī19 ķ1 ļ4 ņ5 š9 ū6 ž3",
        "ä13 õ9 ö3 ü7 š.5 ž.2",
    ),
}
"""The letters beyond ASCII of the languages of each code page of Windows, with their shares."""
RELATED = {"iso8859-2": "cp1250", "koi8-r": "cp1251", "mac-roman": "cp1252"}
"""Code pages with the languages of another one."""
BEFOREHAND = {"cp1252": 10.0, "cp1250": 4.0, "cp1251": 4.0, **dict.fromkeys(RELATED, 0.5)}
"""How much more likely than the others a code page is before the text is looked at."""
NOT_LATIN = ("cp1251", "cp1253", "cp1255", "cp1256", "koi8-r")
"""Code pages whose letters beyond ASCII stand beside one another."""
SIGNS = frozenset("€£‚„…‘’“”–—•«»©®°·´¿¡§£½¼¾™\xa0№")
IN_WORDS = frozenset("’–-´\xa0")
"""Signs that may stand between two letters."""
SIGN, STRANGE, ODD, WRONG = "_", "?", "^", "!"
"""What is counted beside letters: usual signs, strange ones, and what no text has."""
FOREIGN = log(1e-4)
SHARES = {SIGN: log(3e-2), STRANGE: log(1e-3), ODD: log(1e-3), WRONG: log(1e-5)}
LEAST = -5.0
"""The mean logarithm of a share below which a text reads well in no language."""
FEW, LEAST_OF_FEW = 6, -6.0
"""Up to so many bytes above 127, the mean below which a text reads well in no language."""
SELDOM = 3
"""The bytes above 127 that it takes to believe in a code page that is seldom met."""
SURE = 5.0
RUN = re.compile(rb"[\x80-\xff]{4,}")


@dataclass(frozen=True)
class Reading:
    """A text as a code page gives it."""

    codec: str
    lines: tuple[str, ...]
    score: float
    is_text: bool
    """It reads well in a language."""


def ranked_readings(lines: Sequence[bytes]) -> list[Reading]:
    """The ways to read lines with bytes above 127, the best first."""
    joined = b"\n".join(lines)
    high = sum(byte > 127 for byte in joined)
    latin = sum(map(len, RUN.findall(joined))) <= 0.5 * high
    found = []
    for codec in (*LANGUAGES, *RELATED):
        if not latin and codec not in NOT_LATIN:
            continue
        try:
            texts = tuple(line.decode(codec) for line in lines)
        except UnicodeDecodeError:
            continue
        score = _score(texts, RELATED.get(codec, codec))
        least = LEAST if high > FEW else LEAST_OF_FEW
        is_text = score >= high * least and not (codec in RELATED and high < SELDOM)
        found.append(Reading(codec, texts, score + log(BEFOREHAND.get(codec, 1.0)), is_text))
    return sorted(found, key=lambda reading: -reading.score)


def doubt(found: Sequence[Reading]) -> str | None:
    """What another reading makes of the text, if the best is not the usual one beyond doubt."""
    best = found[0]
    others = [reading for reading in found[1:] if reading.lines != best.lines]
    other = next((one for one in others if one.codec == "cp1252"), next(iter(others), None))
    if other is None or (best.codec == "cp1252" and best.score - other.score > SURE):
        return None
    here, there = next(
        pair for pair in zip(best.lines, other.lines, strict=True) if len(set(pair)) > 1
    )
    place = next(n for n, (a, b) in enumerate(zip(here, there, strict=True)) if a != b)
    start = max(0, place - 20)
    return (
        f"Read as {best.codec} it says {here[start : start + 40].strip()!r}, as {other.codec} "
        f"{there[start : start + 40].strip()!r}; --encoding decides."
    )


def _score(lines: Sequence[str], codec: str) -> float:
    """The likelihood of the text in one language, or line by line in the likeliest."""
    languages = _languages(codec)
    counts = [Counter(_characters(line)) for line in lines]
    whole = sum(counts, Counter())
    apart = -log(len(languages))
    single = max(_likelihood(whole, shares) for shares in languages) + apart
    mixed = sum(
        max(_likelihood(count, shares) for shares in languages) + apart for count in counts if count
    )
    return max(single, mixed)


def _likelihood(counts: Counter[str], shares: dict[str, float]) -> float:
    return sum(number * shares.get(character, FOREIGN) for character, number in counts.items())


@cache
def _languages(codec: str) -> list[dict[str, float]]:
    """The logarithm of the share of each letter, language by language."""
    found = []
    for letters in LANGUAGES[codec]:
        shares = {part[0]: float(part[1:]) for part in letters.split()}
        total = sum(shares.values())
        found.append({letter: log(share / total) for letter, share in shares.items()} | SHARES)
    return found


def _characters(text: str) -> Iterator[str]:
    """The characters beyond ASCII in lower case, or what they are where no text has them so."""
    for found in re.finditer("[^\x00-\x7f]", text):
        char, place = found[0], found.start()
        before, after = text[place - 1 : place], text[place + 1 : place + 2]
        if char.isalpha() or unicodedata.combining(char):
            yield _letter(char, before, after)
        elif char not in SIGNS:
            yield WRONG if char < "\xa0" or before.isalpha() or after.isalpha() else STRANGE
        else:
            inside = before.isalpha() and after.isalpha() and char not in IN_WORDS
            yield WRONG if inside else SIGN
            if char == before:
                yield ODD


def _letter(char: str, before: str, after: str) -> str:
    if char.isupper() and before.islower():
        return WRONG
    if before.isdigit() or after.isdigit():
        return STRANGE
    if not _is_latin(char) and any(map(_is_latin, filter(str.isalpha, (before, after)))):
        return WRONG
    return char.lower()


def _is_latin(char: str) -> bool:
    return char < "\u0250"
