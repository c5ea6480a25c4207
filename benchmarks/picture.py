"""The measurements as one picture: a panel of bars for each group, medians, with the range of all values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Group


def draw(groups: Sequence[Group], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    heights = [len(group.values) + 1.5 for group in groups]
    figure, axes = pyplot.subplots(
        len(groups), figsize=(9, 0.42 * sum(heights)), gridspec_kw={"height_ratios": heights}, squeeze=False
    )
    for group, panel in zip(groups, axes[:, 0], strict=True):
        names = list(group.values)
        medians = [group.median(name) for name in names]
        spread = [
            [middle - min(group.values[name]) for name, middle in zip(names, medians, strict=True)],
            [max(group.values[name]) - middle for name, middle in zip(names, medians, strict=True)],
        ]
        peers = any("robenv" in name for name in names)
        colours = ["#babdb6" if peers and "robenv" not in name else "#3465a4" for name in names]
        panel.barh(names, medians, xerr=spread, color=colours, ecolor="#555753", capsize=2)
        panel.bar_label(
            panel.containers[-1], [f" {middle:.3g} {group.unit}" for middle in medians], padding=6, fontsize=8
        )
        panel.invert_yaxis()
        panel.margins(x=0.18)
        panel.set_title(group.title, loc="left", fontsize=10)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
