# What every job's shell has before the rule's command (docs/decisions/0004 and 0015).

# A scheduler signals every process of a job: the shell and its log wait until the job has saved.
trap : TERM USR1
keep_log() { (trap '' INT TERM USR1; exec tee "$1"); }

# A job is told what to do by a text, which is its parameter, so that a change of it is seen. It is
# no declared output: of a job that failed Snakemake would delete it, and nobody could run it by hand.
write_job() { mkdir -p "${2%/*}"; printf '%s\n' "$1" > "$2"; }

# begin LOG: hold the job's lock to its end, and note beside the log when it began and how it ended.
begin() {
  local place="${1%.log}" stat fields mine
  read -r stat < "/proc/$$/stat"
  read -r -a fields <<< "${stat##*) }"
  printf -v mine '{"host": "%s", "process": %d, "ticks": %d, "user": "%s", "slurm_job": "%s", "since": "%s"}' \
    "$(uname -n)" "$$" "${fields[19]}" "$(id -un 2> /dev/null || id -u)" "${SLURM_JOB_ID:-}" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  mkdir -p "${place%/*}"
  until (set -o noclobber; : > "$place.lock") 2> /dev/null; do
    python -m xmod.release_lock "$place.lock"
  done
  printf '%s\n' "$mine" > "$place.lock"
  printf 'began %s\n' "$mine" >> "$place.tries"
  trap 'ended $? "'"$place"'"' EXIT
  mine="XMOD_JOB=$(readlink -f "$place.lock")"
  end_left_over "$mine" "$1"
  export "$mine"
}
ended() { printf 'ended {"code": %d, "at": "%s"}\n' "$1" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >> "$2.tries"; rm -f "$2.lock"; }

# end_left_over MARK LOG: of a try whose shell or torchrun alone was killed, the rest is still at work and
# would write the same files. All that a job runs has its mark.
end_left_over() {
  local left told=
  while left=$(grep -lszxF "$1" /proc/[0-9]*/environ | tr -dc '0-9\n'); [ -n "$left" ]; do
    if [ -z "$told" ]; then printf '%s: ended what a try that was killed had left: %s\n' "$2" "${left//$'\n'/ }" >&2; told=1; fi
    kill -KILL $left 2> /dev/null || true
    sleep 0.1
  done
}

# with_gpus NUMBER COMMAND...: run it on so many GPUs that no other job of this machine has.
with_gpus() {
  if [ "$1" = 0 ] || [ -n "${XMOD_GPUS_ARE_GIVEN:-}" ]; then "${@:2}"; else python -m xmod.take_gpus --number "$@"; fi
}

# in_engine ENGINE: go on in its environment (docs/fairseq.md); with conda that is the rule's.
in_engine() {
  if [ "$1" = fairseq ] && [ -z "${XMOD_USES_CONDA:-}" ]; then export PATH="${XMOD_FAIRSEQ:-$PYTHONPATH/.venv-fairseq}/bin:$PATH"; fi
}
