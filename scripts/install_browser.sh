#!/usr/bin/env bash
# Installs Chromium for the test of the demo, unless one is there; needs apt and root.
set -euo pipefail
for name in chromium chromium-browser google-chrome; do
  if command -v "$name"; then exit 0; fi
done
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium
command -v chromium
