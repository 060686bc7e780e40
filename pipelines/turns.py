"""A queue with turns: callers come one after the other, and so do the documents of each of them."""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """Items of a document keep their order. Ten documents of one caller delay another caller by an item, as one does.

    Round-robin on two levels; a caller or document that comes, or comes again, is the last in its round.
    """

    def __init__(self) -> None:
        self._callers: OrderedDict[str, OrderedDict[object, deque[T]]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._callers)

    def put(self, caller: str, document: object, item: T) -> None:
        self._callers.setdefault(caller, OrderedDict()).setdefault(document, deque()).append(item)

    def take(self) -> T:
        """The item whose turn it is. Raises StopIteration where there is none."""
        caller, documents = next(iter(self._callers.items()))
        document, items = next(iter(documents.items()))
        item = items.popleft()
        if items:
            documents.move_to_end(document)
        else:
            del documents[document]
        if documents:
            self._callers.move_to_end(caller)
        else:
            del self._callers[caller]
        return item
