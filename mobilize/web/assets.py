"""Scripts, styles and icons: their addresses, which hold the version of all of them, and how they are served.

The version is in the path (`/static/<version>/js/line.js`), so that what a module imports by a relative
address is of the same release, also where import maps are not known (iPhones before iOS 16.4).
"""

import hashlib
import re
from functools import cache
from pathlib import Path, PurePosixPath

from flask import Flask, Response, current_app, url_for
from markupsafe import Markup

from mobilize.web.http_compression import compressed

# `import ... from "./x.js"`, `import "./x.js"`, `export ... from "./x.js"`; types in comments are not loaded.
IMPORT = re.compile(r'^(?:import|export)\b[^"]*"(\.{1,2}/[\w./-]+\.js)";', re.MULTILINE)
_VERSION_LENGTH = 10


def init_app(app: Flask) -> None:
    """Serve the files of `static`, each also under the version of all; pages know `asset` and `module`."""
    app.static_folder = "static"
    app.jinja_env.globals.update(asset=asset_url, module=module_tags)

    @app.get(f"/static/<string(length={_VERSION_LENGTH}):version>/<path:filename>", endpoint="static")
    @app.get("/static/<path:filename>", endpoint="static")
    @compressed
    def static(filename: str, version: str = "") -> Response:
        """Cached for a year under its version. Under another, which a page of the release before may ask for,
        and under none, it is the file of today, and not cached."""
        response = app.send_static_file(filename)
        if version != _version(str(app.static_folder)):
            response.headers["Cache-Control"] = "no-cache"
        return response


def asset_url(path: str) -> str:
    """The address of a file in `static`."""
    return url_for("static", version=_version(str(current_app.static_folder)), filename=path)


def module_tags(path: str) -> Markup:
    """The tags that load a script and all it imports: the browser need not wait for each to name the next,
    and the service worker caches what a page names."""
    script = Markup('<script type="module" src="{}"></script>').format(asset_url(path))
    preload = Markup('<link rel="modulepreload" href="{}">\n')
    imported = modules_of(str(current_app.static_folder), path)[1:]
    return Markup("").join(preload.format(asset_url(one)) for one in imported) + script


@cache
def modules_of(folder: str, path: str) -> tuple[str, ...]:
    """A script and all it imports, directly or not, by their paths in `folder`; itself first."""
    modules = [path]
    for one in modules:
        source = Path(folder, one).read_text(encoding="utf-8")
        for imported in IMPORT.findall(source):
            resolved = _resolve(PurePosixPath(one).parent, imported)
            if resolved not in modules:
                modules.append(resolved)
    return tuple(modules)


def _resolve(folder: PurePosixPath, relative: str) -> str:
    parts = list(folder.parts)
    for part in relative.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


@cache
def _version(folder: str) -> str:
    """A digest of all files: a release that changes none of them keeps the addresses."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:_VERSION_LENGTH]
