"""Downloads from a local server that misbehaves, and caches that are poisoned."""

from __future__ import annotations

import hashlib

from tests.hostile.case import Case, Expected, Lot
from tests.hostile.server import CERTIFICATE, SECURE

SOUND = ("sound", "chunked", "no-length", "to-sound", "slow", "header-long", "headers-many")
BROKEN = (
    "chunked-broken", "chunked-at-once", "chunked-nonsense", "broken", "longer", "length-word", "length-negative",
    "length-float", "length-huge", "length-digits", "length-twice", "empty", "wrong", "html", "missing", "denied",
    "failing", "odd-status", "no-status", "reset", "loop",
    "to-file", "to-ftp", "to-nonsense", "to-port", "gzip", "encoding-odd",
)  # fmt: skip
CACHE = "home/hub/checkpoints"


def _case(lot: Lot, address: str, **fields: object) -> Case:
    words = ["run", lot.copy("scene.png"), "demo:resnet", address, "--save-path", "out.png", "--save-raw", "out.npz"]
    return Case(words=words, **fields)


def _hash(lot: Lot) -> str:
    return hashlib.sha256(lot.sound("resnet.pth")).hexdigest()


def _names(lot: Lot, *urls: str) -> dict[str, bytes]:
    """Every name that the cache may give to a download, all of them sound."""
    sound = lot.sound("resnet.pth")
    names = [url.partition("?")[0].rpartition("/")[2] for url in urls]
    prefixed = [f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-{name}" for url, name in zip(urls, names, strict=True)]
    return dict.fromkeys([*names, *prefixed], sound)


def answers(lot: Lot) -> Case:
    """Each way of answering, with and without a hash in the name; only whole files may stay in the cache."""
    behaviour = lot.random.choice((*SOUND[:5], *BROKEN))
    name = lot.random.choice((f"net-{_hash(lot)[:8]}.pth", f"net-{_hash(lot)}.pth", "net.pth", "net-20260101.pth"))
    address = f"{lot.server}/{behaviour}/{lot.random.randrange(10**6)}/{name}"
    known = (
        _names(lot, address)
        if behaviour not in {"wrong", "html", "gzip", "longer", "length-twice"} or "-2026" not in name
        else None
    )
    # Without a length or a hash nobody can know that a page is no checkpoint: that it stays is no fault.
    unknowable = behaviour in {"wrong", "html"} and _hash(lot)[:8] not in name
    return _case(
        lot,
        address,
        expected="accepted"
        if behaviour in SOUND
        else "any"
        if behaviour in {"longer", "length-twice", "gzip"}
        else "refused",
        cached=None if unknowable else known,
    )


def poisoned(lot: Lot) -> Case:
    """A cache that holds an empty, cut or other file under the name of the right one."""
    name = f"net-{_hash(lot)[:8]}.pth"
    sound = lot.sound("resnet.pth")
    other = lot.random.choice((b"", sound[:1000], sound[:-1], b"<html>", lot.sound("old.pth")))
    lot.write(f"{CACHE}/{name}", other)
    behaviour = lot.random.choice(("sound", "missing", "wrong"))
    return _case(lot, f"{lot.server}/{behaviour}/1/{name}", cached={name: sound})


def addresses(lot: Lot) -> Case:
    """Addresses that are none, or of hosts that are none."""
    random = lot.random
    host = random.choice(
        (
            "[::1",
            "[",
            "exa mple",
            "127.0.0.1:99999",
            "127.0.0.1:0",
            "127.0.0.1:x",
            "127.0.0.1:-1",
            "a..b",
            ".",
            "-",
            "é.invalid",
            "\udcff",
            "x" * 300,
            "x" * 70000,
            "%00",
            "127.0.0.1:1",
            "no.such.host.invalid",
            "",
            "a@",
            "@",
            ":",
            "[::1]:1",
            "127.0.0.1:80:80",
            "\x1b[2J",
            "a\tb",
            "a\nb",
            "xn--\u00e9",
            "999.1.1.1",
        )
    )
    scheme = random.choice(("http", "http", "https", "HTTP", "ftp", "file", "data", "s3", "hf", "htt p", "javascript"))
    path = random.choice(
        (
            "/x.pth",
            "",
            "/",
            "/%00.pth",
            "/..",
            "/%2e%2e%2fx.pth",
            "/" + "x" * 300 + ".pth",
            "/a b.pth",
            "/é.pth",
            "/%ff.pth",
            "/\x1b[2J.pth",
            "/x.pth#y",
            "?x.pth",
            "/x-00000000.pth",
            "/a\nb.pth",
            "/%0a%1b.pth",
        )
    )
    return _case(lot, f"{scheme}://{host}{path}", expected="refused")


def secure(lot: Lot) -> Case:
    """An address of https, answered there or led to http, which must not be followed."""
    place = lot.base.parent / SECURE
    behaviour = lot.random.choice(("sound", "to-plain", "to-plain", "wrong", "broken"))
    server = place.read_text() if place.exists() else lot.server
    address = f"{server}/{behaviour}/1/net-{_hash(lot)[:8]}.pth"
    expected: Expected = "accepted" if behaviour == "sound" else "refused" if place.exists() else "any"
    trusted = {"SSL_CERT_FILE": str(place.with_name(f"{CERTIFICATE}.crt"))}
    return _case(lot, address, expected=expected, environment=trusted)


def odd_paths(lot: Lot) -> Case:
    """Names of files at a server that is there."""
    path = lot.random.choice(
        (
            "%00.pth",
            "..",
            "%2e%2e%2fx.pth",
            "%2fetc%2fx.pth",
            "x" * 300 + ".pth",
            "x" * 70000,
            "a b.pth",
            "é.pth",
            "%ff.pth",
            "%1b[2J%0aerror: FORGED.pth",
            "a\nb.pth",
            "a\r\nX: y.pth",
            "con.pth",
            ".pth",
            "%",
            "a%20b.pth",
            "net.pth;x",
            "net.pth?a=b",
            "net.pth#a",
            "net.json",
            "net.safetensors",
            "%F0%9F.pth",
        )
    )
    case = _case(lot, f"{lot.server}/{lot.random.choice(('sound', 'missing', 'broken'))}/1/{path}")
    case.streams = lot.random.choice(("pipe", "pty"))
    return case


def secrets(lot: Lot) -> Case:
    """Passwords and tokens in an address, which must not be printed or saved."""
    behaviour = lot.random.choice(("sound", "sound", "missing", "broken", "reset", "denied", "to-nonsense"))
    host = lot.server.removeprefix("http://")
    user = lot.random.choice(("", "user:PASSWORD-5@", "PASSWORD-5@"))
    query = lot.random.choice(("?token=TOKEN-7", "?X-Amz-Signature=TOKEN-7&a=b", "#TOKEN-7", ""))
    case = _case(lot, f"http://{user}{host}/{behaviour}/1/net.pth{query}", secrets=("PASSWORD-5", "TOKEN-7"))
    case.words += lot.random.choice(([], ["--json"]))
    if lot.random.random() < 0.3:
        case.words = [
            "compare",
            "scene.png",
            "demo:resnet",
            case.words[3],
            "--method",
            "EigenCAM",
            "--save-path",
            lot.random.choice(("out.html", "out.json", "out.svg")),
            "--save-raw",
            "out.npz",
        ]
    return case


def cache_folder(lot: Lot) -> Case:
    """A cache that cannot be written: a file, a pipe, closed, full of links."""
    random = lot.random
    home = lot.folder / "home"
    match random.randrange(4):
        case 0:
            (home / "hub").write_text("x")
        case 1:
            (home / "hub").symlink_to("hub")
        case 2:
            (home / "hub" / "checkpoints").mkdir(parents=True)
            (home / "hub" / "checkpoints").chmod(0o500)
        case 3:
            name = f"net-{_hash(lot)[:8]}.pth"
            (home / "hub" / "checkpoints" / name).mkdir(parents=True)
            return _case(lot, f"{lot.server}/sound/1/{name}", unprivileged=True)
    return _case(lot, f"{lot.server}/sound/1/net.pth", unprivileged=True)


SORTS = {
    "answers": answers,
    "poisoned": poisoned,
    "addresses": addresses,
    "odd-paths": odd_paths,
    "secrets": secrets,
    "secure": secure,
    "cache-folder": cache_folder,
}
