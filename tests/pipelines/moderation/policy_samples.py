"""A valid policy for tests, and its file."""

from pathlib import Path

VALID = """
name: house
version: 3
rules:
  nudity: {signal: nsfw, category: sexual, review: 0.3, block: 0.8, severity: 4}
  weapon: {signal: objects.weapon, category: weapon, review: 0.5}
tenants:
  school:
    on_error: block
    rules:
      nudity: {review: 0.1, block: 0.5}
      weapon: null
      swimwear: {signal: objects.swimwear, category: swimwear, review: 0.6}
"""


def write_policy(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text)
    return path
