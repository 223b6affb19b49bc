"""What was delivered lately, so that a second delivery is not answered a second time. In memory only."""

from __future__ import annotations

from collections import OrderedDict

from botbuilder.schema import Activity

__all__ = ["Deliveries"]

_MOST = 10_000


class Deliveries:
    """Bounded. Changes are guarded by the records as well, over restarts and instances; this is for all the rest."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def is_repeated(self, activity: Activity) -> bool:
        """True if the same activity was asked about before; one without an id is always new."""
        if not activity.id:
            return False
        key = (str(activity.conversation.id), str(activity.id))
        if key in self._seen:
            return True
        self._seen[key] = None
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return False
