"""What comes next in a run, by its recipe."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.recipes.recipes import Recipe
from workbench.rundir.folder import DONE, FAILED, QUEUED, STOPPED, STOPPING
from workbench.tui.acting_keys import key_for
from workbench.tui.run_progress import RunProgress


@dataclass(frozen=True)
class Plan:
    """How often a run saves and looks at the dev tweets, and how many tweets it scores."""

    save_steps: int = 0
    folds: int = 0
    trains: bool = True
    """Whether it goes on in steps, which a baseline does not."""
    tweets: int = 0

    @classmethod
    def of(cls, recipe: Recipe, tweets: int) -> Plan:
        """The plan of a recipe for a workspace of so many tweets."""
        if (training := recipe.training) is None:
            return cls(trains=False, tweets=tweets)
        return cls(training.save_steps, training.folds, tweets=tweets)

    def first_look(self, steps: int) -> int:
        """The step after which a run of so many first looks at the dev tweets."""
        return min(self.save_steps, steps) if steps else self.save_steps


def what_is_next(progress: RunProgress, plan: Plan) -> str:
    """What the run does next, or what can be done with it when it is over."""
    state = progress.state.state
    since = f"from step {progress.saved}" if progress.saved else "from the start"
    errors, queue = key_for("place_errors"), key_for("place_queue")
    told = {
        QUEUED: "begins when those before it are done",
        STOPPING: "saves and stops",
        DONE: f"{errors} where it errs, {queue} labels it finds wrong",
        STOPPED: f"{key_for('stop')} goes on with it {since}",
        FAILED: f"{key_for('stop')} goes on with it {since}",
    }
    return told[state] if state in told else _next_step(progress, plan)


def _next_step(progress: RunProgress, plan: Plan) -> str:
    """What a run that goes on does next."""
    step, steps = progress.state.step, progress.state.steps
    if not plan.trains or progress.scored is not None:
        return ""
    scores = f"then {plan.tweets:,} tweets are scored" if plan.tweets else "then it scores"
    if step >= steps:
        return f"{'its adapter is saved' if steps else 'the first step'}, {scores}"
    at = (step // plan.save_steps + 1) * plan.save_steps if plan.save_steps else steps
    if at >= steps:
        return f"the last step, {steps}, {scores}"
    has_dev = progress.data.get("dev", 1 if progress.dev else 0) > 0
    return f"{'dev' if has_dev else 'saves'} at {at}, {scores}"
