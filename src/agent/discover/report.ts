import { formatBytes, printable } from '#base'
import type { Coverage, Discovery, Finding, FindingKind, Proposal, Volume } from '#protocol'

export interface ReportOptions {
  /** With it, each thing says whether it is covered. */
  readonly coverage?: readonly Coverage[] | undefined
  readonly proposal?: Proposal | undefined
}

/** What was found, as a page of text: safe to print, whatever files are called. Lines without ends. */
export function formatDiscovery(discovery: Discovery, { coverage = [], proposal }: ReportOptions = {}): string[] {
  const covered = new Map(coverage.map((one) => [one.of, one]))
  const lines = [
    ...formatHead(discovery),
    ...section(
      'Volumes',
      discovery.volumes.flatMap((volume) => formatVolume(volume, covered)),
    ),
    ...headings.flatMap(([kind, heading]) => {
      const findings = discovery.findings.filter((finding) => finding.kind === kind)
      return section(
        heading,
        findings.flatMap((finding) => formatFinding(finding, covered)),
      )
    }),
    ...formatUnseen(discovery),
    ...(proposal ? formatProposal(proposal) : []),
  ]
  return lines.map((line) => printable(line, longestLine))
}

/** A longer path is a hostile one. */
const longestLine = 1000

const headings: readonly (readonly [FindingKind, string])[] = [
  ['database', 'Databases'],
  ['share', 'Shares'],
  ['documents', 'Documents of people'],
  ['mail-archive', 'Mail that lies only here'],
  ['folder', 'Other folders of data'],
  ['mail-server', 'Mail servers'],
  ['web-server', 'Web servers'],
  ['telephone-system', 'Telephone systems'],
  ['container', 'Containers'],
  ['virtual-machine', 'Virtual machines'],
  ['settings', 'Settings'],
  ['starts-at-boot', 'What starts by itself'],
  ['cache', 'Need not be backed up'],
]

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', heading, ...lines]
}

function formatHead({ machine, asAdministrator, volumes, findings }: Discovery): string[] {
  const role = { server: 'a server', pc: 'a PC', laptop: 'a laptop' }[machine.role]
  const nothing = volumes.length + findings.length === 0 ? ['Nothing was found.'] : []
  return [
    `What is on ${machine.hostName} (${role}: ${machine.roleBecause})`,
    ...(asAdministrator ? [] : ['Looked at as an ordinary user, who may not see everything.']),
    ...nothing,
  ]
}

type Covered = ReadonlyMap<string, Coverage>

function formatVolume(volume: Volume, covered: Covered): string[] {
  const { path, fileSystem, kind, source, bytes, usedBytes, files, unseen } = volume
  const used = bytes === undefined ? [] : [`${formatBytes(usedBytes ?? 0)} of ${formatBytes(bytes)} used`]
  const many = files === undefined ? [] : [`about ${formatCount(files)} files`]
  const from = kind === 'network' ? [`from ${source}`] : []
  const about = [fileSystem, ...from, ...used, ...many, ...(unseen === undefined ? [] : [unseen])]
  return [`  ${path}: ${about.join(', ')}`, ...formatCoverage(covered.get(`volume:${path}`))]
}

function formatFinding(finding: Finding, covered: Covered): string[] {
  const { title, evidence, advice, confidence, inUse } = finding
  const surely = { certain: '', likely: ' (likely)', guess: ' (a guess)' }[confidence]
  const about = [...formatSize(finding), ...(inUse === 'yes' ? ['in use'] : [])]
  const known = evidence.slice(0, 3).map(({ what }) => what)
  const more = evidence.length > 3 ? [`${evidence.length - 3} more signs`] : []
  return [
    `  ${title}${surely}${about.length > 0 ? `: ${about.join(', ')}` : ''}`,
    ...formatPlaces(finding),
    ...formatCoverage(covered.get(finding.id)),
    `      known by: ${[...known, ...more].join('; ')}`,
    `      ${advice}`,
  ]
}

function formatSize({ size }: Finding): string[] {
  if (!size) return []
  if (size.isAtLeast && size.files === 0) return ['size not known']
  const files = `${formatCount(size.files)} ${size.files === 1 ? 'file' : 'files'}`
  return [`${size.isAtLeast ? 'at least ' : ''}${formatBytes(size.bytes)} in ${files}`]
}

/** Where the title does not say it already. */
function formatPlaces({ title, places }: Finding): string[] {
  const others = places.map(({ path }) => path).filter((path) => !title.includes(path))
  if (others.length === 0) return []
  const more = others.length > 4 ? ` and ${others.length - 4} more` : ''
  return [`      in ${others.slice(0, 4).join(', ')}${more}`]
}

function formatCoverage(coverage: Coverage | undefined): string[] {
  if (!coverage || coverage.state === 'not-needed') return []
  const { state, policies, reasons } = coverage
  const words = { covered: 'covered', partly: 'COVERED IN PART', not: 'NOT COVERED' }[state]
  const by = policies.length > 0 ? ` by ${policies.map((name) => `"${name}"`).join(', ')}` : ''
  return [`      ${words}${by}${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}`]
}

function formatUnseen({ unseen }: Discovery): string[] {
  const shown = unseen.slice(0, 30).map(({ what, why }) => `  ${what}: ${why}`)
  const more = unseen.length > 30 ? [`  and ${unseen.length - 30} more`] : []
  return section('Could not be looked at', [...shown, ...more])
}

function formatProposal({ name, include, excludes, databases, schedule, open }: Proposal): string[] {
  const lines = [
    ...include.map(({ path, reason }) => `  include ${path}: ${reason}`),
    ...excludes.map(({ pattern, reason }) => `  exclude ${pattern}: ${reason}`),
    ...databases.map(({ engine, place, by, hook, reason }) => {
      const how = by === 'hook' ? `by the hook ${hook ?? ''}` : 'by the agent'
      return `  dump ${how} of ${engine} in ${place}: ${reason}`
    }),
    `  schedule ${schedule.cron}: ${schedule.reason}`,
  ]
  return [
    ...section(`Proposed backup policy "${name}"`, lines),
    ...section(
      'Left for you',
      open.map((line) => `  ${line}`),
    ),
  ]
}

/** `412000` → `412,000`. */
function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}
