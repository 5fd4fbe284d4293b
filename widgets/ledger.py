"""What has passed between Python and each view: which of its requests were dealt with, and what was answered."""

from __future__ import annotations

from collections import deque
from typing import Literal

from flowloom.widgets.wire.graph import Answer

MOST_CLIENTS = 64  # each load of the page is a client of its own; the one that was silent the longest is forgotten
MOST_ANSWERS = 16

Turn = Literal["next", "again", "early"]


class Account:
    """One view: all of its requests up to `handled` have been dealt with."""

    def __init__(self, handled: int) -> None:
        self.handled = handled
        self.answers: deque[Answer] = deque(maxlen=MOST_ANSWERS)


class Ledger:
    """The accounts of all views. Each request is dealt with once, and in the order of its numbers."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def account(self, client: str, handled: int = 0) -> Account:
        """The account of a view; one that is not known has heard of all up to `handled`."""
        found = self._accounts.pop(client, None) or Account(handled)
        self._accounts[client] = found  # as the last that was heard of
        if len(self._accounts) > MOST_CLIENTS:
            del self._accounts[next(iter(self._accounts))]
        return found

    def take(self, client: str, sequence: int) -> Turn:
        """Whether it is this request's turn, which then counts as dealt with; or it came again, or too early."""
        account = self.account(client)
        if sequence != account.handled + 1:
            return "again" if sequence <= account.handled else "early"
        account.handled = sequence
        return "next"
