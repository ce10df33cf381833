import { quoteSh } from './quote.ts'
import { cronTimes, launchdJob, systemdUnits } from './schedule.ts'
import type { ScriptSettings } from './settings.ts'
import { checkSettings, leastRestic, settingsFiles } from './settings.ts'
import { runProgram } from './sh-run.ts'

export type ShellSystem = 'linux' | 'macos'

/** Where things go on the machine. */
export interface ShellPlaces {
  /** Secrets and lists; only root may enter. */
  readonly settings: string
  /** What the schedule starts. */
  readonly program: string
  /** Cache, log, reports not yet sent. */
  readonly state: string
  readonly systemd: string
  readonly cron: string
  readonly launchd: string
  /** Where programs are looked for; nobody but root may write there. */
  readonly path: string
}

const common = {
  settings: '/etc/understudy-restic',
  systemd: '/etc/systemd/system',
  cron: '/etc/cron.d',
  launchd: '/Library/LaunchDaemons',
} as const

/** On a Mac `/usr/local` and `/opt/homebrew` belong to a user, who could put other programs there. */
export const shellPlaces: Readonly<Record<ShellSystem, ShellPlaces>> = {
  linux: {
    ...common,
    program: '/usr/local/lib/understudy-restic',
    state: '/var/lib/understudy-restic',
    path: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  },
  macos: {
    ...common,
    program: '/Library/Understudy/restic',
    state: '/var/db/understudy-restic',
    path: '/usr/sbin:/usr/bin:/sbin:/bin',
  },
}

const name = 'understudy-restic'
const label = 'com.understudy.restic'

/**
 * The script for a Linux or macOS machine, for any POSIX shell: `sudo sh FILE` installs, `sudo sh FILE uninstall` takes all away
 * again. It downloads nothing. It holds the machine's secrets. Throws SCRIPT_INVALID.
 */
export function shellScript(
  settings: ScriptSettings,
  system: ShellSystem,
  places: ShellPlaces = shellPlaces[system],
): string {
  checkSettings(settings, (path) => path.startsWith('/'))
  const run = `${places.program}/run.sh`
  return String.raw`#!/bin/sh
# Understudy: backs up ${settings.machine} with stock restic, on a schedule.
# Install:   sudo sh THIS-FILE
# Uninstall: sudo sh THIS-FILE uninstall
# It holds the secrets of this machine. Delete it when it has been run.
set -eu
umask 077
PATH=${quoteSh(system === 'macos' ? `${places.path}:/usr/local/bin:/opt/homebrew/bin` : places.path)}; export PATH
settings=${quoteSh(places.settings)}
program=${quoteSh(places.program)}
state=${quoteSh(places.state)}
run=${quoteSh(run)}

fail() { printf '%s\n' "$*" >&2; exit 1; }

is_enough() { printf '%s\n%s\n' "$2" "$1" | sort -c -t . -k 1,1n -k 2,2n -k 3,3n 2>/dev/null; }

check_machine() {
  [ "$(id -u)" = 0 ] || fail 'This must be run by root: sudo sh FILE'
  command -v curl >/dev/null || fail 'curl is not installed; it sends the results to the server.'
  command -v restic >/dev/null || fail 'restic is not installed. Get it from https://restic.net or with ${system === 'macos' ? '`brew install restic`' : 'your package manager (`apt install restic`)'}, ${leastRestic} or newer, and run this again.'
  have=$(restic version | sed -n 's/^restic \([0-9][0-9.]*\).*/\1/p' | head -n 1)
  is_enough "$have" ${leastRestic} || fail "restic $have is too old: ${leastRestic} or newer is needed (https://restic.net)."
}

write_settings() {
  rm -rf "$settings"
  # Folders above ours, if they are missing, are for everybody
  (umask 022; mkdir -p "$settings" "$program" "$state")
  chmod 700 "$settings" "$state"
${settingsFiles(settings, `${places.settings}/server.pem`).map(writeFile).join('\n')}
}

write_program() {
  cat >"$run" <<'UNDERSTUDY_END'
${runProgram(settings, places, system)}UNDERSTUDY_END
  chmod 755 "$program" "$run"
}

${system === 'macos' ? macSchedule(run, settings, places) : linuxSchedule(run, settings, places)}

check_repository() {
  RESTIC_REPOSITORY_FILE=$settings/repository; RESTIC_PASSWORD_FILE=$settings/password; RESTIC_CACHE_DIR=$state/cache
  export RESTIC_REPOSITORY_FILE RESTIC_PASSWORD_FILE RESTIC_CACHE_DIR
  if [ -f "$settings/server.pem" ]; then RESTIC_CACERT=$settings/server.pem; export RESTIC_CACERT; fi
  restic cat config >/dev/null 2>&1 || restic init || fail 'The repository on the server cannot be opened, so nothing was scheduled.'
}

uninstall() {
  [ "$(id -u)" = 0 ] || fail 'This must be run by root: sudo sh FILE uninstall'
  stop_schedule
  rm -rf "$settings" "$program" "$state"
  echo 'Removed. What has been stored stays on the server.'
}

case "$(printf '%s' "$*")" in
uninstall) uninstall ;;
'')
  check_machine
  write_settings
  write_program
  check_repository
  start_schedule
  echo 'Installed. Delete this file now: it holds the secrets of this machine.'
  ;;
*) fail 'Known words: none (installs), or uninstall.' ;;
esac
`
}

