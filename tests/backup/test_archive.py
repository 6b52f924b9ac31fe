"""The archive: a round trip keeps every byte and mode, and nothing hostile gets through its reader."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.backup.archive import MAX_ARCHIVE_BYTES, read_archive, write_archive
from secretsync.backup.tree import MAX_COUNT, MAX_FILE_BYTES, Kind, Node
from secretsync.core.errors import OutputError
from tests.backup.samples import AT, GOOD, archive_of, member, packed


def refusal(data: bytes) -> str:
    """Why an archive is refused."""
    with pytest.raises(OutputError) as caught:
        read_archive(data, "x.tar.gz")
    assert caught.value.exit_status == 6
    assert caught.value.__context__ is None
    (problem,) = caught.value.problems
    assert problem.file == "x.tar.gz"
    assert str(problem).isprintable()
    return problem.cause


def simple(nodes: Mapping[str, Node]) -> dict[str, tuple[Kind, int, bytes | None]]:
    """Return the fields of nodes that an archive keeps."""
    return {path: (node.kind, node.mode, node.data) for path, node in nodes.items()}


NAMES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1, max_size=60).filter(
    lambda name: name not in (".", "..") and name.isprintable()
)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Node]:
    """Both trees, with folders, names, modes and bytes of all kinds."""
    nodes = {}
    for tree in draw(st.sampled_from([("env",), ("env", "providers"), ("providers",), ()])):
        folders = [tree]
        for name in draw(st.lists(NAMES, max_size=3)):
            folders.append(f"{draw(st.sampled_from(folders))}/{name}")
        for path in folders:
            mode = 0o500 | draw(st.integers(0, 0o777)) | draw(st.sampled_from([0, 0o2000]))
            nodes[path] = Node(path=path, kind=Kind.FOLDER, mode=mode)
        for name in draw(st.lists(NAMES, max_size=4)):
            path = f"{draw(st.sampled_from(folders))}/{name}"
            if path not in nodes:
                mode = 0o400 | draw(st.integers(0, 0o777))
                nodes[path] = Node(path=path, kind=Kind.FILE, mode=mode, data=draw(st.binary(max_size=2000)))
    return nodes


@given(trees())
def test_round_trip(nodes: dict[str, Node]) -> None:
    """Paths, kinds, modes and bytes come out of an archive unchanged."""
    data = write_archive(nodes, project="/srv/é app", at=AT)
    archive = read_archive(data, "x.tar.gz")
    assert simple(archive.nodes) == simple(nodes)
    assert list(archive.nodes) == sorted(nodes)
    assert (archive.created, archive.project) == ("2026-11-26T19:38:50Z", "/srv/é app")
    # The same content and moment give the same bytes, whatever the order in which files were found.
    assert write_archive(dict(reversed(nodes.items())), project="/srv/é app", at=AT) == data


GOOD_BYTES = archive_of(GOOD)


def test_the_hand_made_archive_is_good() -> None:
    """The archive that the hostile ones are made from is accepted, so that each refusal has one cause."""
    assert set(read_archive(GOOD_BYTES, "x").nodes) == {"env", "env/production", "env/production/common.env"}


HOSTILE = {
    "absolute": ("outside env/", [member("/etc/cron.d/x", b"x")]),
    "absolute with a tree": ("outside env/", [member("/env/x", b"x")]),
    "up": ("outside env/", [member("../x", b"x")]),
    "up inside": ("lead elsewhere", [member("env/../../x", b"x")]),
    "up inside again": ("lead elsewhere", [member("env/production/../../.bashrc", b"x")]),
    "dot": ("lead elsewhere", [member("env/./x", b"x")]),
    "two slashes": ("lead elsewhere", [member("env//x", b"x")]),
    "elsewhere": ("outside env/", [member(".git", None), member(".git/hooks", b"x")]),
    "like a tree": ("outside env/", [member("environment", None)]),
    "the tree as a file": ("missing", [member("providers", b"x")]),
    "line feed": ("control characters", [member("env/a\nb", b"x")]),
    "escape": ("control characters", [member("env/\x1b[31m", b"x")]),
    "direction": ("control characters", [member("env/\u202egpj.env", b"x")]),
    "no UTF-8": ("attributes", [member("env/\udcff", b"x")]),
    "too deep": ("lead elsewhere", [member("env/" + "a/" * 40 + "x", b"x")]),
    "name too long": ("too long", [member("env/" + "a" * 256, b"x")]),
    "twice": ("twice", [GOOD[2]]),
    "no folder": ("missing", [member("env/staging/x.env", b"x")]),
    "below a file": ("missing", [member("env/production/common.env/x", b"x")]),
    "symbolic link": ("neither a file", [member("env/x", type=tarfile.SYMTYPE, linkname="/etc/passwd")]),
    "link inside": ("neither a file", [member("env/x", type=tarfile.SYMTYPE, linkname="production")]),
    "hard link": ("neither a file", [member("env/x", type=tarfile.LNKTYPE, linkname="env/production/common.env")]),
    "device": ("neither a file", [member("env/x", type=tarfile.CHRTYPE, devmajor=1, devminor=3)]),
    "block device": ("neither a file", [member("env/x", type=tarfile.BLKTYPE)]),
    "FIFO": ("neither a file", [member("env/x", type=tarfile.FIFOTYPE)]),
    "contiguous": ("neither a file", [member("env/x", type=tarfile.CONTTYPE)]),
    "unknown type": ("neither a file", [member("env/x", type=b"Z")]),
    "setuid": ("setuid", [member("env/x", b"x", mode=0o4755)]),
    "setgid": ("setuid", [member("env/x", b"x", mode=0o2755)]),
    "sticky folder": ("sticky", [member("env/x", None, mode=0o1777)]),
    "unreadable": ("keeps its own owner out", [member("env/x", b"x", mode=0o044)]),
    "closed folder": ("keeps its own owner out", [member("env/x", None, mode=0)]),
    "attributes": ("attributes", [member("env/x", b"x", pax_headers={"SCHILY.xattr.user.x": "1"})]),
    "sparse": ("attributes", [member("env/x", b"x", pax_headers={"GNU.sparse.name": "env/y"})]),
    "size in attributes": ("", [member("env/x", b"x", pax_headers={"size": "1000000"})]),
}


@pytest.mark.parametrize(("words", "more"), HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_members(words: str, more: list[Any]) -> None:
    """A hostile member is refused even if the manifest describes it correctly."""
    assert words in refusal(archive_of([*GOOD, *more]))


MANIFESTS: dict[str, tuple[str, Any]] = {
    "checksum": ("checksum", lambda manifest: manifest["entries"][2].update(sha256="0" * 64)),
    "size": ("checksum", lambda manifest: manifest["entries"][2].update(size=1)),
    "mode": ("mode", lambda manifest: manifest["entries"][2].update(mode="0600")),
    "kind": ("not what the manifest says", lambda manifest: manifest["entries"][1].update(kind="file")),
    "more": (
        "the archive does not have it",
        lambda manifest: manifest["entries"].append({"path": "env/x", "mode": "0644"}),
    ),
    "less": ("the manifest does not have it", lambda manifest: manifest["entries"].pop()),
    "twice": ("twice", lambda manifest: manifest["entries"].append(manifest["entries"][0])),
    "extra word": ("not what the manifest says", lambda manifest: manifest["entries"][0].update(uid=0)),
    "schema": ("another version", lambda manifest: manifest.update(schema=2)),
    "kind of file": ("not one of SecretSync", lambda manifest: manifest.update(kind="other")),
    "no project": ("damaged", lambda manifest: manifest.pop("project")),
    "entries": ("damaged", lambda manifest: manifest.update(entries={"path": "env"})),
    "entry": ("damaged", lambda manifest: manifest["entries"].append("env")),
}


@pytest.mark.parametrize(("words", "change"), MANIFESTS.values(), ids=list(MANIFESTS))
def test_manifests_that_do_not_fit(words: str, change: Any) -> None:
    """The manifest and the members must agree in everything."""
    assert words in refusal(archive_of(GOOD, change=change))


def test_what_is_no_archive_of_ours() -> None:
    """Other archives and other files are told apart from damaged ones where that can be."""
    assert "does not begin with a manifest" in refusal(packed(GOOD))
    assert "does not begin with a manifest" in refusal(archive_of(GOOD, first=[member("env", None)]))
    assert "does not begin with a manifest" in refusal(packed([member("manifest.json", None)]))
    assert "not one of SecretSync" in refusal(packed([member("manifest.json", b"[" * 100_000)]))
    assert "not one of SecretSync" in refusal(packed([member("manifest.json", b"\xff")]))
    assert "empty" in refusal(packed([]))
    assert "cut off" in refusal(b"")
    assert "damaged" in refusal(b"PK\x03\x04 a zip")
    assert "damaged" in refusal(gzip.compress(b"no tar" * 1000))


def test_every_cut_and_every_changed_byte() -> None:
    """Every truncation and every changed byte of an archive is found."""
    for end in range(len(GOOD_BYTES)):
        refusal(GOOD_BYTES[:end])
    changed = 0
    for index in range(len(GOOD_BYTES)):
        damaged = bytearray(GOOD_BYTES)
        damaged[index] ^= 0x55
        # gzip's head has bytes that say nothing of the content: time, operating system.
        if 4 <= index < 10:
            continue
        refusal(bytes(damaged))
        changed += 1
    assert changed > 300


@given(st.data())
def test_damage_inside_is_no_crash(data: st.DataObject) -> None:
    """Changed bytes behind a correct gzip checksum give the same content or a refusal."""
    tar = bytearray(gzip.decompress(GOOD_BYTES))
    for _ in range(data.draw(st.integers(1, 6))):
        tar[data.draw(st.integers(0, len(tar) - 1))] = data.draw(st.integers(0, 255))
    good = simple(read_archive(GOOD_BYTES, "x").nodes)
    try:
        read = read_archive(gzip.compress(bytes(tar)), "x")
    except OutputError:
        return
    assert simple(read.nodes) == good


@pytest.mark.slow
def test_bombs() -> None:
    """An archive that unpacks to too much is refused before all of it is unpacked."""
    bomb = gzip.compress(b"\0" * (MAX_ARCHIVE_BYTES + 1), compresslevel=1)
    assert len(bomb) < 1_000_000
    assert "unpacks to more" in refusal(bomb)
    assert "larger than a file" in refusal(archive_of([*GOOD, member("env/x", b"\0" * (MAX_FILE_BYTES + 1))]))
    many = [member(f"env/{number}", None) for number in range(MAX_COUNT)]
    assert "more members" in refusal(archive_of([*GOOD, *many]))
    five = [member(f"env/{number}", b"\0" * MAX_FILE_BYTES) for number in range(4)]
    assert "holds more" in refusal(archive_of([*GOOD, *five]))


def test_a_tower_of_headers() -> None:
    """Headers that describe headers, thousands deep, are refused like other damage."""
    stream = io.BytesIO()
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 0
    stream.write(header.tobuf(tarfile.USTAR_FORMAT) * 3000)
    refusal(gzip.compress(stream.getvalue() + b"\0" * 1024))


def test_what_stands_behind_the_end() -> None:
    """Data behind the end of gzip or of tar is refused."""
    assert "behind its end" in refusal(GOOD_BYTES + b"more")
    assert "behind its end" in refusal(GOOD_BYTES + GOOD_BYTES)
    tar = gzip.decompress(GOOD_BYTES)
    assert "behind its end" in refusal(gzip.compress(tar + b"more" * 128))
    assert "behind its end" in refusal(gzip.compress(tar.rstrip(b"\0") + b"\0" * 512))


def test_attributes_of_the_whole_archive() -> None:
    """Global headers may rename every member."""
    with_global = io.BytesIO()
    with tarfile.open(fileobj=with_global, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"path": "env/x"}) as tar:
        info, data = member("manifest.json", b"{}")
        tar.addfile(info, io.BytesIO(data))
    assert "attributes" in refusal(gzip.compress(with_global.getvalue()))
