"""Content hashes: the same input gives the same id, seed and shard name on any machine."""

import hashlib
import json
from typing import Any


def digest(*parts: str | bytes) -> str:
    """Hash parts into 32 hexadecimal digits; the boundaries between parts count."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little"))
        sha.update(data)
    return sha.hexdigest()[:32]


def image_id(data: bytes) -> str:
    """Name an image by the sha256 of its encoded bytes."""
    return hashlib.sha256(data).hexdigest()


def pair_id(image: str, caption: str) -> str:
    """Name one caption of one image."""
    return digest("pair", image, caption)


def text_negative_id(pair: str, operation: str, method: str, caption: str) -> str:
    """Name one wrong caption of one pair."""
    return digest("text_negative", pair, operation, method, caption)


def image_negative_id(text_negative: str, method: str, model: str, seed: int) -> str:
    """Name one picture of one wrong caption."""
    return digest("image_negative", text_negative, method, model, str(seed))


def row_seed(row: str, seed: int, *salt: str) -> int:
    """Derive a 63-bit seed from a row's id and the config's seed, never from position, time or worker."""
    return int(digest("seed", row, str(seed), *salt)[:16], 16) >> 1


def embedding_key(model: str, content: str) -> bytes:
    """Name one embedding (16 bytes): the model's fingerprint and a caption or an image id."""
    return bytes.fromhex(digest("embedding", model, content))


def answer_key(writer: str, *prompt: Any) -> bytes:
    """Name one answer (16 bytes): the writer's fingerprint and all that it was asked."""
    return bytes.fromhex(fingerprint("answer", writer, *prompt))


def fingerprint(*parts: Any) -> str:
    """Name a shard by everything that its content depends on: JSON values, in 32 hexadecimal digits."""
    return digest(json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
