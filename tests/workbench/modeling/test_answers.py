"""The tokens of an answer are those of the whole text, whatever tokenizer and template."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers_by_code import KINDS, SPECIAL, make_tokenizer

from storage.errors import UserError
from workbench.modeling.data.batches import full_text_examples
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import make_prompter, saved_prompter
from workbench.recipes import recipes

WORDS = ("Positive", "Negative")
ENDS = {
    "### Human: {text}\n### Assistant:": " ",
    "### Human: {text}\n### Assistant: ": "",
    "{text}\nLabel:\n": "",
    "{text}\n\nLabel:\n\n": "",
    'Text: "{text}"\nLabel: "{answer}': "",
    "{text}: {answer}": "",
    "Label of {text}": " ",
}
"""Templates, and what is written between each and the label word."""
CHAT = (
    "{{ bos_token }}{% for message in messages %}<|user|>\n{{ message['content'] | trim }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}answer\n{% endif %}"
)
TEXTS = ["up", "no way that this goes up", "buy more, sell everything", "🚀 $ZORB"]


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    return make_tokenizer(request.param)


@pytest.mark.parametrize("template", ENDS)
def test_prompt_and_answer_are_the_tokens_of_the_whole_text(tokenizer, template):
    prompter = make_prompter(tokenizer, template, ("p", "n"), WORDS, 128)
    for text, prompt in zip(TEXTS, prompter.encode(TEXTS), strict=True):
        for word, answer in zip(WORDS, prompter.label_token_ids, strict=True):
            written = template.removesuffix("{answer}").replace("{text}", text)
            whole = tokenizer(written + ENDS[template] + word)["input_ids"]
            end = [tokenizer.eos_token_id]
            assert [*prompt, *answer] == (whole[:-1] if whole[-1:] == end else whole)


@pytest.mark.parametrize("template", ENDS)
def test_both_trainers_write_the_tokens_that_scoring_reads(tokenizer, template):
    """The whole texts of the recipe seed, with its own trainer and with ours."""
    from workbench.modeling.trl.sft import _make_dataset

    prompter = make_prompter(tokenizer, template, ("p", "n"), WORDS, 128)
    labels = [0, 1, 0, 1]
    rows = _make_dataset(prompter, Examples(TEXTS, labels))["input_ids"]
    read = [
        [*prompt, *prompter.label_token_ids[label], tokenizer.eos_token_id]
        for prompt, label in zip(prompter.encode(TEXTS), labels, strict=True)
    ]
    assert [*rows] == read
    ours = full_text_examples(prompter, TEXTS, labels)
    assert [[*row.tokens, row.targets[-1]] for row in ours] == read


def test_a_normalizer_that_prepends_a_space_writes_one_and_not_two():
    tokenizer = make_tokenizer("prepending")
    prompter = make_prompter(tokenizer, "{text}\nLabel:", ("p", "n"), WORDS, 64)
    assert [tokenizer.convert_ids_to_tokens(answer) for answer in prompter.label_token_ids] == [
        ["▁Positive"],
        ["▁Negative"],
    ]


def test_a_sequence_begins_once(tokenizer):
    plain = make_prompter(tokenizer, "{text}:", ("p", "n"), WORDS, 64)
    written = make_prompter(tokenizer, "<s>{text}:", ("p", "n"), WORDS, 64)
    [prompt], [other] = written.encode(["up"]), plain.encode(["up"])
    assert prompt.count(tokenizer.bos_token_id) == 1 and prompt[0] == tokenizer.bos_token_id
    if tokenizer.bos_token_id in other:
        assert prompt == other


@given(text=st.lists(st.sampled_from([*SPECIAL, "<s", "/s>", ">", "up ", "<|", "end", " "])))
@pytest.mark.parametrize("length", [64, 40])
def test_a_tweet_brings_no_control_token_into_a_prompt(tokenizer, length, text):
    prompter = make_prompter(tokenizer, "<|user|>{text}<|end|>:", ("p", "n"), WORDS, length)
    [plain] = prompter.encode([""])
    [prompt] = prompter.encode(["".join(text)])
    controls = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    assert [token for token in prompt if token in controls] == [
        token for token in plain if token in controls
    ]


def test_texts_without_control_tokens_stay_as_they_are(tokenizer):
    prompter = make_prompter(tokenizer, "{text}:", ("p", "n"), WORDS, 64)
    assert [prompter.as_text(text) for text in TEXTS] == [f"{text}:" for text in TEXTS]


def test_a_word_that_changes_the_prompt_is_refused():
    tokenizer = make_tokenizer("byte_level")
    with pytest.raises(UserError, match="'istant' changes the last token of the prompt"):
        make_prompter(tokenizer, "{text} Ass{answer}", ("a", "b"), ("istant", "b"), 64)


def test_a_chat_asks_as_its_template_says(tokenizer):
    tokenizer.chat_template = CHAT
    message = "Good or bad?\n{text}"
    prompter = make_prompter(tokenizer, message, ("p", "n"), WORDS, 96, chat=True)
    assert prompter.template == "<s><|user|>\nGood or bad?\n{text}<|end|>\nanswer\n"
    for text, prompt in zip(TEXTS, prompter.encode(TEXTS), strict=True):
        asked = [{"role": "user", "content": message.replace("{text}", text)}]
        rendered = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        assert prompt == tokenizer(rendered, add_special_tokens=False)["input_ids"]
    whole = tokenizer(rendered + "Positive", add_special_tokens=False)["input_ids"]
    assert [*prompt, *prompter.label_token_ids[0]] == whole
    tokenizer.chat_template = None


@pytest.mark.parametrize(
    ("chat", "message"),
    [
        (None, "has no chat template; set prompt"),
        ("{{ raise_exception('only systems speak') }}", r"cannot be used \(only systems speak\)"),
        ("{{ messages[0]['role'] }}", "leaves out the message"),
        ("{% if %}", "cannot be used"),
    ],
)
def test_a_chat_template_that_cannot_be_used_is_one_sentence(chat, message):
    tokenizer = make_tokenizer("byte_level")
    tokenizer.chat_template = chat
    with pytest.raises(UserError, match=message) as caught:
        make_prompter(tokenizer, "Good or bad? {text}", ("p", "n"), WORDS, 64, chat=True)
    assert "\n" not in str(caught.value)


def test_an_adapter_is_asked_with_the_tokens_that_it_was_trained_with():
    """Also one of an earlier version, which wrote two spaces with such a tokenizer."""
    tokenizer = make_tokenizer("prepending")
    two_spaces = [tokenizer(f" {word}", add_special_tokens=False)["input_ids"] for word in WORDS]
    details = {
        "template": "{text}:",
        "labels": ["p", "n"],
        "words": [*WORDS],
        "max_length": 64,
        "label_token_ids": two_spaces,
        "recipe": recipes.load("fast").as_json(),
    }
    assert [*map(list, saved_prompter(tokenizer, details).label_token_ids)] == two_spaces
    # the stock trainer made the tokens of the whole text itself
    details["recipe"] = recipes.load("seed").as_json()
    one_space = make_prompter(tokenizer, "{text}:", ("p", "n"), WORDS, 64).label_token_ids
    assert saved_prompter(tokenizer, details).label_token_ids == one_space
