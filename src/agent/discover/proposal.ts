import { hasOwnDump, engineName } from '#protocol'
import type { Discovery, Finding, PolicyScope, Proposal } from '#protocol'
import { hookName } from './database-engines.ts'

type Includes = Proposal['include']
type Excludes = Proposal['excludes']

/**
 * A backup policy for the machine, each line with its reason. It includes whole disks rather than what was found: what comes
 * tomorrow is then included, too. Nothing that was found is left out, except what can be fetched again.
 */
export function proposePolicy(discovery: Discovery): Proposal {
  const { machine } = discovery
  return {
    name: `${machine.role === 'server' ? 'Everything on' : 'Data on'} ${machine.hostName}`,
    include: proposeIncludes(discovery),
    excludes: proposeExcludes(discovery),
    databases: proposeDatabases(discovery),
    schedule: proposeSchedule(discovery),
    open: openQuestions(discovery),
  }
}

/** What the proposal would cover, for `coverageOf`. */
export function scopeOf({ name, include, excludes, databases }: Proposal): PolicyScope {
  return {
    name,
    include: include.map(({ path }) => path),
    excludes: excludes.map(({ pattern }) => pattern),
    insensitiveExcludes: [],
    oneFileSystem: false,
    databases: databases.map(({ engine, place }) => ({ engine, place })),
  }
}

function proposeIncludes({ machine, volumes, findings }: Discovery): Includes {
  if (machine.role === 'server' && machine.platform !== 'windows') {
    return [
      { path: '/', reason: 'Everything on its own disks: a new folder or volume is included until it is excluded.' },
    ]
  }
  const homes = { linux: '/home', other: '/home', macos: '/Users', windows: 'C:/Users' }[machine.platform]
  const lines = [
    { path: homes, reason: 'What people keep; a new folder of theirs is included until it is excluded.' },
    ...(machine.platform === 'linux' ? [{ path: '/etc', reason: 'How this machine is set up.' }] : []),
    ...findings
      .filter(({ backUpBy }) => backUpBy !== 'nothing')
      .flatMap(({ title, places }) => places.map(({ path }) => ({ path, reason: `It was found here: ${title}.` }))),
  ]
  const own = volumes.filter(({ kind, path }) => kind === 'local' && path !== '/').map(({ path }) => path)
  const isOfVolume = (path: string) => own.includes(path)
  return withoutInner(lines).map(({ path, reason }) => ({
    path,
    reason: isOfVolume(path) ? `A volume of its own. ${reason}` : reason,
  }))
}

function withoutInner(lines: Includes): Includes {
  const first = lines.filter(({ path }, index) => lines.findIndex((other) => other.path === path) === index)
  return first.filter(({ path }) => !lines.some((other) => other.path !== path && path.startsWith(`${other.path}/`)))
}

const ofKernel = ['/proc', '/sys', '/dev', '/run']
const temporary = ['/tmp', '/var/tmp', '/var/cache', '/swapfile', '/swap.img', '/lost+found']

/** Patterns of what need not be backed up, as far as that is known of the machine. */
export function proposeExcludes(discovery: Discovery): Excludes {
  const { machine, volumes, findings } = discovery
  const isWhole = machine.role === 'server' && machine.platform !== 'windows'
  const byDocker = findings.some(({ id }) => id.startsWith('container:Docker:'))
  const caches = findings.filter(({ kind }) => kind === 'cache').flatMap(({ places }) => places)
  const remote = volumes.filter(({ kind }) => kind === 'network')
  const system = isWhole
    ? [
        ...ofKernel.map((pattern) => ({
          pattern,
          reason: 'The kernel shows itself there: nothing of it is on a disk.',
        })),
        ...temporary.map((pattern) => ({ pattern, reason: 'It is made or fetched again.' })),
      ]
    : []
  const layers = byDocker
    ? ['/var/lib/docker/overlay2', '/var/lib/containerd'].map((pattern) => ({
        pattern,
        reason: 'Images of containers are fetched again.',
      }))
    : []
  return [
    ...system,
    ...layers,
    ...remote.map(({ path, source }) => ({
      pattern: patternFor(path),
      reason: `It lies on another machine (${source}): it is to be backed up there.`,
    })),
    ...caches.map(({ path }) => ({ pattern: patternFor(path), reason: 'Programs fetch it again.' })),
  ]
}

/** A path as a pattern that means just it. */
export function patternFor(path: string): string {
  return path.replace(/[\\*?[\]]/g, '\\$&')
}

function proposeDatabases({ findings }: Discovery): Proposal['databases'] {
  return findings.flatMap(({ engine, places, backUpBy }) => {
    const place = places[0]?.path
    if (!engine || place === undefined || (backUpBy !== 'dump' && backUpBy !== 'hook')) return []
    const line = { engine, place, reason: 'Its files, copied while it works, are not a backup.' }
    return hasOwnDump(engine)
      ? { ...line, by: 'dump' as const }
      : { ...line, by: 'hook' as const, hook: hookName(engine) }
  })
}

function proposeSchedule({ machine, findings }: Discovery): Proposal['schedule'] {
  const { hostName, role, timeZone = 'UTC' } = machine
  const minute = minuteFor(hostName)
  const hourly = { cron: `${minute} * * * *`, timeZone }
  if (role !== 'server') return { ...hourly, reason: 'Every hour while it is on: nobody knows when it will be.' }
  const busy = findings.find(({ kind, inUse }) => kind === 'share' || kind === 'mail-server' || inUse === 'yes')
  if (busy) return { ...hourly, reason: `Every hour: people work on it during the day (${busy.title}).` }
  const reason = 'Every night: nothing was found that people change during the day.'
  return { cron: `${minute} 2 * * *`, timeZone, reason }
}

/** Machines of one business do not all begin in the same minute; one machine keeps its own. */
function minuteFor(name: string): number {
  return Buffer.from(name).reduce((sum, byte) => (sum * 31 + byte) % 60, 0)
}

function openQuestions(discovery: Discovery): string[] {
  const { asAdministrator, unseen, findings } = discovery
  const engines = [...new Set(findings.filter(needsHook).flatMap(({ engine }) => engine ?? []))]
  const unplaced = findings.filter(({ engine, places }) => engine && places.length === 0)
  return [
    ...(asAdministrator
      ? []
      : ['It was looked at as an ordinary user. Look again as root or administrator before you rely on this.']),
    ...(unseen.length > 0
      ? [`Look at what could not be seen (${unseen.length}), or have it looked at by somebody who may.`]
      : []),
    ...engines.map((engine) => `Write the hook ${hookName(engine)}, which makes a dump of ${engineName(engine)}.`),
    ...unplaced.map(({ title }) => `Say where its data lies: ${title}.`),
    ...findings
      .filter(({ backUpBy }) => backUpBy === 'whole-machine')
      .map(({ title }) => `Enrol it as a machine of its own: ${title}.`),
    ...findings
      .filter(({ kind, backUpBy }) => kind === 'container' && backUpBy === 'hook')
      .map(({ title }) => `Write a hook for the database in it: ${title}.`),
  ]
}

function needsHook({ engine, backUpBy }: Finding): boolean {
  return engine !== undefined && backUpBy === 'hook'
}
