"""`make docs`: a page for each command in docs/commands, made from its help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from workbench.cli import main
from workbench.console.command_groups import GROUPS

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "commands"
INDEX = "README.md"
EXAMPLE = "Example: "
MADE_BY = "<!-- Made by `make docs` from the help of the commands. -->"
SHARED = {parameter.name for parameter in main.params}
"""The options that stand on the first page and not on those of the commands."""


def pages() -> dict[str, str]:
    """The text of each page by the name of its file."""
    context = click.Context(main, info_name="workbench")
    found = {INDEX: _text(_index(context))}
    for name in main.list_commands(context):
        if command := main.get_command(context, name):
            found[f"{name}.md"] = _text(_page(click.Context(command, context, name)))
    return found


def _text(blocks: Iterator[str]) -> str:
    return "\n\n".join((*blocks, MADE_BY)) + "\n"


def _index(context: click.Context) -> Iterator[str]:
    yield "# The commands"
    yield (
        "`workbench` alone opens the screen. Each command has `--help` with an example; "
        "[scripts](../scripts.md) use them with `--json` and by their exit status."
    )
    for group, commands in GROUPS.items():
        yield f"## {group}"
        links = [(f"[`{name}`]({name}.md)", does) for name, does in commands.items()]
        yield _table("command", links)
    yield "## Options of every command"
    yield "They stand before or after its name; the first two are for `workbench` alone."
    yield _table("option", _options(main.params, context))


def _page(context: click.Context, level: int = 1) -> Iterator[str]:
    """A command, and below it the commands that it has itself."""
    command = context.command
    paragraphs = [" ".join(one.split()) for one in (command.help or "").split("\n\n")]
    examples = [one.removeprefix(EXAMPLE) for one in paragraphs if one.startswith(EXAMPLE)]
    own = [parameter for parameter in command.params if parameter.name not in SHARED]
    yield f"{'#' * level} {context.command_path}"
    yield _code("text", " ".join((context.command_path, *command.collect_usage_pieces(context))))
    yield from (one for one in paragraphs if one and not one.startswith(EXAMPLE))
    yield _code("console", *examples)
    if options := _options(own, context):
        yield _table("option", options)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if part := command.get_command(context, name):
                yield from _page(click.Context(part, context, name), level + 1)
    if level == 1:
        yield f"[Options of every command]({INDEX}#options-of-every-command)"


def _options(parameters: list[click.Parameter], context: click.Context) -> list[tuple[str, str]]:
    records = (
        parameter.get_help_record(context)
        for parameter in parameters
        if isinstance(parameter, click.Option)
    )
    return [(f"`{names}`", " ".join(text.split())) for names, text in filter(None, records)]


def _code(language: str, *lines: str) -> str:
    return "\n".join((f"```{language}", *lines, "```"))


def _table(what: str, rows: list[tuple[str, str]]) -> str:
    rows = [(left.replace("|", r"\|"), right.replace("|", r"\|")) for left, right in rows]
    cells = ((what, "what it does"), ("---", "---"), *rows)
    return "\n".join(f"| {left} | {right} |" for left, right in cells)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for page, text in made.items():
        (FOLDER / page).write_text(text, "utf-8")
