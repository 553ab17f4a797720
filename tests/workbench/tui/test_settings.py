"""The settings on the screen: what is chosen is written down, and holds at once."""

from storage import setting_changes
from storage.config import load
from storage.store import open_store
from workbench.tui.themes import DARK, HIGH_CONTRAST, LIGHT


def row_of(driver, title):
    """The line of a setting."""
    return next(line for line in driver.lines if line[3:].startswith(title))


async def go_to(driver, title):
    """Open the settings, with the cursor at one of them."""
    await driver.press("f2")
    await driver.until_seen("SETTINGS")
    for _ in range(10):
        if "▌" in row_of(driver, title):
            return
        await driver.press("down")
    raise AssertionError(driver.text)


async def test_a_theme_is_chosen_from_a_menu_and_put_on_at_once(start, workspace):
    path = workspace / "workbench.toml"
    path.write_text(f"# Mine.\n{path.read_text()}")
    async with start() as driver:
        await go_to(driver, "theme")
        assert driver.app.theme == DARK
        await driver.press("enter")
        await driver.until_seen("white on black")
        await driver.press("j", "j", "j", "enter")
        await driver.until(lambda: driver.app.theme == HIGH_CONTRAST)
        assert HIGH_CONTRAST in row_of(driver, "theme")
        await driver.press("escape")
        await driver.until(lambda: len(driver.app.screen_stack) == 1)
    text = path.read_text()
    assert text.startswith("# Mine.\n")
    assert f'theme = "{HIGH_CONTRAST}"' in text
    async with start() as driver:
        assert driver.app.theme == HIGH_CONTRAST, "also the next time"


async def test_the_palette_has_each_setting_by_name(start, workspace):
    async with start() as driver:
        await driver.press("ctrl+p", *"theme", "enter")
        await driver.until_seen("white on black")
        await driver.press("j", "j", "enter")
        await driver.until(lambda: driver.app.theme == LIGHT)
    assert load(workspace).theme == LIGHT


async def test_initials_label_as_soon_as_they_are_turned_on(start):
    async with start() as driver:
        await driver.press("j", "p")
        await driver.until_seen("p labels nothing")
        await go_to(driver, "label initials")
        await driver.press("right", "q", "p")
        await driver.until(lambda: driver.tweet(2).label == "positive")


async def test_the_blind_share_holds_in_the_queue_that_is_open(start):
    async with start() as driver:
        await driver.press("G", "k", "k", "1", "Q", "r")  # every tweet has a label then
        queue = driver.app.places.place("queue")
        await driver.until(lambda: len(queue._walk.queue.ids) > 9)
        assert len(queue._walk.queue.blind) == len(queue._walk.queue.ids) // 5 > 1
        await go_to(driver, "blind share")
        await driver.press("right")
        assert "every 3rd" in row_of(driver, "blind share")
        await driver.until(lambda: len(queue._walk.queue.blind) == len(queue._walk.queue.ids) // 3)
        await driver.press("right")
        assert "none" in row_of(driver, "blind share")
        await driver.until(lambda: not queue._walk.queue.blind)
        await driver.press("escape", "b")
        await driver.until_seen("No tweet is blind by the settings")


async def test_training_again_is_turned_on_and_off_without_a_restart(start, workspace):
    async with start() as driver:
        await go_to(driver, "auto-train")
        await driver.press("right")
        assert "after 20" in row_of(driver, "auto-train")
        await driver.until(lambda: "train" in driver.app.engine_word)
        await driver.press("left")
        await driver.until(lambda: driver.app.engine_word == "")
    assert load(workspace).train_every == 0


async def test_what_another_screen_of_the_same_user_writes_is_kept_and_shown(start, workspace):
    async with start() as driver:
        await go_to(driver, "blind share")
        other = open_store(workspace, "ana")
        setting_changes.change(other, "initials", True)
        other.close()
        await driver.press("left")
        await driver.until(lambda: load(workspace).queue_blind_every == 10)
        assert load(workspace).initials
        assert " on " in row_of(driver, "label initials")


async def test_a_value_is_changed_from_what_another_screen_has_made_it(start, workspace):
    other = open_store(workspace, "ana")
    async with start() as driver:
        setting_changes.change(other, "queue.blind_every", 20)
        await go_to(driver, "blind share")
        assert "every 20th" in row_of(driver, "blind share")
        setting_changes.change(other, "theme", LIGHT)
        setting_changes.change(other, "queue.blind_every", 5)
        await driver.press("right")
        await driver.until(lambda: "every 3rd" in row_of(driver, "blind share"))
        assert LIGHT in row_of(driver, "theme")
        assert driver.app.theme == LIGHT
    other.close()
    assert load(workspace).queue_blind_every == 3


async def test_a_key_that_has_nowhere_to_go_says_so(start):
    async with start() as driver:
        await go_to(driver, "theme")
        await driver.press("up")
        await driver.until_seen("There is no other setting that way.")


async def test_a_file_that_cannot_be_read_is_said_and_left_alone(start, workspace):
    async with start() as driver:
        await go_to(driver, "label initials")
        (workspace / "workbench.toml").write_text("labels = [")
        await driver.press("right")
        await driver.until_seen("cannot be read as TOML")
        assert " off " in row_of(driver, "label initials")
    assert (workspace / "workbench.toml").read_text() == "labels = ["
