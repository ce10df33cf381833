import type { Evidence, Finding, FindingKind } from '#protocol'
import { baseName, byFile, makeFinding, outermost } from './finding.ts'
import type { Machine } from './machine.ts'

/** A program that serves, and the signs by which it is known. */
export interface Service {
  readonly name: string
  readonly kind: FindingKind
  readonly title: string
  /** As /proc has them: cut after 15 characters. */
  readonly processes: readonly string[]
  /** Units without `.service`; `name@` stands for every instance. */
  readonly units: readonly string[]
  readonly ports: readonly number[]
  /** Folders and files of settings. */
  readonly settings: readonly string[]
  /** Where its data lies when nothing says otherwise. */
  readonly data: readonly string[]
  /** Where its settings say that data lies. */
  readonly findData?: (machine: Machine) => readonly string[]
  readonly backUpBy: Finding['backUpBy']
  readonly advice: string
}

export interface FoundService {
  readonly evidence: readonly Evidence[]
  readonly confidence: Finding['confidence']
  /** Its settings and data that are there, outermost first. */
  readonly settings: readonly string[]
  readonly data: readonly string[]
}

/** Looks for the signs; undefined when there are none. A port alone is no sign: anything may listen on it. */
export function findService(machine: Machine, service: Service): FoundService | undefined {
  const { files, processes, enabledUnits, ports } = machine
  const running = processes.filter(({ name }) => service.processes.includes(name))
  const units = enabledUnits.filter((unit) => service.units.some((name) => isUnit(unit, name)))
  const settings = service.settings.filter((path) => files.exists(path))
  const data = outermost([...service.data, ...(service.findData?.(machine) ?? [])].filter((path) => files.exists(path)))
  if (running.length + units.length + settings.length === 0) return undefined
  const open = service.ports.filter((port) => ports.has(port))
  const evidence: Evidence[] = [
    ...running
      .slice(0, 3)
      .map(({ name, pid }) => ({ from: 'process' as const, what: `${name} runs (process ${pid})` })),
    ...units.map((unit) => ({ from: 'unit' as const, what: `${unit} starts at boot` })),
    ...settings.map((path) => byFile(path)),
    ...open.map((port) => ({ from: 'port' as const, what: `something listens on port ${port}` })),
  ]
  const signs = [running, units, settings].filter(({ length }) => length > 0).length
  return { evidence, confidence: signs > 1 ? 'certain' : 'likely', settings, data }
}

/** Reports one finding for the service, with all that it has. */
export function reportService(machine: Machine, service: Service): void {
  const found = findService(machine, service)
  if (!found) return
  const { name, kind, title, backUpBy, advice } = service
  const { evidence, confidence } = found
  const places = outermost([...found.settings, ...found.data]).map((path) => ({
    path,
    isFile: machine.files.type(path, { follow: true }) === 'file',
  }))
  const measured = machine.measure(places)
  machine.sink.finding(makeFinding({ name, kind, title, evidence, places, confidence, backUpBy, advice, ...measured }))
}

function isUnit(unit: string, name: string): boolean {
  return unit === `${name}.service` || (name.endsWith('@') && unit.startsWith(name))
}

/** All files in folders, one level, that settings are spread over; a file stands for itself. */
export function settingsFiles(machine: Machine, ...places: readonly string[]): string[] {
  return places.flatMap((place) => {
    const type = machine.files.type(place, { follow: true })
    if (type === 'file') return [place]
    return machine.files.names(place).map((name) => `${place}/${name}`)
  })
}

/** What `pattern` (with one group) finds in files of settings; each line by itself, comments (`#`, `;`) left out. */
export function settingsIn(machine: Machine, places: readonly string[], pattern: RegExp): string[] {
  const lines = places
    .filter((place) => !baseName(place).startsWith('.'))
    .flatMap((place) => linesOf(machine.files.text(place)))
  return lines.flatMap((line) => {
    const [, value] = /^\s*[#;]/.test(line) ? [] : (pattern.exec(line) ?? [])
    return value === undefined ? [] : [unquote(value.trim())]
  })
}

/** Lines of a text that somebody else wrote; a longer one would only keep patterns busy. */
export function linesOf(text: string | undefined): string[] {
  return (text ?? '').split(/\r?\n/).map((line) => line.slice(0, 4096))
}

function unquote(text: string): string {
  return text.replace(/^(["'])(.*)\1$/, '$2')
}

/** Absolute paths alone, without a slash at the end. */
export function absolutePaths(values: readonly string[]): string[] {
  return values.filter((value) => value.startsWith('/')).map((value) => value.replace(/(?<=.)\/+$/, ''))
}
