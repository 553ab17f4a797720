"""What documents for people say of the program is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import command_pages
import pytest
from textual.binding import Binding
from textual.keys import _character_to_key

from workbench import __version__
from workbench.cli import main
from workbench.recipes import recipes
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.browse import BrowseScreen
from workbench.tui.widgets.tweet_list import TweetList

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ALL = [*DOCUMENTS, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs/commands").glob("*.md"))]
NAMED = re.compile(r"`((?:storage|workbench|tests|docs|sample_data)/[\w./-]*?)`")
LINK = re.compile(r"(?:\]\(|src(?:set)?=\")([^)\"\s]+)")
CODE = re.compile(r"`([^`]+)`")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"\b(?:quantization|lora|training|logistic)\.(?!md|py)[a-z_]+")
NAMES_OF_KEYS = {"esc": "escape", "arrows": "down"}


def by_name(path):
    return str(path.relative_to(ROOT))


def prose(text):
    return FENCED.sub("", text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=by_name)
def test_every_path_that_is_named_is_there(document):
    named = NAMED.findall(document.read_text("utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def anchors(document):
    """The anchors of a document's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", prose(document.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_link_leads_somewhere():
    broken = []
    for document in ALL:
        for link in LINK.findall(prose(document.read_text("utf-8"))):
            path, _, anchor = link.partition("#")
            there = document if not path else document.parent / path
            if not path.startswith("http") and (
                not there.exists() or (anchor and anchor not in anchors(there))
            ):
                broken.append(f"{by_name(document)}: {link}")
    assert broken == []


def command_lines(text):
    """The commands of the program that a document names, as arguments."""
    fenced = "\n".join(FENCED.findall(text)).splitlines()
    inline = (" ".join(code.split()) for code in CODE.findall(prose(text)))
    for line in (*fenced, *inline):
        if line.startswith("workbench "):
            words = shlex.shlex(line, posix=True, punctuation_chars="|>;")
            words.whitespace_split = True
            arguments = list(words)[1:]
            ends = [number for number, word in enumerate(arguments) if set(word) <= set("|>;")]
            yield line, arguments[: ends[0] if ends else None]


def parsed(command, arguments, context=None):
    """Have click read arguments, command by command, without doing anything."""
    context = click.Context(command, context)
    _, rest, _ = command.make_parser(context).parse_args(list(arguments))
    if isinstance(command, click.Group) and rest:
        found = command.get_command(context, rest[0])
        if found is None:
            raise click.UsageError(f"There is no command {rest[0]}.")
        parsed(found, rest[1:], context)


@pytest.mark.parametrize("document", DOCUMENTS, ids=by_name)
def test_every_command_that_is_named_can_be_called_so(document):
    wrong = []
    for line, arguments in command_lines(document.read_text("utf-8")):
        try:
            parsed(main, arguments)
        except click.UsageError as error:
            wrong.append(f"{line}: {error.format_message()}")
    assert wrong == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=by_name)
def test_every_setting_of_a_recipe_that_is_named_is_one(document):
    known = recipes.load("fast").settings() | recipes.load("baseline").settings()
    assert set(SETTING.findall(document.read_text("utf-8"))) - known.keys() == set()


def bound_keys():
    tops = (WorkbenchApp, BrowseScreen, TweetList)
    bindings = (
        binding
        for top in tops
        for each in top.__mro__
        for binding in each.__dict__.get("BINDINGS", ())
    )
    keys = (binding.key if isinstance(binding, Binding) else binding[0] for binding in bindings)
    return {each for key in keys for each in key.split(",")}


@pytest.mark.parametrize("name", ["README.md", "docs/manual.md"])
def test_every_key_of_a_table_does_something_in_the_list(name):
    text = (ROOT / name).read_text("utf-8")
    [table] = re.findall(r"^\| key \| does \|\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    keys = {key for row in table.splitlines()[1:] for key in CODE.findall(row.split(" | ")[0])}
    named = {
        NAMES_OF_KEYS.get(key) or (_character_to_key(key) if len(key) == 1 else key) for key in keys
    }
    assert named and named - bound_keys() == set()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120


def test_each_command_has_a_page_made_from_its_help():
    kept = {path.name: path.read_text("utf-8") for path in command_pages.FOLDER.iterdir()}
    made = command_pages.pages()
    assert kept.keys() == made.keys(), "run `make docs`"
    assert [name for name, text in made.items() if kept[name] != text] == [], "run `make docs`"


def test_the_newest_version_of_the_changelog_is_this_one():
    heads = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert heads[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(__version__)} - \d{{4}}-\d\d-\d\d", heads[1])
