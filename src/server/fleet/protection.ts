import { statfs } from 'node:fs/promises'
import { formatBytes } from '#base'
import { engineName } from '#protocol'
import type { Coverage, Discovery, LookReport } from '#protocol'
import type { Schedule } from '#policy'
import type { Services } from '../app/services.ts'
import { sizeOf } from './first-copy.ts'
import { amount, isIn } from './first-policy.ts'
import type { LeftOut } from './first-policy.ts'
import type { StoredLook } from './looks.ts'
import { findOwnMachine } from './own-machine.ts'
import { policiesOf } from './policies.ts'
import type { StoredPolicy } from './policies.ts'

/** More of one kind than this is told with its number only. */
const mostTold = 8

/** A sentence is no longer, whatever the paths of the machine are. */
const mostLetters = 2_000

/**
 * What of a machine is backed up, what is not and why, and where the copies lie: sentences for people. Undefined: the agent has
 * not said yet how far the policies reach that the machine is to follow now.
 */
export async function describeProtection(
  services: Services,
  machineId: string,
  { report, leftOut }: StoredLook,
): Promise<readonly string[] | undefined> {
  const policies = await policiesOf(services, machineId)
  const isCurrent =
    policies.length === Object.keys(report.follows).length &&
    policies.every(({ id, revision }) => report.follows[id] === revision)
  if (!isCurrent) return undefined
  const isFirst = policies.length === 1 && policies[0]?.id === leftOut?.policyId && policies[0]?.revision === 1
  const own = await findOwnMachine(services.store.db)
  const place =
    own?.machineId === machineId
      ? await placeHere(services, report.discovery, policies)
      : `The copies lie at the server ${services.origin}.`
  return [
    ...policies.map((policy) => describePolicy(policy, report.discovery)),
    ...describeGaps(report, isFirst ? (leftOut?.items ?? []) : []),
    ...describeUnseen(report.discovery),
    ...(policies.length > 0 ? [place] : ['Nothing of this machine is backed up: no policy is followed.']),
  ].map((sentence) => (sentence.length > mostLetters ? `${sentence.slice(0, mostLetters - 1)}…` : sentence))
}

function describePolicy({ policy: { name, what, when } }: StoredPolicy, discovery: Discovery): string {
  const { include, databases = [], hookDumps = [] } = what
  const dumps = [
    ...databases.map(
      ({ engine, which }) => `${engineName(engine)} (${which === 'all' ? 'all databases' : listOf(which)})`,
    ),
    ...hookDumps.map(({ hook }) => `what the hook ${hook} dumps`),
  ]
  const parts = [...include, ...(dumps.length > 0 ? [`dumps of ${dumps.join(', ')}`] : [])]
  const size = sizeOf(include, discovery)
  // Folders that a person named may not be among what was looked at.
  const much = size.files > 0 ? ` (${amount(size)} were counted)` : ''
  return `"${name}" backs up ${listOf(parts, 20)}${much}; ${sayWhen(when)}.`
}

function sayWhen(when: Schedule): string {
  if (when.kind === 'cron') {
    const hourly = /^(\d+) \* \* \* \*$/.exec(when.expression)?.[1]
    const nightly = /^(\d+) (\d+) \* \* \*$/.exec(when.expression)
    if (hourly !== undefined) return `every hour, ${hourly} minutes past it`
    if (nightly)
      return `every day at ${nightly[2]?.padStart(2, '0')}:${nightly[1]?.padStart(2, '0')} (${when.timeZone})`
    return `when ${when.expression} says so (${when.timeZone})`
  }
  if (when.kind === 'every') return `every ${when.minutes} minutes`
  return `${when.kind} at ${when.at.join(', ')} (${when.timeZone})`
}

