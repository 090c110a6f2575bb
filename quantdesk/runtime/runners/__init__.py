"""Where large calculations run: here, or in a pool of processes. See `domain.ports.Runner`."""

from quantdesk.runtime.runners.inline import InlineRunner
from quantdesk.runtime.runners.process_pool import ProcessPoolRunner

__all__ = ["InlineRunner", "ProcessPoolRunner"]
