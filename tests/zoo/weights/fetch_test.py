"""Weights that do not come with the package, from a folder and from a server on loopback."""

import contextlib
import dataclasses
import hashlib
import http.server
import os
import pathlib
import socket
import tempfile
import threading
from unittest import mock

import tensorflow as tf

from zoo.weights import fetch, named_weights

_CONTENT = bytes(range(256)) * 4096
_VARIABLE = named_weights.SOURCE_VARIABLE


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves one file, whole or a part of it."""

    def do_GET(self):
        self.server.requests.append(self.path)
        content = self.server.content
        self.send_response(200 if self.path == "/mirror/vae/large.keras" else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: self.server.sent])

    def log_message(self, *arguments):
        pass


class FetchTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        cache = {"XDG_CACHE_HOME": str(self.folder / "cache"), _VARIABLE: ""}
        self.enter_context(mock.patch.dict(os.environ, cache))
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            os.environ.pop(name, None)
        packaged = named_weights.describe("vae/sdss_simulated")
        self.manifest = dataclasses.replace(
            packaged,
            name="vae/large",
            path=self.folder / "manifests" / "vae" / "large.json",
            file=dataclasses.replace(
                packaged.file, size=len(_CONTENT), sha256=hashlib.sha256(_CONTENT).hexdigest()
            ),
        )

    @contextlib.contextmanager
    def served(self, content=_CONTENT, sent=None):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        server.content, server.sent, server.requests = content, sent, []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/mirror/"
            with mock.patch.dict(os.environ, {_VARIABLE: url}):
                yield server
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def cached(self):
        return [path for path in (self.folder / "cache").rglob("*") if path.is_file()]

    def test_fetched_once(self):
        with self.served() as server:
            path = fetch.fetch(self.manifest)
            self.assertEqual(path.read_bytes(), _CONTENT)
            self.assertEqual(fetch.fetch(self.manifest), path)
            self.assertEqual(server.requests, ["/mirror/vae/large.keras"])
            # A file of the cache that is spoilt is fetched again.
            path.write_bytes(b"spoilt")
            self.assertEqual(fetch.fetch(self.manifest).read_bytes(), _CONTENT)
            self.assertLen(server.requests, 2)
        # From the cache, without a server.
        with mock.patch.dict(os.environ, {_VARIABLE: "http://127.0.0.1:9/mirror"}):
            self.assertEqual(fetch.fetch(self.manifest), path)

    def test_wrong_checksum_leaves_nothing(self):
        other = _CONTENT[:-1] + b"x"
        with self.served(other), self.assertRaisesRegex(ValueError, "must have the SHA-256"):
            fetch.fetch(self.manifest)
        self.assertEmpty(self.cached())

    def test_half_a_file_leaves_nothing(self):
        with self.served(sent=len(_CONTENT) // 2), self.assertRaisesRegex(OSError, "vae/large"):
            fetch.fetch(self.manifest)
        self.assertEmpty(self.cached())

    def test_no_such_file_on_the_mirror(self):
        manifest = dataclasses.replace(self.manifest, name="vae/larger")
        with self.served(), self.assertRaisesRegex(OSError, "404"):
            fetch.fetch(manifest)

    def test_no_network(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with (
            mock.patch.dict(os.environ, {_VARIABLE: url}),
            self.assertRaisesRegex(OSError, "weights 'vae/large' cannot be fetched") as raised,
        ):
            fetch.fetch(self.manifest)
        self.assertNotIn("\n", str(raised.exception))
        self.assertEmpty(self.cached())

    def test_variable_is_named(self):
        with self.assertRaisesRegex(ValueError, f"set the environment variable {_VARIABLE}"):
            fetch.fetch(self.manifest)
        with (
            mock.patch.dict(os.environ, {_VARIABLE: "ftp://host"}),
            self.assertRaisesRegex(ValueError, "an http or https URL; got ftp://host"),
        ):
            fetch.fetch(self.manifest)

    def test_folder(self):
        path = self.folder / "mirror" / "vae" / "large.keras"
        with mock.patch.dict(os.environ, {_VARIABLE: str(self.folder / "mirror")}):
            with self.assertRaisesRegex(ValueError, f"{path} is not there"):
                fetch.fetch(self.manifest)
            path.parent.mkdir(parents=True)
            path.write_bytes(_CONTENT)
            self.assertEqual(fetch.fetch(self.manifest), path)
            path.write_bytes(_CONTENT[:-1])
            with self.assertRaisesRegex(ValueError, f"must have {len(_CONTENT)} bytes"):
                fetch.fetch(self.manifest)
            path.write_bytes(_CONTENT[:-1] + b"x")
            with self.assertRaisesRegex(ValueError, "must have the SHA-256"):
                fetch.fetch(self.manifest)

    def test_file_beside_the_manifest_is_checked(self):
        path = self.manifest.path.with_suffix(".keras")
        path.parent.mkdir(parents=True)
        path.write_bytes(_CONTENT)
        self.assertEqual(fetch.fetch(self.manifest), path)
        path.write_bytes(bytes(len(_CONTENT)))
        with self.assertRaisesRegex(ValueError, "must have the SHA-256"):
            fetch.fetch(self.manifest)


if __name__ == "__main__":
    tf.test.main()
