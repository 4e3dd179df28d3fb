#!/usr/bin/env bash
# Writes the locks anew, all from one resolution: the widest first, the others held to its versions.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header "$@"; }
compile pyproject.toml --extra local --extra fit --extra demo --extra bench --extra dev -o requirements/bench.txt
compile pyproject.toml --extra local --extra fit --extra demo --extra dev -c requirements/bench.txt -o requirements/dev.txt
compile pyproject.toml --extra local --extra fit --extra demo -c requirements/bench.txt -o requirements/demo.txt requirements/build.in
compile pyproject.toml -c requirements/bench.txt -o requirements/base.txt requirements/build.in
compile requirements/peers.in -o requirements/peers.txt
