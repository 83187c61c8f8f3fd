"""The last copy of the month's usage: one key in Redis, written at shutdown and once a thousandth of a plan is used."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from cloud_api.delivery import Delivery
from cloud_api.usage import Kept, Usage
from shared.logs import get_logger

log = get_logger(__name__)

_NAME = "usage"
#: What a copy is worth, as a share of a plan: so much is lost at most when the process is killed.
_WORTH = 0.001
_PAGE = TypeAdapter(Kept)


class Tally:
    """A restart goes on counting where the process before it stopped."""

    def __init__(self, usage: Usage, delivery: Delivery) -> None:
        self._usage = usage
        self._delivery = delivery
        self._kept: dict[str, float] = {}

    def keep(self, *, last: bool = False) -> None:
        """Write usage down if that is worth a command, or it is the ``last`` time."""
        shares: dict[str, float] = {meter.meter: meter.share for meter in self._usage.view().meters}
        # A share that fell is a new month's.
        if last or any(abs(share - self._kept.get(meter, 0.0)) >= _WORTH for meter, share in shares.items()):
            self._delivery.keep_note(_NAME, _PAGE.dump_json(self._usage.keep()).decode())
            self._kept = shares

    def recall(self) -> None:
        """Read back what the process before knew."""
        text = self._delivery.read_note(_NAME)
        if text is None:
            return
        try:
            self._usage.recall(_PAGE.validate_json(text))
        except ValidationError as error:
            # Another version's copy, or somebody else's: the ledger knows the totals, too.
            log.warning("usage_copy_dropped", problems=error.error_count())
