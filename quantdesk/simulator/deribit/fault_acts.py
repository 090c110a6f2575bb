"""How each fault happens at the simulated Deribit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantdesk.simulator.faults import FATES, Fault, FaultKind

if TYPE_CHECKING:
    from quantdesk.simulator.deribit.server import DeribitServer


def apply_fault(server: DeribitServer, fault: Fault) -> None:
    """Let `fault` happen from now. Raises InvalidInput over a bound."""
    kind = fault.kind
    if kind in FATES:
        server.faults.messages.add(
            FATES[kind], fault.count, pattern=fault.channel, connection=fault.connection
        )
    elif kind is FaultKind.LOST_ACK:
        server.faults.lose_answers(fault.count, pattern=fault.request)
    elif kind is FaultKind.RATE_LIMIT:
        server.refuse_next(fault.count, pattern=fault.request)
    elif kind is FaultKind.DISCONNECT:
        server.drop_connections(fault.connection)
    elif kind is FaultKind.STALL:
        server.stall(True, fault.connection)
    elif kind is FaultKind.MAINTENANCE:
        server.set_maintenance(True)
    elif kind is FaultKind.TOKEN_EXPIRY:
        server.expire_tokens()
    elif kind is FaultKind.BAD_BYTES:
        payload = fault.payload.decode("utf-8", "surrogatepass") if fault.is_text else fault.payload
        server.inject(payload, fault.connection)
    else:
        assert kind is FaultKind.RESTART, f"{kind} is of another venue"
        server.restart()


def end_fault(server: DeribitServer, fault: Fault) -> None:
    """Let a stall or a maintenance be over."""
    if fault.kind is FaultKind.STALL:
        server.stall(False, fault.connection)
    else:
        assert fault.kind is FaultKind.MAINTENANCE, f"{fault.kind} has no end"
        server.set_maintenance(False)
