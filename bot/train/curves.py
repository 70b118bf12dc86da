"""Plots of the phases' loss curves, for the phase's folder and the model card."""

import io
import json
from collections.abc import Mapping

SMOOTH = 0.9
"""Weight of the previous value in exponential smoothing, as in TensorBoard."""


def loss_curves(phases: Mapping[str, str]) -> bytes:
    """Return a PNG of the loss over the steps, raw and smoothed.

    Args:
        phases: name -> content of metrics.jsonl; phases without steps are left out.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    runs = {name: [json.loads(line) for line in text.splitlines()] for name, text in phases.items()}
    runs = {name: run for name, run in runs.items() if run}
    figure, axes = pyplot.subplots(
        1, max(1, len(runs)), figsize=(5 * max(1, len(runs)), 3.2), squeeze=False, layout="constrained"
    )
    for axis, (name, run) in zip(axes[0], runs.items(), strict=False):
        steps, losses = [line["step"] for line in run], [line["loss"] for line in run]
        axis.plot(steps, losses, alpha=0.3, linewidth=1)
        axis.plot(steps, smoothed(losses), color="tab:blue", linewidth=2)
        axis.set(title=name, xlabel="step", ylabel="loss", ylim=(0, None))
    written = io.BytesIO()
    # Without time and version, so that equal curves give equal files.
    figure.savefig(written, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return written.getvalue()


def smoothed(values: list[float]) -> list[float]:
    """Return the exponential moving average, with bias correction as in Adam."""
    found, mean = [], 0.0
    for number, value in enumerate(values, 1):
        mean = SMOOTH * mean + (1 - SMOOTH) * value
        found.append(mean / (1 - SMOOTH**number))
    return found
