"""What keys mean on every screen: leaving, answering, moving, and what they say without effect."""

import pytest


@pytest.mark.parametrize(
    ("keys", "deleted"),
    [(["y"], True), (["enter"], True), (["n"], False), (["escape"], False), (["q"], False)],
)
async def test_every_question_is_answered_by_the_same_keys(start, stub, keys, deleted):
    async with start(program=stub.program, size=(80, 24)) as driver:
        await driver.press("r")
        await driver.until_seen("baseline")
        await driver.press("D")
        await driver.until_seen("Delete run 2 (fast, done)?")
        assert "baseline" in driver.text, "the question covers only the last lines"
        await driver.press(*keys)
        await driver.until(lambda: "Delete run 2" not in driver.text)
        await driver.until(lambda: bool(stub.calls) == deleted)
        assert stub.calls == ([["delete", "2", "--yes", "--json"]] if deleted else [])
        assert driver.app.is_running
