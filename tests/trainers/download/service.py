"""A cutout service on this machine that fails in the ways of real ones."""

import contextlib
import io
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import numpy as np
from astropy.io import fits
from PIL import Image


class Service:
    """Answers with an image whose pixels follow from the position.

    Args:
        faults: By declination, rounded to a degree, the names of what goes wrong at the first,
            second, ... request: a status such as "503", "short" for a body that ends early,
            "truncated" for a FITS file that does, "empty", "page", "size", "slow", "nan", "zero".
    """

    def __init__(self, faults=None):
        self.faults = faults or {}
        self.requests = Counter()
        self.queries = []
        self.times = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                service.answer(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/cutout"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler):
        query = {name: values[0] for name, values in parse_qs(urlparse(handler.path).query).items()}
        place = round(float(query["dec"]))
        faults = self.faults.get(place, ())
        fault = faults[self.requests[place]] if self.requests[place] < len(faults) else ""
        self.requests[place] += 1
        self.queries.append(query)
        self.times.append(time.monotonic())
        if fault.isdigit():
            handler.send_response(int(fault))
            if fault == "429":
                handler.send_header("Retry-After", "3")
            handler.end_headers()
            return
        if fault == "slow":
            time.sleep(1.0)
        body = b"" if fault == "empty" else self.body(query, fault)
        length = len(body) + (100 if fault == "short" else 0)
        handler.send_response(200)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        with contextlib.suppress(BrokenPipeError):  # Who asked has lost patience.
            handler.wfile.write(body)

    def body(self, query, fault):
        if fault == "page":
            return b"<html>Service temporarily unavailable</html>"
        size = int(query.get("size", query.get("width", 0))) + (fault == "size")
        if "scale" in query:  # A picture.
            memory = io.BytesIO()
            pixels = picture(float(query["ra"]), size)
            Image.fromarray(pixels).save(memory, format="JPEG", quality=100)
            return memory.getvalue()
        bands = query.get("bands", query.get("hips", "")[-1:])
        cube = np.stack([image(float(query["ra"]), float(query["dec"]), size, b) for b in bands])
        cube = {"nan": np.full_like(cube, np.nan), "zero": np.zeros_like(cube)}.get(fault, cube)
        memory = io.BytesIO()
        header = fits.Header({"SURVEY": "test", "CRVAL1": float(query["ra"])})
        fits.PrimaryHDU(cube[0] if len(cube) == 1 else cube, header).writeto(memory)
        content = memory.getvalue()
        return content[: len(content) // 2] if fault == "truncated" else content


def image(ra, dec, size, band):
    """Returns the pixels of a band around a position."""
    seed = [round(ra * 1e4), round((dec + 90) * 1e4), ord(band)]
    return np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32)


def picture(ra, size):
    """Returns a smooth picture, which JPEG hardly changes."""
    rows, columns = np.mgrid[:size, :size]
    light = 200 * np.exp(-((rows - size / 2) ** 2 + (columns - size / 2) ** 2) / size)
    return np.repeat(light[..., None], 3, -1).astype(np.uint8)
