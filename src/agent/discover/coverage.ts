import { formatBytes } from '#base'
import { isInside } from '#filesystem'
import { engineName } from '#protocol'
import type { Coverage, Discovery, Finding, Place, PolicyScope, Size, Volume } from '#protocol'
import { proposeExcludes } from './proposal.ts'
import { Scope } from './scope.ts'
import type { Taken } from './scope.ts'

/**
 * Which findings and volumes the machine's backup policies cover. Says how far policies reach, not whether their backups succeed.
 * Throws PATTERN_INVALID.
 */
export function coverageOf(discovery: Discovery, policies: readonly PolicyScope[]): Coverage[] {
  const needless = proposeExcludes(discovery).map(({ pattern }) => pattern)
  const scopes = policies.map((policy) => new Scope(policy, discovery, needless))
  return [
    ...discovery.volumes.map((volume) => volumeCoverage(volume, scopes)),
    ...discovery.findings.map((finding) => findingCoverage(finding, scopes)),
  ]
}

function volumeCoverage(volume: Volume, scopes: readonly Scope[]): Coverage {
  const coverage = placesCoverage(`volume:${volume.path}`, [{ path: volume.path, isFile: false }], scopes)
  if (volume.kind === 'local' || coverage.state !== 'not') return coverage
  return {
    ...coverage,
    state: 'not-needed',
    reasons: [`it lies on another machine (${volume.source}): back it up there`],
  }
}

function findingCoverage(finding: Finding, scopes: readonly Scope[]): Coverage {
  const { id, places, backUpBy, engine } = finding
  if (backUpBy === 'nothing') return { of: id, state: 'not-needed', policies: [], reasons: [] }
  if (engine) return databaseCoverage({ ...finding, engine }, scopes)
  const coverage = placesCoverage(id, places, scopes)
  if (coverage.state !== 'covered' || backUpBy === 'files') return coverage
  const why = backUpBy === 'hook' ? 'the database in it needs a dump' : 'it works while its files are read'
  return { ...coverage, state: 'partly', reasons: [...coverage.reasons, `its files are copied, but ${why}`] }
}

type DatabaseFinding = Finding & { readonly engine: NonNullable<Finding['engine']> }

/** Only a dump covers a database; that its files are copied is said, and counts for nothing. */
function databaseCoverage({ id, engine, places }: DatabaseFinding, scopes: readonly Scope[]): Coverage {
  const place = places[0]?.path
  const dumping = scopes.flatMap(({ policy: { name, databases } }) =>
    databases
      .filter((dump) => dump.engine === engine && (place === undefined || isSamePlace(dump.place, place)))
      .map(({ only }) => ({ name, only })),
  )
  if (dumping.length > 0) {
    const policies = unique(dumping.map(({ name }) => name))
    if (dumping.some(({ only }) => only === undefined)) return { of: id, state: 'covered', policies, reasons: [] }
    const reasons = dumping.map(({ name, only = [] }) => clip(`"${name}" dumps only ${only.join(', ')} of it`))
    return { of: id, state: 'partly', policies, reasons }
  }
  const files = placesCoverage(id, places, scopes)
  const isCopied = files.state === 'covered' || files.state === 'partly'
  const reasons = isCopied
    ? [`its files are copied by ${quoted(files.policies)}: not a backup of this database`]
    : [`no policy makes a dump of this ${engineName(engine)} database`]
  return { of: id, state: 'not', policies: [], reasons }
}

function clip(sentence: string): string {
  return sentence.length > 1000 ? `${sentence.slice(0, 999)}…` : sentence
}

function isSamePlace(one: string, other: string): boolean {
  return one.replace(/\/+$/, '') === other.replace(/\/+$/, '')
}

function placesCoverage(of: string, places: readonly Place[], scopes: readonly Scope[]): Coverage {
  const taken = places.map((place) => scopes.map((scope) => ({ policy: scope.policy.name, ...scope.takes(place) })))
  const all = taken.flat()
  const policies = all.filter(({ state }) => state !== 'none').map(({ policy }) => policy)
  const state = stateOf(taken.map(bestOf))
  const reasons = unique(all.flatMap((one) => one.reasons)).slice(0, 10)
  const why = reasons.length === 0 && state === 'not' ? ['no policy reaches it'] : reasons
  return { of, state, policies: unique(policies), reasons: why }
}

function stateOf(best: readonly Taken['state'][]): Coverage['state'] {
  if (best.every((one) => one === 'none')) return 'not'
  return best.every((one) => one === 'all') ? 'covered' : 'partly'
}

/** Parts that several policies take do not add up to the whole: nobody can say that they do. */
function bestOf(taken: readonly Taken[]): Taken['state'] {
  const states = taken.map(({ state }) => state)
  return states.find((state) => state === 'all') ?? states.find((state) => state === 'some') ?? 'none'
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ')
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}

/** Data that people keep here and no policy covers whole: for PCs and laptops that should hold no data. */
export interface LocalData {
  readonly findings: readonly Finding[]
  /** Of all together, as far as it was counted. */
  readonly size: Size
  /** One sentence for the owner. */
  readonly sentence: string
}

const kindsOfData: ReadonlySet<Finding['kind']> = new Set(['documents', 'mail-archive', 'folder', 'share', 'database'])

/** Mail caches, pages and settings are no data; mail archives and databases are. */
export function uncoveredData(discovery: Discovery, coverage: readonly Coverage[]): LocalData {
  const { findings, machine } = discovery
  const uncovered = new Set(coverage.filter(({ state }) => state === 'not' || state === 'partly').map(({ of }) => of))
  const data = findings.filter(
    ({ id, kind, places }) =>
      kindsOfData.has(kind) && uncovered.has(id) && places.some(({ path }) => isLocal(path, discovery)),
  )
  const size = totalOf(data)
  const much = `${size.isAtLeast ? 'at least ' : ''}${formatBytes(size.bytes)} in ${size.files} files`
  const sentence =
    data.length === 0
      ? `${machine.hostName} holds no data that no policy covers.`
      : `${machine.hostName} holds data that no policy covers: ${much}, in ${data.length} places.`
  return { findings: data, size, sentence }
}

/** Homes may come from a server by the network: their data does not lie here. */
function isLocal(path: string, { volumes }: Discovery): boolean {
  const around = volumes.filter((volume) => isInside(path, volume.path))
  const [closest] = around.sort((a, b) => b.path.length - a.path.length)
  return closest?.kind !== 'network'
}

/** What lies inside another finding is counted once. */
function totalOf(findings: readonly Finding[]): Size {
  const paths = findings.flatMap(({ places }) => places.map(({ path }) => path))
  const outer = findings.filter(({ places }) =>
    places.every(({ path }) => !paths.some((other) => other !== path && path.startsWith(`${other}/`))),
  )
  return {
    bytes: outer.reduce((sum, { size }) => sum + (size?.bytes ?? 0), 0),
    files: outer.reduce((sum, { size }) => sum + (size?.files ?? 0), 0),
    isAtLeast: findings.some(({ size }) => size === undefined || size.isAtLeast),
  }
}
