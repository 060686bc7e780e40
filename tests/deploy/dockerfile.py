"""Parse the Dockerfile: stages of instructions; no heredocs, no escapes but at a line's end."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Instruction:
    """`RUN --mount=… pip install .`: name, flags, and the rest as `value`."""

    name: str
    flags: dict[str, list[str]]
    value: str

    @property
    def words(self) -> list[str]:
        """The arguments of the exec form; raises ValueError for the shell form."""
        return [str(word) for word in json.loads(self.value)]

    @property
    def pairs(self) -> dict[str, str]:
        """The variables of `ENV NAME=VALUE NAME=VALUE`."""
        return dict(word.split("=", 1) for word in self.value.split())


@dataclass(frozen=True)
class Stage:
    base: str
    instructions: tuple[Instruction, ...]

    def find_all(self, name: str) -> list[Instruction]:
        return [one for one in self.instructions if one.name == name]

    def find_last(self, name: str) -> Instruction:
        return self.find_all(name)[-1]


def load_stages(path: Path = ROOT / "Dockerfile") -> dict[str, Stage]:
    """By name, in order."""
    found: dict[str, Stage] = {}
    for instruction in _parse_instructions(path.read_text("utf-8")):
        if instruction.name == "FROM":
            base, _, name = instruction.value.partition(" AS ")
            found[name] = Stage(base, ())
        elif found:  # instructions before the first FROM are build arguments
            name, stage = found.popitem()
            found[name] = Stage(stage.base, (*stage.instructions, instruction))
    return found


def _parse_instructions(text: str) -> list[Instruction]:
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    return [_parse_instruction(line) for line in lines.splitlines() if line.strip()]


def _parse_instruction(line: str) -> Instruction:
    name, rest = line.split(maxsplit=1)
    flags: dict[str, list[str]] = {}
    while found := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
        flags.setdefault(found[1], []).append(found[2])
        rest = rest[found.end() :]
    return Instruction(name, flags, " ".join(rest.split()))
