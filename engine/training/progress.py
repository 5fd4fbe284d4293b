"""A progress bar for a run that one waits for: in a terminal as text, in a notebook as a widget."""

from __future__ import annotations

from flowloom.training.run import Run

REFRESH = 0.1  # seconds


def follow(run: Run, *, shown: bool = True) -> Run:
    """Wait for the end, with the run's progress if `shown`. Raises the error that made it fail, if one did."""
    from tqdm.auto import tqdm

    with tqdm(total=run.steps, unit="batch", desc=f"epoch 1/{run.epochs}", disable=not shown) as bar:
        alive = True
        while alive:
            run.join(REFRESH)
            alive = run.is_alive  # before what is shown, so that the last look is at all there is
            bar.update(run.step_count - bar.n)
            bar.set_description(f"epoch {max(run.epoch, 1)}/{run.epochs}", refresh=False)
            newest = {name: series.last for name, series in run.series.items()}
            bar.set_postfix({k: f"{v:.4g}" for k, v in newest.items() if v is not None})
    return run.wait()
