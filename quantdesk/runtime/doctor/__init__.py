"""What works on this machine and on the venues' connections, step by step, in words.

From the machine outwards: kernel, settings, folder; then of each venue its name, port, certificate,
REST interface and clock; then, through the very desk that a screen uses, its socket, lists,
quotes, an order book, streams and allowance; then each account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from quantdesk.errors import QuantDeskError
from quantdesk.runtime.accounts import AccountChoice
from quantdesk.runtime.doctor.machine import config_step, folder_step, kernel_step
from quantdesk.runtime.doctor.network import network_steps
from quantdesk.runtime.doctor.step import Step
from quantdesk.runtime.doctor.venue import account_steps, connection_steps, venue_steps
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.sources import live_desk
from quantdesk.runtime.venues import VenueChoice, underlyings_at

__all__ = ["Step", "examine"]


async def examine(
    choices: Sequence[VenueChoice],
    underlyings: Sequence[str],
    settings: Settings,
    accounts: Sequence[AccountChoice] = (),
) -> AsyncIterator[Step]:
    """Look at the machine, then at the venues; what can not work any more is not looked at."""
    yield kernel_step()
    yield config_step()
    yield folder_step()
    reachable = []
    for choice in choices:
        is_reachable = True
        async for step in network_steps(choice):
            is_reachable &= step.is_ok or not step.is_vital
            yield step
        if is_reachable:
            reachable.append(choice)
    if not reachable:
        return
    wanted = [each for each in accounts if each.venue.venue in {r.venue for r in reachable}]
    try:
        async with live_desk(reachable, underlyings, settings=settings, accounts=wanted) as live:
            for choice in reachable:
                is_live = True
                async for step in connection_steps(live, choice):
                    is_live &= step.is_ok
                    yield step
                if not is_live:
                    continue
                coins = underlyings_at(choice, underlyings)
                async for step in venue_steps(live, choice, coins):
                    yield step
            async for step in account_steps(live):
                yield step
    except QuantDeskError as error:
        yield Step(
            name="desk",
            is_ok=False,
            found=str(error),
            advice="mend what the sentence names, then try again",
        )
