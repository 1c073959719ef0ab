#!/usr/bin/env bash
# Install Debian's Slurm, and the database of its accounting, for `make test-slurm`.
# Starts nothing and changes no configuration: the tests start daemons of their own.
set -euo pipefail
# A program of each package, and the package.
declare -A packages=(
  [munged]=munge [slurmctld]=slurmctld [slurmd]=slurmd [sbatch]=slurm-client [slurmdbd]=slurmdbd
  [mariadbd]=mariadb-server-core [mariadb]=mariadb-client-core
)
missing=()
for program in "${!packages[@]}"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$program" > /dev/null || missing+=("${packages[$program]}")
done
if [ ${#missing[@]} = 0 ]; then exit 0; fi
skip() { echo "make test-slurm: SKIPPED. $1"; exit 3; }
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  skip "It needs ${missing[*]}, which only root can install and start, where there is apt-get."
fi
# Debian asks this file whether a new daemon may start; none may. One that is there stays.
policy=/usr/sbin/policy-rc.d mark="# of xmod's make test-slurm"
if [ ! -e "$policy" ] || grep -qxF "$mark" "$policy"; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" > "$policy"
  chmod +x "$policy"
fi
echo "make test-slurm: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp --tmpdir slurm-install.XXXXXX.log)
{
  # What was interrupted is ended first: without it nothing can be installed.
  dpkg --configure -a && apt-get update \
    && apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "${missing[@]}"
} > "$log" 2>&1 || skip "${missing[*]} could not be installed; see $log"
rm "$log"
