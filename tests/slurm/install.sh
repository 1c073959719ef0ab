#!/usr/bin/env bash
# Install Debian's Slurm, and the database of its accounting, for `make test-slurm`.
# Starts nothing and changes no configuration: the tests start daemons of their own.
set -euo pipefail
programs=(munged slurmctld slurmd sbatch sacct slurmdbd mariadbd)
for program in "${programs[@]}"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$program" > /dev/null || missing=1
done
if [ -z "${missing:-}" ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  echo "make test-slurm: SKIPPED. It needs Slurm, which only root can install and start (apt-get)."
  exit 3
fi
packages=(slurmctld slurmd slurm-client munge slurmdbd mariadb-server)
# Its daemons of the system are not wanted.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"; } > /tmp/slurm-install.log 2>&1; then
  echo "make test-slurm: SKIPPED. ${packages[*]} could not be installed; see /tmp/slurm-install.log"
  exit 3
fi
