#!/usr/bin/env bash
# Needs a C++ compiler for fairseq's four extensions; about a minute.
set -euo pipefail
python -m pip install --quiet --no-deps fairseq==0.12.2
