import { quoteSh } from './quote.ts'
import type { ShellPlaces, ShellSystem } from './sh-script.ts'
import type { ScriptSettings } from './settings.ts'
import { leastRestic } from './settings.ts'

/**
 * The program that the schedule starts on Linux and macOS: one backup, one report. It holds no secret: restic and curl read them
 * from files that only root may read. Reports that could not be sent are kept and sent by the next run.
 */
export function runProgram(settings: ScriptSettings, places: ShellPlaces, system: ShellSystem): string {
  const { machine, certificate, onBattery, uploadLimit } = settings
  const limit = uploadLimit === undefined ? '' : ` --limit-upload ${uploadLimit}`
  const trust = certificate === undefined ? '' : '\nRESTIC_CACERT=$settings/server.pem; export RESTIC_CACERT'
  return String.raw`#!/bin/sh
# Backs this machine up with restic and reports the result. Made by Understudy; it is made anew, not changed by hand.
set -u
umask 077
PATH=${quoteSh(places.path)}; export PATH
settings=${quoteSh(places.settings)}
state=${quoteSh(places.state)}
restic=${system === 'macos' ? '"$0-restic"' : 'restic'}
RESTIC_REPOSITORY_FILE=$settings/repository; export RESTIC_REPOSITORY_FILE
RESTIC_PASSWORD_FILE=$settings/password; export RESTIC_PASSWORD_FILE
RESTIC_CACHE_DIR=$state/cache; export RESTIC_CACHE_DIR
RESTIC_PROGRESS_FPS=0.01; export RESTIC_PROGRESS_FPS${trust}

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

version() { "$restic" version 2>/dev/null | sed -n 's/^restic \([0-9][0-9.]*\).*/\1/p' | head -n 1; }

# $1 is not older than $2
is_enough() { printf '%s\n%s\n' "$2" "$1" | sort -c -t . -k 1,1n -k 2,2n -k 3,3n 2>/dev/null; }

# Lines become strings of JSON, the last twenty, cut
to_strings() {
  tail -n 20 "$1" | LC_ALL=C tr -d '\000-\010\013-\037\177' | LC_ALL=C cut -c 1-400 |
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' | awk '{ printf "%s\"%s\"", (NR > 1 ? "," : ""), $0 }'
}

report() {
  summary=$(grep '^{.*"message_type":"summary".*}$' "$work/out" | tail -n 1)
  [ -n "$summary" ] || summary=null
  text=null
  [ -z "$have" ] || text="\"$have\""
  file=$state/reports/$(date -u +%Y%m%dT%H%M%SZ)-$$.json
  {
    printf '{"format":1,"system":"%s","machine":%s,' ${quoteSh(system)} ${quoteSh(JSON.stringify(machine))}
    printf '"started":"%s","ended":"%s","exitCode":%d,"restic":%s,' "$started" "$(now)" "$1" "$text"
    printf '"summary":%s,"errors":[%s]}\n' "$summary" "$(to_strings "$work/err")"
  } >"$file.new" && mv "$file.new" "$file"
}

send_reports() {
  # As many as a month of days has, and some; the names begin with the time
  ls "$state/reports" | sort -r | tail -n +51 | while IFS= read -r old; do rm -f "$state/reports/$old"; done
  for file in "$state"/reports/*.json; do
    [ -f "$file" ] || continue
    if curl --config "$settings/report.curl" --data-binary "@$file" >/dev/null 2>>"$work/err"; then rm -f "$file"; else return 1; fi
  done
}

write_log() {
  log=$state/log/backup.log
  if [ -f "$log" ] && [ "$(wc -c <"$log")" -gt 1048576 ]; then
    for age in 3 2 1; do [ -f "$log.$age" ] && mv "$log.$age" "$log.$((age + 1))"; done
    mv "$log" "$log.1"
  fi
  { printf '== %s to %s, exit code %s\n' "$started" "$(now)" "$1"; grep -v '"message_type":"status"' "$work/out"; cat "$work/err"; } >>"$log"
}

if [ "$(printf '%s' "$*")" = --if-missed ] && [ -n "$(find "$state/last-start" -mmin -1440 2>/dev/null)" ]; then exit 0; fi
${onBattery || system === 'linux' ? '' : `if pmset -g batt 2>/dev/null | grep -q "'Battery Power'"; then exit 0; fi\n`}mkdir -p "$state/reports" "$state/log" && : >"$state/last-start"
find "$state" -maxdepth 1 -name 'run.*' -mtime +7 -exec rm -rf {} +
work=$(mktemp -d "$state/run.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
# Ended from outside, restic ends too, and that is reported
trap : INT TERM HUP
: >"$work/out"; : >"$work/err"
started=$(now)
have=$(version)
code=127
if [ -z "$have" ]; then echo 'restic is not installed' >"$work/err"
elif ! is_enough "$have" ${leastRestic}; then echo "restic $have is too old: ${leastRestic} or newer is needed" >"$work/err"
else
  "$restic" backup --json --host ${quoteSh(machine)}${limit} --files-from-verbatim "$settings/paths" --exclude-file "$settings/excludes" >"$work/out" 2>"$work/err"
  code=$?
fi
report "$code"
send_reports || echo 'the report could not be sent; the next run sends it' >>"$work/err"
write_log "$code"
exit "$code"
`
}
