"""A picture of the exam results of a release, for its card."""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from bot.core.paired_counts import share_interval
from bot.release.results import Result, exam_groups, general_result
from bot.text.escape_markdown import visible

MOST_ROWS = 30
"""Maximum number of leaves that one panel shows: those with the largest changes."""
LONGEST_NAME = 48
"""Maximum length of a leaf's path in characters; the beginning is cut off."""
ROW_INCHES, PANEL_INCHES = 0.36, 0.7
BEFORE, AFTER = "0.55", "tab:blue"


def results_chart(manifest: Mapping[str, Any]) -> bytes:
    """Return a PNG of the shares of right answers before and after, with Wilson's intervals.

    Each status of exams has a panel of its own, so that held-out questions are never mixed with others.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = _panels(manifest)
    rows = [len(results) for _, results in panels]
    figure, axes = pyplot.subplots(
        len(panels),
        1,
        figsize=(9, ROW_INCHES * sum(rows) + PANEL_INCHES * (len(rows) + 1)),
        height_ratios=rows,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    confidence = float(manifest["recipe"]["gate"]["confidence"])
    for axis, (title, results) in zip(axes[:, 0], panels, strict=True):
        _draw(axis, title, results, confidence)
    axes[-1, 0].set(xlabel=f"right answers in percent, with {100 * confidence:g}% intervals", xlim=(-2, 102))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False)
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a box is drawn for it
        # Without time and version, so that equal results give equal files.
        figure.savefig(written, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return written.getvalue()


def _panels(manifest: Mapping[str, Any]) -> list[tuple[str, Sequence[Result]]]:
    """Return the title and the rows of each panel."""
    found: list[tuple[str, Sequence[Result]]] = []
    for group in exam_groups(manifest):
        shown = sorted(group.results, key=lambda result: -abs(result.pairs.change))[:MOST_ROWS]
        rows = [result for result in group.results if result in shown]
        cut = f" ({len(rows)} of {len(group.results)} leaves)" if len(rows) < len(group.results) else ""
        total = [group.total] if len(group.results) > 1 else []
        found.append((f"{group.title}{cut}", [*rows, *total]))
    return [*found, ("General questions", [general_result(manifest)])]


def _draw(axis: Any, title: str, results: Sequence[Result], confidence: float) -> None:
    """Draw the rows of one panel, from top to bottom."""
    for label, color, fill, offset in (("before", BEFORE, "white", -0.16), ("after", AFTER, AFTER, 0.16)):
        right = [result.pairs.before if label == "before" else result.pairs.after for result in results]
        asked = [result.pairs.asked for result in results]
        shares = [100 * one / of for one, of in zip(right, asked, strict=True)]
        bounds = [share_interval(one, of, confidence) for one, of in zip(right, asked, strict=True)]
        below = [max(0.0, share - 100 * low) for share, (low, _) in zip(shares, bounds, strict=True)]
        above = [max(0.0, 100 * high - share) for share, (_, high) in zip(shares, bounds, strict=True)]
        places = [place + offset for place in range(len(results))]
        marker = {"fmt": "o", "color": color, "capsize": 2, "markersize": 5, "markerfacecolor": fill}
        axis.errorbar(shares, places, xerr=[below, above], label=label, **marker)
    names = [_name(result) for result in results]
    axis.set_yticks(range(len(results)), labels=names, parse_math=False, fontsize=8)
    axis.set_ylim(len(results) - 0.5, -0.5)
    axis.set_title(title, loc="left", fontsize=10)
    axis.grid(axis="x", alpha=0.3)


def _name(result: Result) -> str:
    shown = visible(result.name)
    return shown if len(shown) <= LONGEST_NAME else f"…{shown[-LONGEST_NAME:]}"
