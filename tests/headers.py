"""Files as machines leave them: headers that are wrong, written by hand around sound that is there."""

import struct

import numpy as np

RATE, COUNT = 8000, 4000
SAMPLES = (np.random.default_rng(0).uniform(-0.5, 0.5, COUNT) * 2**15).astype("<i2")
SOUND = SAMPLES.tobytes()
BIG = SAMPLES.astype(">i2").tobytes()
W64_RIFF = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
W64_REST = bytes.fromhex("f3acd3118cd100c04f8edb8a")


def chunk(name, content, size=None, padded=True, order="<"):
    size = len(content) if size is None else size
    return name + struct.pack(order + "I", size) + content + b"\0" * (len(content) % 2 * padded)


def form(tag=1, channels=1, rate=RATE, bits=16, block=None):
    block = channels * bits // 8 if block is None else block
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, block * rate & 0xFFFFFFFF, block, bits))


def riff(*parts, magic=b"RIFF", size=None):
    body = b"WAVE" + b"".join(parts)
    return magic + struct.pack("<I", len(body) if size is None else size) + body


def sixty_four(total, sound, frames):
    return chunk(b"ds64", struct.pack("<QQQI", total, sound, frames, 0))


def rf64(ds64, *parts, magic=b"RF64"):
    return riff(ds64, *parts, magic=magic, size=0xFFFFFFFF)


def w64(*parts, size=None):
    body = b"wave" + W64_REST + b"".join(parts)
    return W64_RIFF + struct.pack("<Q", 24 + len(body) if size is None else size) + body


def wide(name, content, size=None):
    size = 24 + len(content) if size is None else size
    return name + W64_REST + struct.pack("<Q", size) + content + b"\0" * (-len(content) % 8)


W64_FORM = wide(b"fmt ", form()[8:])


WHOLE = 8 + len(SOUND)


def aiff(frames=COUNT, sound=WHOLE, size=None, rate=RATE, kind=b"AIFF", parts=b""):
    exponent = rate.bit_length() - 1
    common = struct.pack(">hIhHQ", 1, frames, 16, 16383 + exponent, rate << (63 - exponent))
    common += b"NONE\0\0" if kind == b"AIFC" else b""
    body = kind + chunk(b"COMM", common, order=">") + chunk(b"SSND", bytes(8) + BIG, sound, order=">") + parts
    return b"FORM" + struct.pack(">I", len(body) if size is None else size) + body


def flac_of(content, samples):
    """Change the number of samples in the header of FLAC, and forget its checksum, as an encoder leaves them open."""
    changed = bytearray(content)
    changed[21] = changed[21] & 0xF0 | samples >> 32
    changed[22:26] = struct.pack(">I", samples & 0xFFFFFFFF)
    changed[26:42] = bytes(16)
    return bytes(changed)
