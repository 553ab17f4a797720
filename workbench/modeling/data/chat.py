"""The chat template of an instruct base as a template of prompts."""

from __future__ import annotations

from jinja2 import TemplateError

from storage.errors import UserError, on_one_line
from workbench.modeling.data.tokenizing import Tokenizer

PLAIN = 'set prompt = "plain" in workbench.toml, or take an instruct base'


def chat_template(tokenizer: Tokenizer, message: str) -> str:
    """The conversation up to the answer of the model, after one message of the user with {text}.

    Raises UserError if the tokenizer has no chat template, or one that takes no such message.
    """
    if not tokenizer.chat_template:
        raise UserError(f"This base has no chat template; {PLAIN}.")
    try:
        template: str = tokenizer.apply_chat_template(
            [{"role": "user", "content": message}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,  # for bases that would think first
        )
    except (TemplateError, TypeError, ValueError) as error:
        raise UserError(
            f"The chat template of this base cannot be used ({on_one_line(error, 160)}); {PLAIN}."
        ) from None
    if template.count("{text}") != 1:
        raise UserError(f"The chat template of this base leaves out the message; {PLAIN}.")
    return template
