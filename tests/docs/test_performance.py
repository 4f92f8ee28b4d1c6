"""The page of figures shows what was kept of the last run."""

from __future__ import annotations

from tests.bench import plot, results
from tests.bench.figures import at_least, at_most


def test_the_page_shows_the_kept_figures() -> None:
    page = results.PAGE.read_text(encoding="utf-8")

    assert results.replaced(page, results.block(results.load())) == page


def test_the_plot_shows_the_kept_figures() -> None:
    figures = list(results.figures_in(results.load()))

    assert results.PLOT.read_text(encoding="utf-8") == plot.draw(figures)


def test_a_goal_is_judged_by_the_figure_that_is_shown() -> None:
    assert at_least(0.8).is_met_by(0.7996)
    assert not at_least(0.8).is_met_by(0.79)
    assert at_most(2.0).is_met_by(2.004)
    assert not at_most(2.0).is_met_by(2.01)
