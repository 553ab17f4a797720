"""workbench.toml: what is written is read back, and a wrong value is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import config as settings_file
from storage.config import Config
from storage.errors import UsageError, UserError

ODD = (
    "very good",
    'quote " and \\',
    "émotion 🚀",
    "a=b # c",
    "[x]",
    "日本",
    "1",
    "don't\x7f",
    "{text}",
)


def saved(folder, text):
    (folder / "workbench.toml").write_text(text, "utf-8")
    return settings_file.load(folder)


def test_odd_label_names_survive_the_file(tmp_path):
    config = Config(
        labels=ODD,
        base="/models/my base",
        words={ODD[0]: "Great 👍"},
        keys={ODD[1]: "w"},
        template="Q: {text}\nA:{answer}",
        prompt="chat",
        seed=7,
        test_share=0.25,
        dev_share=0.1,
    )
    settings_file.save(tmp_path, config)
    assert settings_file.load(tmp_path) == config


names = st.text(
    st.characters(exclude_categories=("Cs",), min_codepoint=32), min_size=1, max_size=12
).filter(lambda name: name.strip() and name.strip().casefold() != "none")


@settings(max_examples=60)
@given(labels=st.lists(names, max_size=5, unique_by=str.casefold), share=st.floats(0, 0.45))
def test_any_settings_survive_the_file(labels, share, tmp_path):
    config = Config(labels=tuple(labels), test_share=share, words={n: n[::-1] for n in labels})
    settings_file.save(tmp_path, config)
    assert settings_file.load(tmp_path) == config


def test_a_chat_asks_with_a_message_of_its_own_unless_the_template_is_one():
    config = Config(labels=("positive", "negative"), prompt="chat")
    assert config.message.count("{text}") == 1 and "Positive, Negative?" in config.message
    assert replace(config, template="Up or down? {text}").message == "Up or down? {text}"
    assert replace(config, prompt="plain").message == config.template


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('prompt = "shout"', 'prompt must be "plain" or "chat"'),
        ('template = "{text}{answer} it is"', "at the end of the template only"),
        ("labels = [", "cannot be read as TOML"),
        ('labels = "positive"', "labels must be a list, such as"),
        ("labels = [1, 2]", "toml: 1 cannot be a label: use a short name in quotes"),
        ('labels = ["", "b"]', "'' cannot be a label"),
        ('labels = ["a\\nb"]', "cannot be a label"),
        ('labels = ["Up", "up"]', "given twice"),
        ("colour = 3", "unknown setting 'colour'; known: labels, base"),
        ("base = 3", "base must be text"),
        ('template = "no place for it"', "template must contain {text} exactly once"),
        ('template = "{text} {text}"', "template must contain {text} exactly once"),
        ("[split]\ntest = 0.8\ndev = 0.2", "leave no tweets for training"),
        ("[split]\ntest = -0.1", "test"),
        ("[split]\ntest = nan", "test"),
        ('[split]\ntest = "half"', "test_share must be a number"),
        ("[split]\nseed = 1.5", "seed must be a whole number"),
        ("[split]\nseed = true", "seed must be a whole number"),
        ("split = 3", "split"),
        ("words = 3", "words must be a table"),
        ("[words]\npositive = 3", "words"),
        ('labels = ["positive"]\n[keys]\npositive = "ab"', "must be one letter"),
        ('[keys]\nundo = " "', "keys"),
        ("queue = 3", "queue must be a table with blind_every"),
        ("[queue]\nblind_every = -1", "queue.blind_every must be 0 or more, not -1"),
        ("[train]\nevery = -1", "train.every must be 0 or more, not -1"),
        ("initials = 1", "initials must be true or false"),
    ],
)
def test_a_wrong_value_is_named_with_its_file(text, message, tmp_path):
    with pytest.raises(UserError) as caught:
        saved(tmp_path, text)
    assert message in str(caught.value)
    assert "workbench.toml" in str(caught.value)


@pytest.mark.parametrize("name", ["none", "None", " NONE"])
def test_no_label_is_called_none(name):
    with pytest.raises(UsageError, match="none"):
        settings_file.check_labels(("positive", name))


def test_what_is_left_out_has_its_default(tmp_path):
    assert saved(tmp_path, 'labels = ["up", "down"]') == Config(labels=("up", "down"))


def test_bytes_that_are_no_text_are_one_sentence(tmp_path):
    (tmp_path / "workbench.toml").write_bytes(b"labels = ['\xff']")
    with pytest.raises(UserError, match="cannot be read as TOML"):
        settings_file.load(tmp_path)


def test_a_label_is_found_by_name_or_word_in_any_case():
    config = Config(labels=("positive", "Bearish"), words={"Bearish": "Down"})
    assert config.label(" POSITIVE ") == "positive"
    assert config.label("down") == "Bearish"
    assert config.label("bearish") == "Bearish"
    assert config.label("up") is None
    with pytest.raises(UsageError, match=r"'up' is not a label .*positive, Bearish"):
        config.require_label("up")


def test_a_lower_case_label_gets_a_capital_in_the_prompt():
    config = Config(labels=("positive", "VIX up", "b"), words={"b": "Bear"})
    assert [config.word(label) for label in config.labels] == ["Positive", "VIX up", "Bear"]


def test_digits_alone_label_unless_the_settings_say_otherwise(tmp_path):
    labels = ("positive", "negative", "neutral", "up", "weak")
    assert Config(labels=labels).key_of() == {}
    assert Config(labels=labels, initials=True).key_of() == {"positive": "p", "weak": "w"}
    settings_file.save(tmp_path, Config(labels=labels))
    path = tmp_path / "workbench.toml"
    path.write_text(path.read_text().replace("initials = false", "initials = true"))
    assert settings_file.load(tmp_path).key_of() == {"positive": "p", "weak": "w"}


def test_a_chosen_letter_stands_beside_initials_or_alone():
    labels, keys = ("positive", "negative", "neutral"), {"neutral": "w"}
    assert Config(labels=labels, keys=keys).key_of() == {"neutral": "w"}
    both = Config(labels=labels, keys=keys, initials=True)
    assert both.key_of() == {"neutral": "w", "positive": "p"}
    taken = Config(labels=("positive", "up"), keys={"up": "p"}, initials=True)
    assert taken.key_of() == {"up": "p"}


@pytest.mark.parametrize("key", [*"jkgGnN/q", *"xfaeu0bcdm", ",", " "])
def test_no_key_that_means_something_else_labels_even_if_it_is_chosen(key):
    config = Config(labels=("good", "bad"), keys={"good": key, "bad": "p"}, initials=True)
    assert config.key_of() == {"bad": "p"}
    assert config.refused_keys() == {"good": key}


def test_a_letter_chosen_for_two_labels_is_neither_ones():
    config = Config(labels=("good", "bad"), keys={"good": "p", "bad": "p"})
    assert config.key_of() == {}
    assert config.refused_keys() == {"good": "p", "bad": "p"}
    assert Config(labels=("b1", "b2"), initials=True).key_of() == {}


def test_writing_the_settings_leaves_no_other_file(tmp_path):
    settings_file.save(tmp_path, Config(labels=("a", "b")))
    settings_file.save(tmp_path, Config(labels=("a", "b", "c")))
    assert [path.name for path in tmp_path.iterdir()] == ["workbench.toml"]
    assert (tmp_path / "workbench.toml").stat().st_mode & 0o777 == 0o600


def test_settings_under_their_old_name_are_kept(small, reopen):
    text = (small.folder / "workbench.toml").read_text("utf-8")
    small.close()
    (small.folder / "workbench.toml").rename(small.folder / "workspace.toml")
    assert reopen(small).config == small.config
    assert (small.folder / "workbench.toml").read_text("utf-8") == text
    assert not (small.folder / "workspace.toml").exists()


def test_settings_under_their_old_name_are_read_where_nothing_can_be_written(small, reopen):
    small.close()
    (small.folder / "workbench.toml").rename(small.folder / "workspace.toml")
    assert settings_file.load(small.folder) == small.config
    assert (small.folder / "workspace.toml").exists()
