"""The report's pictures as data URIs, without files and without requests."""

from __future__ import annotations

import base64
import io
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.ticker import MaxNLocator, PercentFormatter

from infoq.cli.demo.agreement import best
from infoq.cli.demo.ensemble import Floats
from infoq.cli.demo.experiment import METHODS, QUANTITIES, Results, Snapshot

__all__ = ["COLOURS", "curves", "differences", "digit", "scatter"]

COLOURS = {"uniform": "#6b7280", "entropy": "#d55e00", "BALD": "#0072b2", "EPIG": "#009e73"}
INK = "#1f2933"
TOP = 10

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9aa5b1",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e7eb",
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
    "legend.frameon": False,
    "svg.hashsalt": "infoq",
}


def curves(results: Results) -> str:
    """Accuracy against labels: the mean over seeds, and their range.

    Parameters
    ----------
    results : Results
        The measurements.

    Returns
    -------
    str
        An SVG data URI.
    """
    with rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 4.6), layout="constrained")
        axes = figure.add_subplot()
        for method in METHODS:
            _band(axes, results.settings.labels, results.accuracy(method), method)
        axes.set(xlabel="labelled images", ylabel="accuracy on test images")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xticks(results.settings.labels)
        axes.legend(loc="lower right")
        return _svg(figure)


def differences(results: Results) -> str:
    """Accuracy minus that of uniform choice under the same seed, against labels.

    Parameters
    ----------
    results : Results
        The measurements.

    Returns
    -------
    str
        An SVG data URI.
    """
    with rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 4.6), layout="constrained")
        axes = figure.add_subplot()
        axes.axhline(0, color=COLOURS["uniform"], linewidth=1.8)
        for method in QUANTITIES:
            ahead = 100 * (results.accuracy(method) - results.accuracy("uniform"))
            _band(axes, results.settings.labels, ahead, method)
        axes.set(xlabel="labelled images", ylabel="percentage points above uniform")
        axes.set_xticks(results.settings.labels)
        axes.legend(loc="best")
        return _svg(figure)


def _band(axes: Any, labels: list[int], values: Floats, method: str) -> None:
    """Draw the mean over seeds, and the range of the seeds around it."""
    colour = COLOURS[method]
    axes.fill_between(
        labels, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.13, linewidth=0
    )
    axes.plot(labels, values.mean(axis=0), color=colour, linewidth=2, marker="o", markersize=4)
    axes.lines[-1].set_label(method)


def scatter(snapshot: Snapshot, first: str, second: str) -> str:
    """One score against another, with marks at the candidates that each would pick.

    Parameters
    ----------
    snapshot : Snapshot
        Scores of one pool.
    first, second : str
        The quantities on the horizontal and the vertical axis.

    Returns
    -------
    str
        An SVG data URI.
    """
    x, y = snapshot.scores[first], snapshot.scores[second]
    ours, theirs = set(best(x, TOP)), set(best(y, TOP))
    groups = (
        (sorted(ours - theirs), f"only {first} picks", COLOURS[first], "s"),
        (sorted(theirs - ours), f"only {second} picks", COLOURS[second], "^"),
        (sorted(ours & theirs), "both pick", INK, "D"),
    )
    with rc_context(_STYLE):
        figure = Figure(figsize=(4.4, 5.0), layout="constrained")
        axes = figure.add_subplot()
        axes.scatter(x, y, s=9, color="#9aa5b1", alpha=0.55, linewidths=0)
        for rows, label, colour, marker in groups:
            axes.scatter(
                x[rows], y[rows], s=34, color=colour, marker=marker, label=f"{label} ({len(rows)})"
            )
        axes.set(xlabel=f"{first} (nats)", ylabel=f"{second} (nats)")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(4))
        axes.ticklabel_format(style="sci", scilimits=(-2, 3), useMathText=True)
        figure.legend(loc="outside upper left", fontsize=10, handletextpad=0.2, ncols=1)
        return _svg(figure)


def digit(pixels: Floats) -> str:
    """The picture of one 8 x 8 digit, dark on light.

    Parameters
    ----------
    pixels : ndarray
        Values between 0 and 16, ``[64]``.

    Returns
    -------
    str
        A PNG data URI of 8 x 8 pixels.
    """
    stream = io.BytesIO()
    imsave(stream, pixels.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16, format="png")
    return _uri("image/png", stream.getvalue())


def _svg(figure: Figure) -> str:
    """The figure as a data URI; equal figures give equal URIs."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return _uri("image/svg+xml", stream.getvalue())


def _uri(kind: str, content: bytes) -> str:
    """The bytes as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
