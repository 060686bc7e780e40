import gc

from service.heap import frozen_heap


class Node:
    itself: "Node"


def is_tracked(node: Node) -> bool:
    return any(one is node for one in gc.get_objects())


def test_what_is_alive_at_the_start_is_spared() -> None:
    node = Node()
    assert is_tracked(node)
    with frozen_heap():
        assert not is_tracked(node)
    assert is_tracked(node)


def test_garbage_of_before_is_collected_first() -> None:
    with frozen_heap():
        assert not any(isinstance(one, Node) for one in gc.get_objects())
    node = Node()
    node.itself = node
    del node
    with frozen_heap():
        pass
    assert not any(isinstance(one, Node) for one in gc.get_objects())


def test_garbage_of_later_is_still_collected() -> None:
    with frozen_heap():
        node = Node()
        node.itself = node
        del node
        assert gc.collect() >= 1
