"""The steps of a Dockerfile, walked without an engine: COPY from what .dockerignore lets through, RUN by the
shell, each stage in a folder of its own. Steps that change the system (apt-get) are left out, and named.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Stage:
    """One stage: its folder stands for `/`."""

    folder: Path
    workdir: str = "/"
    environ: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    user: str = ""

    def inside(self, path: str) -> Path:
        """A path of the image, as it is here."""
        return self.folder / os.path.join(self.workdir, path).lstrip("/")

    def translate(self, text: str) -> str:
        """Words of a step with the image's own folders where they are here."""
        return re.sub(
            r"/opt/mobilize|/backups|/journal", lambda path: str(self.folder / path[0].lstrip("/")), text
        )


def steps(dockerfile: Path) -> list[tuple[str, str]]:
    """Instructions and their arguments, without comments and with lines joined."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(parts[0], parts[2]) for line in joined.splitlines() if (parts := line.partition(" "))[0]]


def sent_to_the_engine() -> list[Path]:
    """The files of this repository that .dockerignore lets through: it names what may."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    paths = [Path(line) for line in listed.splitlines()]
    return [path for path in paths if any(path.is_relative_to(one) for one in allowed)]


class Walk:
    """All steps, in order, in folders below `folder`. Packages come from `venv` instead of the registry where
    it is given. `image` is the last stage, `left_out` the steps that would change the system."""

    def __init__(self, folder: Path, *, venv: Path | None):
        self.folder, self.venv = folder, venv
        self.stages: dict[str, Stage] = {}
        self.image = Stage(folder)
        self.left_out: list[str] = []
        for instruction, argument in steps(ROOT / "Dockerfile"):
            name = "from_" if instruction == "FROM" else instruction.lower()
            getattr(self, name, lambda _argument: None)(argument)

    def from_(self, argument: str) -> None:
        name = argument.partition(" AS ")[2] or "image"
        self.image = self.stages[name] = Stage(self.folder / name)
        self.image.folder.mkdir()

    def workdir(self, argument: str) -> None:
        self.image.workdir = argument
        self.image.inside("").mkdir(parents=True, exist_ok=True)

    def env(self, argument: str) -> None:
        pairs = re.findall(r"(\w+)=(\S+)", argument)
        self.image.environ |= {name: self.image.translate(value) for name, value in pairs}

    def user(self, argument: str) -> None:
        self.image.user = argument

    def cmd(self, argument: str) -> None:
        self.image.command = json.loads(argument)

    def healthcheck(self, argument: str) -> None:
        self.image.health = json.loads(argument.partition(" CMD ")[2])

    def copy(self, argument: str) -> None:
        other = re.match(r"--from=(\w+) ", argument)
        *sources, target = argument[other.end() if other else 0 :].split()
        for source in sources:
            if other:
                place = self.image.inside(target)
                shutil.copytree(self.stages[other[1]].inside(source), place, symlinks=True)
            else:
                self._copy_from_here(source, self.image.inside(target))

    def run(self, argument: str) -> None:
        if "apt-get" in argument:
            self.left_out.append(argument)
        elif self.venv and "-m venv" in argument:
            self.image.inside(".venv").symlink_to(self.venv)
        elif not (self.venv and "pip install" in argument):
            command = ["sh", "-ec", self.image.translate(argument)]
            subprocess.run(command, cwd=self.image.inside(""), check=True, timeout=900)

    def _copy_from_here(self, source: str, target: Path) -> None:
        files = [path for path in sent_to_the_engine() if path.is_relative_to(source)]
        assert files, f"{source} is not there, or .dockerignore keeps it back"
        for path in files:
            place = target / (path.name if str(path) == source else path.relative_to(source))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, place)
