"""The curves of a run as a Plotly figure, for papers and slides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowloom.training.series import Series

TRAIN, VALIDATION = "#2f7ed8", "#d9822b"  # the board's two colours


def curves(series: Mapping[str, Series]) -> Any:
    """A `plotly.graph_objects.Figure` with a panel for each quantity: train and validation over the step."""
    from plotly.subplots import make_subplots

    names = [name for name in series if not name.startswith("val_")]
    figure = make_subplots(rows=1, cols=max(len(names), 1), subplot_titles=names)
    for column, name in enumerate(names, start=1):
        for key, label, color in ((name, "train", TRAIN), (f"val_{name}", "validation", VALIDATION)):
            if key in series:
                x, y = series[key].since()
                figure.add_scatter(
                    x=x, y=y, name=label, legendgroup=label, showlegend=column == 1, line_color=color, row=1, col=column
                )
        figure.update_xaxes(title_text="step", row=1, col=column)
    return figure
