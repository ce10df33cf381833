import { escapeXml } from './quote.ts'
import type { ScriptSchedule, Weekday } from './settings.ts'
import { weekdays } from './settings.ts'

/** The schedule in the words of each system's scheduler. Names and paths in them are ours and plain. */

const short = (day: Weekday) => `${day.charAt(0).toUpperCase()}${day.slice(1, 3)}`
const twoDigits = (number: number) => String(number).padStart(2, '0')

/** systemd.time(7). */
export function onCalendar({ hour, minute, days }: ScriptSchedule): string {
  const time = `*-*-* ${twoDigits(hour)}:${twoDigits(minute)}:00`
  return days ? `${days.map(short).join(',')} ${time}` : time
}

/** crontab(5): minute, hour, day, month, days of the week. */
export function cronTimes({ hour, minute, days }: ScriptSchedule): string {
  const week = days?.map((day) => weekdays.indexOf(day)).join(',') ?? '*'
  return `${minute} ${hour} * * ${week}`
}

interface Units {
  readonly service: string
  readonly timer: string
}

/** A service and its timer: a run that was missed is made up for when the machine is on again. */
export function systemdUnits(
  program: string,
  { schedule, onBattery }: { schedule: ScriptSchedule; onBattery: boolean },
): Units {
  const service = `[Unit]
Description=Backup with restic
Wants=network-online.target
After=network-online.target
${onBattery ? '' : 'ConditionACPower=true\n'}
[Service]
Type=oneshot
ExecStart=/bin/sh ${quoteSystemd(program)}
Nice=10
IOSchedulingClass=idle
SuccessExitStatus=3
`
  const timer = `[Unit]
Description=Backup with restic, on a schedule

[Timer]
OnCalendar=${onCalendar(schedule)}
Persistent=true
RandomizedDelaySec=5min

[Install]
WantedBy=timers.target
`
  return { service, timer }
}

/** A word of a command line in a unit: systemd replaces `%` and `$` even between quotes (systemd.service(5)). */
export function quoteSystemd(value: string): string {
  const escaped = value.replace(/["\\]/g, String.raw`\$&`)
  return `"${escaped.replaceAll('%', '%%').replaceAll('$', '$$$$')}"`
}

/** launchd.plist(5): a run that was missed while the machine slept is made up for when it wakes. */
export function launchdJob(label: string, program: string, { hour, minute, days }: ScriptSchedule): string {
  const time = { Hour: hour, Minute: minute }
  const times = days?.map((day) => ({ ...time, Weekday: weekdays.indexOf(day) })) ?? [time]
  const dictionary = (values: Record<string, number>) =>
    `<dict>${Object.entries(values)
      .map(([key, value]) => `<key>${key}</key><integer>${value}</integer>`)
      .join('')}</dict>`
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
<key>Label</key><string>${escapeXml(label)}</string>
<key>ProgramArguments</key><array><string>/bin/sh</string><string>${escapeXml(program)}</string></array>
<key>StartCalendarInterval</key><array>${times.map(dictionary).join('')}</array>
<key>ProcessType</key><string>Background</string>
<key>LowPriorityIO</key><true/>
</dict>
</plist>
`
}
