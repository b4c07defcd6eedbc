"""Run every benchmark: parse, dump, maps, compile. Options are handed on. Run: python benchmarks/run.py [--rounds N]"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

for script in ("parse.py", "dump.py", "maps.py", "compile.py"):
    print(f"== {script}", flush=True)
    subprocess.run([sys.executable, HERE / script, *sys.argv[1:]], check=True)
