"""The page that draws a dashboard, put together from src/ and Grafana's packages."""

import json
import pathlib
import shutil
import subprocess

from lab import TOP, Failure

SOURCE = TOP / "tests/preview"
NODE = TOP / ".tools/preview"


def bundle() -> pathlib.Path:
    """Made anew only when what it is made from changed."""
    made = NODE / "made"
    files = (path for ending in ("json", "html", "ts", "tsx") for path in sorted(SOURCE.rglob(f"*.{ending}")))
    state = {str(path.relative_to(SOURCE)): path.read_text("utf-8") for path in files}
    done = NODE / "done"
    if done.exists() and json.loads(done.read_text()) == state:
        return made
    NODE.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)

    def run(*command: str) -> None:
        done = subprocess.run(command, cwd=NODE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise Failure(f"{command[0]} failed:\n{done.stdout[-3000:]}")

    shutil.rmtree(NODE / "src", ignore_errors=True)
    for name, text in state.items():
        (NODE / name).parent.mkdir(exist_ok=True)
        (NODE / name).write_text(text)
    installed, wanted = NODE / "installed", state["package.json"] + state["package-lock.json"]
    if not installed.exists() or installed.read_text() != wanted:
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        installed.write_text(wanted)
    run("node_modules/.bin/tsc", "--project", ".")
    run(
        "node_modules/.bin/esbuild", "src/main.tsx", "--bundle", "--format=iife", f"--outfile={made}/preview.js",
        "--jsx=automatic", '--define:process.env.NODE_ENV="production"', "--loader:.ttf=empty", "--log-level=error",
    )
    shutil.copy(SOURCE / "index.html", made)
    packages = NODE / "node_modules"
    shutil.rmtree(made / "public", ignore_errors=True)
    shutil.copytree(packages / "@grafana/ui/dist/public/img", made / "public/build/img")
    fonts = made / "public/fonts/inter"
    fonts.mkdir(parents=True)
    for name, weight in {"Regular": 400, "Medium": 500}.items():
        shutil.copy(packages / f"@fontsource/inter/files/inter-latin-{weight}-normal.woff2", fonts / f"Inter-{name}.woff2")
    done.write_text(json.dumps(state))
    return made
