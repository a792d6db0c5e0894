"""PNG files written from the specification alone, for what Pillow does not write."""

import struct
import zlib

import numpy as np

RANDOM = np.random.default_rng(0)
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


def draw(height, width, channels, bits):
    """Returns waves and noise with the whole range of values."""
    y, x, band = np.mgrid[:height, :width, :channels]
    waves = 0.5 + 0.45 * np.sin(x / 5 + band) * np.cos(y / 7)
    values = waves + RANDOM.normal(0, 0.1, waves.shape)
    return np.rint(np.clip(values, 0, 1) * (2**bits - 1)).astype(np.int64)


def png(samples, bits, colour_type, palette=None, extra=()):
    """Returns the bytes of a PNG file.

    Args:
        samples: (height, width, channels) whole numbers below 2^bits.
        bits: Bits of a sample: 1, 2, 4, 8 or 16.
        colour_type: One of those above.
        palette: (colours, 3) uint8, for PALETTE.
        extra: Further chunks before the pixels, (name, data).
    """
    height, width, _ = samples.shape
    if bits == 16:
        rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    elif bits == 8:
        rows = samples.astype(np.uint8).reshape(height, -1)
    else:
        places = np.arange(bits)[::-1]
        binary = (samples.reshape(height, -1, 1) >> places & 1).reshape(height, -1)
        rows = np.packbits(binary.astype(np.uint8), axis=1)
    unfiltered = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra]
    if palette is not None:
        chunks.append((b"PLTE", palette.tobytes()))
    chunks += [(b"IDAT", zlib.compress(unfiltered)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def png_kinds(height, width):
    """Yields name, file, colours and bits of PNG files of every kind."""
    for bits in (1, 2, 4, 8, 16):
        samples = draw(height, width, 1, bits)
        stretched = samples * (255 // (2**bits - 1)) if bits < 8 else samples
        colours = np.repeat(stretched, 3, axis=-1)
        yield f"grey {bits}", png(samples, bits, GREY), colours, max(bits, 8)
    for bits in (1, 2, 4, 8):
        indices = draw(height, width, 1, bits)
        palette = RANDOM.integers(0, 256, (2**bits, 3), np.uint8)
        transparent = [(b"PLTE", palette.tobytes()), (b"tRNS", bytes([0]))]
        colours = palette[indices[..., 0]]
        yield f"palette {bits}", png(indices, bits, PALETTE, palette), colours, 8
        yield f"veiled palette {bits}", png(indices, bits, PALETTE, extra=transparent), colours, 8
    for bits in (8, 16):
        for name, colour_type, channels in (
            ("colour", RGB, 3),
            ("grey, alpha", GREY_ALPHA, 2),
            ("colour, alpha", RGBA, 4),
        ):
            samples = draw(height, width, channels, bits)
            colours = samples[..., :3] if channels > 2 else np.repeat(samples[..., :1], 3, -1)
            yield f"{name} {bits}", png(samples, bits, colour_type), colours, bits


def _chunk(name, data):
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
