"""Whatever happens to messages on the way, Python and all pages end with one document."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowloom as fl
from tests.property.choices import Choices, Seeded
from tests.widgets.edits import Edits
from tests.widgets.exchange import PAGES, Browser, Exchange

FEW = 40
MANY = int(os.environ.get("FLOWLOOM_EXCHANGES", "2000"))
FIRST = int(os.environ.get("FLOWLOOM_SEED", "0")) or random.SystemRandom().randrange(10**9)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    running = Browser()
    yield running
    running.close()


def small_model() -> fl.Graph:
    graph = fl.Graph("small")
    with graph:
        x = fl.input("a", shape=("batch", 4))
        fl.layers.dense(x, units=3, name="b")
    return graph


def converse(browser: Browser, choices: Choices) -> None:
    """Edits on all sides over a bad channel, which then heals; then all must be one."""
    exchange = Exchange(browser, small_model())
    edits = Edits(choices)
    for _ in range(choices.number(1, 60)):
        page = choices.number(0, PAGES - 1)
        match choices.number(0, 9):
            case 0 | 1 | 2:
                edits.by_page(exchange, page)
            case 3:
                edits.by_python(exchange.graph)
            case 4 if choices.flag():
                exchange.do(page, "pass", ms=choices.of((1_000, 5_000, 20_000)))
            case 5 if choices.flag():
                exchange.do(page, "return")
            case _:
                exchange.carry(choices)
    exchange.heal()
    exchange.check()
    exchange.part.close()


def test_all_sides_agree_in_the_end(browser: Browser) -> None:
    """The same exchanges in every run; a failure is shrunk."""

    @settings(max_examples=FEW, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data: st.DataObject) -> None:
        converse(browser, Choices(data.draw))

    run()


@pytest.mark.long
def test_all_sides_agree_after_thousands_of_exchanges(browser: Browser) -> None:
    """Other exchanges in every run, unless FLOWLOOM_SEED is set."""
    for seed in range(FIRST, FIRST + MANY):
        try:
            converse(browser, Seeded(seed))
        except Exception as error:
            raise AssertionError(f"FLOWLOOM_SEED={seed}") from error
