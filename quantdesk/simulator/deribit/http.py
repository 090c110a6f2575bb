"""Who asks over HTTP: the Authorization header of a request."""

from __future__ import annotations

from aiohttp import web

from quantdesk.simulator.deribit.accounts import KEY_SCOPE
from quantdesk.simulator.deribit.dispatch import Origin
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.tokens import ACCESS_LIFE_S, NS_PER_S, Grant


def header_origin(request: web.Request, body: str, face: DeribitFace) -> Origin:
    """The origin of a request: by `Bearer`, `Basic` or `deri-hmac-sha256` header, or nobody's."""
    address = request.remote or ""
    header = request.headers.get("Authorization", "")
    if not header:
        return Origin(address=address)
    machine_ns = face.venue.clock.now_ns()
    kind, _, token = header.strip().partition(" ")
    if kind.lower() == "bearer":
        grant = face.tokens.find(token.strip(), connection="", machine_ns=machine_ns)
        return Origin(grant=grant, address=address, has_bad_header=grant is None)
    account = face.authenticator.by_header(
        header, method=request.method, uri=request.raw_path, body=body, clocks=face.clocks()
    )
    if account is None:
        return Origin(address=address, has_bad_header=True)
    grant = Grant(
        account=account,
        rights=KEY_SCOPE,
        connection="",
        session="",
        expires_ns=machine_ns + ACCESS_LIFE_S * NS_PER_S,
        life_s=ACCESS_LIFE_S,
    )
    return Origin(grant=grant, address=address)