/** What no policy covers whole, and why so. */
function describeGaps({ discovery, coverage }: LookReport, leftOut: readonly LeftOut[]): string[] {
  const open = new Map(
    coverage.filter(({ state }) => state === 'not' || state === 'partly').map((one) => [one.of, one]),
  )
  const isStillOut = ({ what }: LeftOut) => !what.startsWith('/') || discovery.findings.some(isOpenAt(what, open))
  const told = leftOut.filter(isStillOut).map(({ what, why }) => `Not backed up: ${what}: ${why}.`)
  const others = [
    ...discovery.volumes
      .filter(({ path, kind }) => kind === 'local' && open.get(`volume:${path}`)?.state === 'not')
      .map(({ path }) => ({ what: `the volume ${path}`, path, of: `volume:${path}` })),
    ...discovery.findings.map(({ id, title, places }) => ({ what: title, path: places[0]?.path, of: id })),
  ].flatMap(({ what, path, of }) => {
    const gap = open.get(of)
    if (!gap || isToldOf(leftOut, { what, path })) return []
    return [
      `${gap.state === 'not' ? 'Not backed up' : 'Backed up in part only'}: ${what}${atPath(what, path)}${whyOf(gap)}.`,
    ]
  })
  const more =
    others.length > mostTold
      ? [`Not backed up: ${others.length - mostTold} more, in the list of what is on the machine.`]
      : []
  return [...told, ...others.slice(0, mostTold), ...more]
}

function isOpenAt(place: string, open: ReadonlyMap<string, Coverage>) {
  return ({ id, places }: Discovery['findings'][number]) => open.has(id) && places.some(({ path }) => isIn(path, place))
}

function isToldOf(
  leftOut: readonly LeftOut[],
  { what, path }: { readonly what: string; readonly path: string | undefined },
) {
  return leftOut.some(
    (left) => left.what === what || (path !== undefined && left.what.startsWith('/') && isIn(path, left.what)),
  )
}

function atPath(what: string, path: string | undefined): string {
  return path === undefined || what.includes(path) ? '' : ` (${path})`
}

function whyOf({ reasons }: Coverage): string {
  return reasons.length > 0 ? `: ${listOf(reasons, 2, '; ')}` : ''
}

function describeUnseen({ unseen, asAdministrator }: Discovery): string[] {
  const rights = asAdministrator
    ? []
    : ['It was looked at as an ordinary user, who may not see everything: run it as root.']
  if (unseen.length === 0) return rights
  return [
    ...rights,
    `Could not be looked at, so nobody knows what is there: ${listOf(unseen.map(({ what }) => what))}.`,
  ]
}

/** On the machine itself: whether a disk that breaks takes the copies with it. */
async function placeHere(
  { storageFolder }: Services,
  { volumes }: Discovery,
  policies: readonly StoredPolicy[],
): Promise<string> {
  if (storageFolder === undefined)
    return 'The copies lie in the storage that the server was given, not on this machine.'
  const diskOf = (path: string) =>
    volumes.filter((volume) => isIn(path, volume.path)).toSorted((a, b) => b.path.length - a.path.length)[0]
  const disk = diskOf(storageFolder)
  const isSame = policies.some(({ policy }) => policy.what.include.some((path) => diskOf(path) === disk))
  const { bavail, bsize } = await statfs(storageFolder)
  const which = disk ? ` (${disk.source}, ${formatBytes(bavail * bsize)} free)` : ''
  return isSame
    ? `The copies lie in ${storageFolder}, ON THE SAME DISK${which}: they help against deletion and mistakes, but they are gone with it when the disk breaks, burns or is stolen. Have copies elsewhere, too: understudy destination create.`
    : `The copies lie in ${storageFolder}, on another disk${which} of this machine: they are gone with the machine when it burns or is stolen. Have copies elsewhere, too: understudy destination create.`
}

function listOf(parts: readonly string[], most = mostTold, between = ', '): string {
  if (parts.length <= most) return parts.join(between)
  return `${parts.slice(0, most).join(between)} and ${parts.length - most} more`
}
