"""What the files of a base say of it before it is loaded: whether a run can use it, and how."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import UserError
from storage.plurals import counted
from workbench.planning.model_architecture import CONFIG_NAMES, config_path
from workbench.recipes import tokenizer_files, weight_files
from workbench.recipes.base_configs import (
    attention_window,
    positions,
    require_positions,
    text_config,
)
from workbench.recipes.base_models import is_local, read_config, require_model
from workbench.recipes.recipes import Recipe

OK, WARNING, REFUSED = "ok", "warning", "refused"
EMBEDDINGS = ("embed_tokens", "wte", "word_embeddings", "embed_in", "embeddings", "tok_embeddings")
"""What the embedding of words is called in the weights of different architectures."""
LAYER_NUMBER = re.compile(r"\.(\d+)\.")


@dataclass(frozen=True)
class BaseFact:
    """Something that is known of a base: fine, worth knowing, or the reason why it is refused."""

    name: str
    verdict: str
    text: str


@dataclass(frozen=True)
class BaseFiles:
    """The files of a base that has been fetched, as far as they are read."""

    name: str
    folder: Path
    config: Mapping[str, Any]
    tensors: tuple[weight_files.Tensor, ...]


def base_facts(base: str, recipe: Recipe, tokenizer: bool = True) -> list[BaseFact]:
    """The facts about a base in a folder, or of a hub model that is in the cache here.

    After the files themselves are refused, nothing else can be said. Raises UserError if the base
    is not on this machine.
    """
    folder = config_path(base).parent
    if not is_local(base) and not any(folder.glob("*.safetensors")):
        raise UserError(f"{base} is not on this machine yet; the first run fetches it.")
    try:
        require_model(str(folder))
        files = BaseFiles(base, folder, read_config(folder), tuple(weight_files.tensors(folder)))
    except UserError as error:
        return [BaseFact("files", REFUSED, str(error))]
    finders = {name: find for name, find in FACTS.items() if tokenizer or find is not _tokenizer}
    return [_fact(name, find, files, recipe) for name, find in finders.items()]


def notable_facts(base: str, recipe: Recipe, tokenizer: bool = True) -> list[BaseFact]:
    """The facts that are worth knowing before a run starts.

    None of a base that is not on this machine, which the run fetches. Without `tokenizer`, the
    tokens are left out, which are millions of characters to read. Raises UserError for the first
    fact by which loading would refuse the base.
    """
    require_model(base)
    try:
        facts = base_facts(base, recipe, tokenizer)
    except UserError:
        return []
    for fact in facts:
        if fact.verdict == REFUSED:
            raise UserError(fact.text)
    return [fact for fact in facts if fact.verdict == WARNING]


Finding = tuple[str, str]


def _fact(
    name: str, find: Callable[[BaseFiles, Recipe], Finding], files: BaseFiles, recipe: Recipe
) -> BaseFact:
    try:
        return BaseFact(name, *find(files, recipe))
    except UserError as error:
        return BaseFact(name, REFUSED, str(error))


def _files(files: BaseFiles, recipe: Recipe) -> Finding:
    count = len(weight_files.weight_files(files.folder))
    return OK, f"config.json, a tokenizer, {counted(count, 'file')} of weights"


def _kind(files: BaseFiles, recipe: Recipe) -> Finding:
    kind = str(files.config.get("model_type") or "no kind")
    if "auto_map" in files.config:
        return WARNING, (
            f"{kind}; it names code of its own, which is not run unless you add "
            "--trust-remote-code, and needed only where transformers does not know the kind"
        )
    return OK, f"{kind}; whether it looks at what comes after a word is tried on loading"


def _weights(files: BaseFiles, recipe: Recipe) -> Finding:
    kinds = sorted({tensor.dtype for tensor in files.tensors})
    total = sum(tensor.count for tensor in files.tensors)
    return OK, f"{total:,} numbers in {', '.join(kinds)}"


def _vocabulary(files: BaseFiles, recipe: Recipe) -> Finding:
    declared, rows = text_config(files.config).get("vocab_size"), _embeddings(files)
    if rows is None or not isinstance(declared, int):
        return WARNING, "the embedding is not found by its name; it is looked at on loading"
    if rows != declared:
        raise UserError(
            f"The config.json of {files.name} says that it has {declared:,} tokens, and "
            f"its weights have {rows:,}; copy both from the same model."
        )
    return OK, f"{rows:,} tokens, in config.json as in the weights"


def _layers(files: BaseFiles, recipe: Recipe) -> Finding:
    text = text_config(files.config)
    declared = next((text[name] for name in CONFIG_NAMES["layers"] if name in text), None)
    numbers = {
        int(match[1])
        for tensor in files.tensors
        if "vis" not in tensor.name and (match := LAYER_NUMBER.search(tensor.name))
    }
    if not isinstance(declared, int) or not numbers:
        return WARNING, "config.json names no number of layers; they are looked at on loading"
    held = max(numbers) + 1
    if held < declared:
        raise UserError(
            f"{files.name} has the weights of {counted(held, 'layer')}, and its config.json asks "
            f"for {declared}; download the model whole."
        )
    if held > declared:
        return (
            WARNING,
            f"the weights have {counted(held, 'layer')}, and config.json uses {declared} of them",
        )
    return OK, f"{counted(held, 'layer')}, in config.json as in the weights"


def _positions(files: BaseFiles, recipe: Recipe) -> Finding:
    most = positions(files.config)
    if recipe.training is not None:
        require_positions(files.config, files.name, recipe.training.max_length)
    return OK, "no limit is named" if most is None else f"reads up to {most:,} tokens at a time"


def _window(files: BaseFiles, recipe: Recipe) -> Finding:
    window = attention_window(files.config)
    if window is None:
        return OK, "every layer sees the whole tweet"
    if recipe.training is not None and window < recipe.training.max_length:
        return WARNING, (
            f"some layers look back {window:,} tokens only; if a tweet is longer, tweets are not "
            "packed, which is slower"
        )
    return OK, f"some layers look back {window:,} tokens, which is more than any tweet has"


def _tokenizer(files: BaseFiles, recipe: Recipe) -> Finding:
    rows, tokens = _embeddings(files), tokenizer_files.tokens_of_texts(files.folder)
    if tokens is None:
        return WARNING, "there is no tokenizer.json; the tokenizer is looked at on loading"
    if rows is not None and (beyond := [text for text, number in tokens.items() if number >= rows]):
        raise tokenizer_files.without_embedding(files.name, beyond)
    return OK, f"{len(tokens):,} tokens, each of which has an embedding"


def _special_tokens(files: BaseFiles, recipe: Recipe) -> Finding:
    named = tokenizer_files.special_tokens(files.folder)
    pad, end = named.get("pad_token"), named.get("eos_token")
    if end is None:
        return WARNING, (
            "no end token: label words that begin another one are refused, and so is a recipe with "
            "loss=full-text"
        )
    return OK, f"ends with {end}; {'pads with ' + pad if pad else 'pads with that, too'}"


def _targets(files: BaseFiles, recipe: Recipe) -> Finding:
    if recipe.lora is None:
        return OK, "this recipe has no adapter"
    layers = sorted({*_linear_layers(files)})
    targets = recipe.lora.targets
    chosen = {name.rpartition(".")[2] for name in layers if _is_target(name, targets)}
    if not chosen:
        named = targets if isinstance(targets, str) else ", ".join(targets)
        known = ", ".join(sorted({name.rpartition(".")[2] for name in layers}))
        raise UserError(f"lora.targets={named} names no layer of {files.name}; it has {known}.")
    return OK, f"the adapter is put on {', '.join(sorted(chosen))}, as far as they can carry one"


def _is_target(name: str, targets: str | tuple[str, ...]) -> bool:
    """Whether a layer may be meant; a pattern is for a whole name, of which files have the end."""
    if targets == "all-linear":
        return True
    if isinstance(targets, str):
        return re.search(targets.rstrip("$") + "$", name) is not None
    return any(name == target or name.endswith(f".{target}") for target in targets)


def _linear_layers(files: BaseFiles) -> Iterator[str]:
    """The names of what may be linear layers of the decoder: matrices of numbered layers."""
    for tensor in files.tensors:
        name, _, last = tensor.name.rpartition(".")
        numbered = LAYER_NUMBER.search(tensor.name) and "vis" not in tensor.name
        if numbered and last == "weight" and len(tensor.shape) == 2:
            yield name


FACTS: dict[str, Callable[[BaseFiles, Recipe], Finding]] = {
    "files": _files,
    "kind": _kind,
    "weights": _weights,
    "vocabulary": _vocabulary,
    "layers": _layers,
    "positions": _positions,
    "window": _window,
    "tokenizer": _tokenizer,
    "special tokens": _special_tokens,
    "targets": _targets,
}


def _embeddings(files: BaseFiles) -> int | None:
    """How many tokens have an embedding; None if it goes by an unknown name."""
    return next(_embedding_rows(files), None)


def _embedding_rows(files: BaseFiles) -> Iterator[int]:
    for tensor in files.tensors:
        *_, owner, last = ("", *tensor.name.split("."))
        is_text = owner in EMBEDDINGS and "vis" not in tensor.name
        if is_text and last == "weight" and len(tensor.shape) == 2:
            yield tensor.shape[0]
