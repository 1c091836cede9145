"""Why a connection ended, as disconnect handlers are told."""

import engineio


class Reason(engineio.AsyncServer.reason):
    """python-engineio's reasons and those that it does not know."""

    #: The client sent something that is not a valid packet.
    PARSE_ERROR = "parse error"
    #: No CONNECT packet came in time.
    CONNECT_TIMEOUT = "connect timeout"
    #: More bytes than allowed waited for the client.
    SLOW_READER = "slow reader"
    #: The server goes away; the client is to come back by itself.
    DRAINING = "server draining"


#: Ends that neither side asked for: a client that returns may take its connection up again.
RECOVERABLE = frozenset(
    (Reason.TRANSPORT_CLOSE, Reason.TRANSPORT_ERROR, Reason.PING_TIMEOUT, Reason.SLOW_READER, Reason.DRAINING)
)
