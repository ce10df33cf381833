import { byFile, fileAt, folderAt, makeFinding } from '../finding.ts'
import type { Probe } from '../finding.ts'
import type { Machine } from '../machine.ts'
import { linesOf, settingsFiles } from '../services.ts'
import { readOwnUnits } from '../units.ts'

/** What starts by itself: a machine that was restored without it comes up and does nothing. */
export const boot: Probe = {
  name: 'boot',
  title: 'what starts at boot and by the clock',
  look: (machine) => {
    reportEnabled(machine)
    reportOwnUnits(machine)
    reportCron(machine)
  },
}

function reportEnabled({ enabledUnits, sink }: Machine): void {
  if (enabledUnits.length === 0) return
  const timers = enabledUnits.filter((unit) => unit.endsWith('.timer')).length
  sink.finding(
    makeFinding({
      kind: 'starts-at-boot',
      name: 'enabled',
      title: `${enabledUnits.length} units start at boot, ${timers} of them timers`,
      evidence: enabledUnits.map((unit) => ({ from: 'unit', what: unit })),
      places: [folderAt('/etc/systemd/system')],
      backUpBy: 'files',
      advice: 'Back up /etc: the links in it say what starts.',
    }),
  )
}

/** Only the program is told: whole commands may have passwords in them. */
function reportOwnUnits(machine: Machine): void {
  const { files, sink } = machine
  for (const unit of readOwnUnits(files)) {
    const file = `/etc/systemd/system/${unit}`
    const [, program] = /^ExecStart=[-@:+!]*(\S+)/m.exec(files.text(file) ?? '') ?? []
    const script = program !== undefined && /^\/(?:usr\/local|opt|home|root|srv|etc)\//.test(program) ? [program] : []
    sink.finding(
      makeFinding({
        kind: 'starts-at-boot',
        name: unit,
        title: `${unit}, made for this machine${program === undefined ? '' : `, runs ${program}`}`,
        evidence: [byFile(file)],
        places: [file, ...script].map(fileAt),
        backUpBy: 'files',
        advice: 'Back up the unit and the program it runs: no package brings them back.',
      }),
    )
  }
}

function reportCron(machine: Machine): void {
  const { files, sink } = machine
  const tables = settingsFiles(machine, '/etc/crontab', '/etc/cron.d', '/var/spool/cron/crontabs', '/var/spool/cron')
  for (const table of tables.filter((path) => files.type(path, { follow: true }) === 'file')) {
    const hasUser = table.startsWith('/etc/')
    const programs = linesOf(files.text(table)).flatMap((line) => programOf(line, hasUser))
    if (programs.length === 0) continue
    sink.finding(
      makeFinding({
        kind: 'starts-at-boot',
        name: table,
        title: `${table}: ${programs.length === 1 ? 'a command' : `${programs.length} commands`} by the clock`,
        evidence: [...new Set(programs)].map((program) => byFile(`it runs ${program}`)),
        places: [fileAt(table)],
        backUpBy: 'files',
        advice: 'Back it up as a file, with the programs it runs.',
      }),
    )
  }
}

/** `m h dom mon dow [user] command`, or `@daily [user] command` (man 5 crontab). */
function programOf(line: string, hasUser: boolean): string[] {
  if (/^\s*(?:#|$|[\w"']+\s*=)/.test(line)) return []
  const words = line.trim().split(/\s+/)
  const [program] = words.slice((words[0]?.startsWith('@') ? 1 : 5) + (hasUser ? 1 : 0))
  return program === undefined ? [] : [program]
}
