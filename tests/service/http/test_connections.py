"""Silent connections give way to new ones; requests are never dropped for them."""

from dataclasses import dataclass, field

import pytest

from service.http.connections import ConnectionTable, address_group


@dataclass(eq=False)
class FakeConnection:
    address: str = "192.0.2.1"
    has_given_way: bool = field(default=False, init=False)

    def give_way(self) -> None:
        self.has_given_way = True


def fill(table: ConnectionTable, number: int, address: str = "192.0.2.1") -> list[FakeConnection]:
    connections = [FakeConnection(address) for _ in range(number)]
    assert all(table.admit(one) for one in connections)
    return connections


def evicted(connections: list[FakeConnection]) -> list[int]:
    return [index for index, one in enumerate(connections) if one.has_given_way]


def test_a_newcomer_gets_the_place_of_the_connection_silent_for_longest() -> None:
    table = ConnectionTable(16, 16)
    old = fill(table, 16)
    table.note_activity(old[0])

    fill(table, 1)

    assert evicted(old) == [1]
    assert table.open == 16


def test_an_address_over_its_limit_displaces_only_its_own() -> None:
    table = ConnectionTable(64, 16)
    others = fill(table, 10, "192.0.2.2")
    own = fill(table, 20)

    assert evicted(others) == []
    assert evicted(own) == [0, 1, 2, 3]


def test_requests_keep_their_places() -> None:
    table = ConnectionTable(16, 16)
    old = fill(table, 16)
    for one in old[:15]:
        assert table.begin_request(one)

    fill(table, 5)

    assert evicted(old) == [15]


def test_one_place_is_kept_for_telling_newcomers_that_there_is_none() -> None:
    table = ConnectionTable(16, 16)
    old = fill(table, 16)

    admitted = [table.begin_request(one) for one in old]

    assert admitted == [True] * 15 + [False]


def test_an_addresss_requests_leave_places_to_others() -> None:
    table = ConnectionTable(64, 16)
    own, others = fill(table, 16), fill(table, 1, "192.0.2.2")

    assert sum(table.begin_request(one) for one in own) == 15
    assert table.begin_request(others[0])


def test_an_ended_request_gives_its_place_back() -> None:
    table = ConnectionTable(16, 16)
    old = fill(table, 16)
    for one in old[:15]:
        table.begin_request(one)

    table.end_request(old[3])

    assert table.begin_request(old[15])
    assert table.with_request == 15


def test_a_second_request_before_the_first_answer_takes_no_second_place() -> None:
    table = ConnectionTable(16, 16)
    (one,) = fill(table, 1)

    assert table.begin_request(one)
    assert table.begin_request(one)
    assert table.with_request == 1


def test_nothing_is_left_of_closed_connections() -> None:
    table = ConnectionTable(16, 16)
    connections = fill(table, 9)
    table.begin_request(connections[0])

    for one in connections:
        table.remove(one)
        table.remove(one)

    assert (table.open, table.with_request) == (0, 0)
    assert table._by_address == {}


def test_no_place_is_given_while_requests_have_all_that_are_left() -> None:
    table = ConnectionTable(16, 16)
    for one in fill(table, 10):
        table.begin_request(one)
    table.limit = 5  # file descriptors come to an end

    assert not table.admit(FakeConnection())
    assert not table.admit(FakeConnection("192.0.2.2"))


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "", True),
    ],
)
def test_one_client_of_ipv6_has_a_whole_64(one: str, other: str, is_same: bool) -> None:
    assert (address_group(one) == address_group(other)) is is_same