function writeFile({ name: file, lines }: { readonly name: string; readonly lines: readonly string[] }): string {
  const words = lines.map((line) => ` \\\n    ${quoteSh(line)}`).join('')
  return lines.length === 0 ? `  : >"$settings/${file}"` : `  printf '%s\\n'${words} >"$settings/${file}"`
}

/** systemd where it runs, else cron. */
function linuxSchedule(run: string, { schedule, onBattery }: ScriptSettings, places: ShellPlaces): string {
  const { service, timer } = systemdUnits(run, { schedule, onBattery })
  const inCron = (text: string) => text.replaceAll('%', String.raw`\%`)
  const command = inCron(`/bin/sh ${quoteSh(run)}`)
  return String.raw`systemd=${quoteSh(places.systemd)}
cron=${quoteSh(places.cron)}/${name}

start_schedule() {
  if [ -d /run/systemd/system ]; then
    cat >"$systemd/${name}.service" <<'UNDERSTUDY_END'
${service}UNDERSTUDY_END
    cat >"$systemd/${name}.timer" <<'UNDERSTUDY_END'
${timer}UNDERSTUDY_END
    chmod 644 "$systemd/${name}.service" "$systemd/${name}.timer"
    systemctl daemon-reload
    systemctl enable --now ${name}.timer
  elif [ -d ${quoteSh(places.cron)} ]; then
    # cron makes up for nothing: a run is also started when the machine is, if there was none for a day
    cat >"$cron" <<'UNDERSTUDY_END'
${cronTimes(schedule)} root ${command}
@reboot root ${command} --if-missed
UNDERSTUDY_END
    chmod 644 "$cron"
  else
    fail "There is neither systemd nor cron here: have something start $run regularly."
  fi
}

stop_schedule() {
  if [ -f "$systemd/${name}.timer" ]; then
    [ ! -d /run/systemd/system ] || systemctl disable --now ${name}.timer
    rm -f "$systemd/${name}.service" "$systemd/${name}.timer"
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
  fi
  rm -f "$cron"
}`
}

/** The copy of restic is root's: Homebrew's belongs to a user, who could put another program in its place. */
function macSchedule(run: string, { schedule }: ScriptSettings, places: ShellPlaces): string {
  return String.raw`job=${quoteSh(places.launchd)}/${label}.plist

start_schedule() {
  cp "$(command -v restic)" "$run-restic"
  chown root "$run-restic"
  chmod 755 "$run-restic"
  cat >"$job" <<'UNDERSTUDY_END'
${launchdJob(label, run, schedule)}UNDERSTUDY_END
  chmod 644 "$job"
  launchctl bootout system/${label} 2>/dev/null || true
  launchctl bootstrap system "$job"
  echo 'macOS keeps some folders (Documents, Desktop, Mail) even from root: give Full Disk Access to'
  echo "$run-restic and /bin/sh in System Settings, Privacy & Security."
}

stop_schedule() {
  launchctl bootout system/${label} 2>/dev/null || true
  rm -f "$job"
}`
}
