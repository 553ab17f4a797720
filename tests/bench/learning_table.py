"""The page that shows the figures of learning.py."""

from __future__ import annotations

from typing import Any

REGIMES = {
    "preset": "Learning rate of the presets, 2e-4",
    "tuned": "The best learning rate of each on dev",
}


def table(result: dict[str, Any]) -> str:
    """All figures as Markdown."""
    scale, versions, base = result["scale"], result["versions"], result.get("base", {})
    lines = [
        f"# Learning on {versions['device']}, {result['date']}",
        "",
        f"A Falcon of {base.get('parameters', 0):,} weights, pretrained in "
        f"{base.get('seconds', 0):.0f} s on {base.get('tweets', 0):,} unlabelled tweets "
        f"({base.get('tokens', 0):,} tokens; vocabulary {base.get('vocabulary', 0):,}). "
        f"Perplexity of {base.get('held_out_tweets', 0):,} held-out tweets: "
        f"{base.get('held_out_perplexity', 0):.1f} "
        f"({base.get('held_out_bits_per_byte', 0):.2f} bits per byte). "
        f"NF4, LoRA r 16, {scale['steps']} steps of 16 tweets, {scale['seeds']} seeds.",
    ]
    for name, data in result["data"].items():
        lines += [
            "",
            f"- {name}: {', '.join(data['words'])}; {data['train']:,} train, {data['dev']:,} dev, "
            f"{data['test']:,} test, {data['largest_class']:.3f} in the largest class of test",
        ]
    for regime, title in REGIMES.items():
        figures = {name: found for name, found in result["figures"][regime].items() if found}
        if figures:
            lines += ["", f"## {title}", "", *_main(figures), ""]
            lines += [*_goals(figures, result["data"]), "", *_curves(figures), ""]
            lines += [*_calibration(figures), "", *_generated(figures)]
    lines += ["", *_rates(result.get("rates", {}))]
    lines += [f"- {note.splitlines()[0]}" for note in result["notes"]]
    names = ", ".join(f"{name} {value}" for name, value in versions.items() if name != "device")
    lines += [
        "",
        "Mean over seeds. ± is the 95 % t interval over seeds; in brackets the 95 % percentile "
        "interval over 2,000 resamples of the test tweets, each with what all seeds made of it. "
        "ECE: 15 bins of equal mass, sum of (rows / n) |accuracy - confidence| (Guo et al. 2017); "
        "the temperature is fitted on dev. Few rows alone make an ECE: with 15 bins of 100 tweets, "
        "about 0.1.",
        "",
        f"`{result['command']}`, {result['seconds']:.0f} s; {names}.",
    ]
    return "\n".join(lines) + "\n"


def _main(figures: dict[str, Any]) -> list[str]:
    lines = [
        "| set | recipe | rate | seeds | accuracy | macro F1 | tweets to 95 % of the best "
        "(seed by seed) |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, found in figures.items():
        for preset in _presets(found):
            own = found[preset]
            low, high = own["accuracy"]["tweets95"]
            reached = own["reached"]
            seeds = ", ".join(str(n or "never") for n in reached["seeds"])
            lines.append(
                f"| {name} | {preset} | {own['rate']:g} | {own['n_seeds']} | "
                f"{_mean(own['accuracy'])} [{low:.3f}, {high:.3f}] | {_mean(own['macro_f1'])} | "
                f"{reached['tweets'] or 'never'} ({seeds}) |"
            )
        if gap := found.get("fast_minus_seed"):
            low, high = gap["tweets95"]
            lines.append(
                f"| {name} | fast − seed | | {len(gap['seeds'])} | "
                f"{_mean(gap)} [{low:.3f}, {high:.3f}] | | |"
            )
    return lines


def _goals(figures: dict[str, Any], data: dict[str, Any]) -> list[str]:
    lines = []
    for name, found in figures.items():
        trivial = found["goal"] <= data[name]["largest_class"]
        note = ": no more than always saying the largest class, so it tells nothing" * trivial
        lines.append(f"- 95 % of the best on {name} is {found['goal']:.3f}{note}.")
    return lines


def _curves(figures: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, found in figures.items():
        for preset in _presets(found):
            curve = found[preset]["curve"]
            if not lines:
                points = " | ".join(f"{point['tweets']:,}" for point in curve)
                lines = [f"| after tweets | recipe | figure on test | {points} |"]
                lines.append("|---|---|---|" + "---:|" * len(curve))
            f1 = [point["macro_f1"] for point in curve]
            for figure, values in (("accuracy", curve), ("macro F1", f1)):
                row = " | ".join(map(_mean, values))
                lines.append(f"| {name} | {preset} | {figure} | {row} |")
    return lines


def _calibration(figures: dict[str, Any]) -> list[str]:
    lines = [
        "| set | recipe | ECE | scaled | NLL | scaled | Brier | scaled | temperature |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    names = [
        f"{figure}_{when}" for figure in ("ece", "nll", "brier") for when in ("before", "after")
    ]
    for name, found in figures.items():
        for preset in _presets(found):
            own = found[preset]
            values = " | ".join(_mean(own[figure]) for figure in [*names, "temperature"])
            lines.append(f"| {name} | {preset} | {values} |")
    return lines


def _generated(figures: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, found in figures.items():
        own = found.get("seed", {}).get("generated")
        if own:
            lines.append(
                f"- The seed's own prediction on {name} (one token sampled with temperature 0.7, "
                f"repetition penalty 2; first {own['tweets']} test tweets): accuracy "
                f"{_mean(own['accuracy'])}, no label word {_mean(own['no_label'])}, another answer "
                f"on the second call {_mean(own['changed_on_second_call'])}; label words scored by "
                f"the same models on the same tweets: {_mean(own['scored_accuracy'])}."
            )
    return lines


def _rates(rates: dict[str, Any]) -> list[str]:
    lines = []
    for preset, found in rates.items():
        tried = ", ".join(f"{rate}: {share:.3f}" for rate, share in found["dev_accuracy"].items())
        lines.append(
            f"- Learning rates of {preset}, accuracy on the dev tweets of the larger set with the "
            f"first seed: {tried}."
        )
    return lines


def _presets(found: dict[str, Any]) -> list[str]:
    return [preset for preset in ("seed", "fast") if preset in found]


def _mean(figure: dict[str, Any]) -> str:
    """A mean with half its t interval."""
    if figure["t95"] is None:
        return f"{figure['mean']:.3f}"
    return f"{figure['mean']:.3f} ± {(figure['t95'][1] - figure['t95'][0]) / 2:.3f}"
