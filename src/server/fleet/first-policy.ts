import { formatBytes } from '#base'
import type { BackupPolicy, DatabaseDump } from '#policy'
import { engineName } from '#protocol'
import type { Discovery, Finding, Proposal, Size } from '#protocol'

/** Where the first copies will lie. */
export interface FirstPlace {
  /** The folder, where it is one of the machine itself. */
  readonly folder?: string | undefined
  /** What is free there; undefined: nobody can say. */
  readonly freeBytes?: number | undefined
  /** Folders of the server itself, which would contain their own copies. */
  readonly ownFolders: readonly string[]
}

export interface LeftOut {
  readonly what: string
  readonly why: string
}

export interface FirstPolicy {
  readonly policy: BackupPolicy
  readonly leftOut: readonly LeftOut[]
}

/** Half of what is free is left for the versions that come after the first copy. */
const share = 0.5

/** What is only guessed to be data, and is larger, waits for a person's word. */
const mostGuessed = 1 << 30

/** A place that may be backed up, and how much lies there. */
interface Candidate {
  readonly path: string
  readonly size: Size
  readonly isGuess: boolean
}

/**
 * The first backup policy of the machine that the server itself runs on, made without asking anybody. Where copies lie on
 * another disk, and there is room, it takes everything. On the same disk they help against mistakes only, and all of the
 * disk does not fit into itself: then it takes what people and businesses make (documents, settings, what is served, dumps
 * of databases), as much of it as there is room for. What it leaves out it says, with the reason.
 */
export function firstPolicy(
  { discovery, proposal }: { readonly discovery: Discovery; readonly proposal: Proposal },
  place: FirstPlace,
): FirstPolicy {
  const { freeBytes = Infinity } = place
  const room = freeBytes * share
  const dumps = firstDumps(discovery)
  const whole = wholeSize(discovery, place)
  if (whole && whole.bytes <= room) return entire({ proposal, place }, dumps)
  const { taken, leftOut } = choose(discovery, room)
  const excludes = proposal.excludes.map(({ pattern }) => pattern)
  const include = taken.map(({ path }) => path)
  const policy = makePolicy(proposal, {
    name: `Data on ${discovery.machine.hostName}`,
    include,
    exclude: ofPlace(include, excludes, place),
    databases: dumps.databases,
  })
  const why =
    whole === undefined
      ? 'copies on the same disk do not help when it breaks, and it does not fit into itself'
      : `${amount(whole)} are too much for ${formatBytes(freeBytes)} that are free where the copies lie`
  return { policy, leftOut: [...leftOut, ...dumps.leftOut, { what: 'The system and its programs', why }] }
}

/** A policy for just these folders: what a person named at the first start. */
export function policyForFolders(include: readonly string[], hostName: string, timeZone: string): BackupPolicy {
  const schedule = { cron: '7 * * * *', timeZone }
  return makePolicy({ schedule }, { name: `Data on ${hostName}`, include, exclude: [], databases: [] })
}

/** A backup policy as the agent proposes it, ready to be followed. */
export function policyFromProposal(proposal: Proposal): BackupPolicy {
  const { name, include, excludes, databases } = proposal
  const hooks = databases.flatMap(({ hook }) => hook ?? [])
  return makePolicy(proposal, {
    name,
    include: include.map(({ path }) => path),
    exclude: excludes.map(({ pattern }) => pattern),
    databases: dumpsOf(databases.filter(({ by }) => by === 'dump')),
    hookDumps: [...new Set(hooks)],
  })
}

interface Parts {
  readonly name: string
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly databases: readonly DatabaseDump[]
  readonly hookDumps?: readonly string[]
}

type Scheduled = { readonly schedule: Pick<Proposal['schedule'], 'cron' | 'timeZone'> }

function makePolicy({ schedule }: Scheduled, parts: Parts): BackupPolicy {
  const { name, include, exclude, databases, hookDumps = [] } = parts
  return {
    name: name.slice(0, 100),
    what: {
      include,
      ...(exclude.length > 0 && { exclude }),
      excludeCaches: true,
      ...(databases.length > 0 && { databases }),
      ...(hookDumps.length > 0 && { hookDumps: hookDumps.map((hook) => ({ hook })) }),
    },
    when: { kind: 'cron', expression: schedule.cron, timeZone: schedule.timeZone },
    keep: { hourly: 24, daily: 14, weekly: 8, monthly: 12 },
    to: { repository: 'own' },
  }
}

function entire(
  { proposal, place }: { readonly proposal: Proposal; readonly place: FirstPlace },
  { databases, leftOut }: ReturnType<typeof firstDumps>,
): FirstPolicy {
  const include = proposal.include.map(({ path }) => path)
  const excludes = proposal.excludes.map(({ pattern }) => pattern)
  const exclude = ofPlace(include, excludes, place)
  return { policy: makePolicy(proposal, { name: proposal.name, include, exclude, databases }), leftOut }
}

/** What the machine's own disks hold together; undefined when the copies would lie on one of them. */
function wholeSize({ volumes }: Discovery, { folder }: FirstPlace): Size | undefined {
  const local = volumes.filter(({ kind }) => kind === 'local')
  const holding = folder === undefined ? undefined : volumeOf(folder, local)
  if (local.length === 0 || (folder !== undefined && (!holding || holding.path === '/'))) return undefined
  return sumOf(
    local.map(({ usedBytes, files }) => ({
      bytes: usedBytes ?? 0,
      files: files ?? 0,
      isAtLeast: usedBytes === undefined,
    })),
  )
}

function volumeOf<Volume extends { readonly path: string }>(
  folder: string,
  volumes: readonly Volume[],
): Volume | undefined {
  const around = volumes.filter(({ path }) => isIn(folder, path))
  return around.toSorted((a, b) => b.path.length - a.path.length)[0]
}

/** Takes the candidates in their order, as long as there is room. */
function choose(discovery: Discovery, room: number) {
  const taken: Candidate[] = []
  const leftOut: LeftOut[] = []
  let left = room
  const take = (candidate: Candidate): boolean => {
    if (candidate.size.bytes > left) return false
    left -= candidate.size.bytes
    taken.push(candidate)
    return true
  }
  const leave = (path: string, why: string) => void leftOut.push({ what: path, why })
  for (const candidate of candidatesOf(discovery)) {
    const { path, size, isGuess } = candidate
    if (isGuess && (size.bytes > mostGuessed || size.isAtLeast)) {
      leave(path, `nobody has said that it is data, and it is large (${amount(size)})`)
      continue
    }
    if (take(candidate)) continue
    // A folder that is too large as a whole: the parts of it that do fit.
    const parts = partsOf(candidate, discovery)
    const missing = parts.filter((part) => !take(part))
    if (parts.length === 0) leave(path, noRoom(size))
    for (const part of missing) leave(part.path, noRoom(part.size))
  }
  return { taken, leftOut }
}

function noRoom(size: Size): string {
  return `there is no room for it where the copies lie (${amount(size)})`
}

/** The usual folders first, then what was found elsewhere: what is certain before what is guessed, the small before the large. */
function candidatesOf(discovery: Discovery): Candidate[] {
  const { machine, findings } = discovery
  const usual = (machine.usualFolders ?? []).map((path) => ({
    path,
    size: sumOf(outermost(findings.flatMap((finding) => placesIn(finding, path)))),
    isGuess: false,
  }))
  const elsewhere = findings
    .filter(({ backUpBy, engine }) => backUpBy === 'files' && engine === undefined)
    .flatMap(candidatesAt)
    .filter(({ path }) => !usual.some((folder) => isIn(path, folder.path)))
  const isInOther = ({ path }: Candidate) => elsewhere.some((other) => other.path !== path && isIn(path, other.path))
  const first = elsewhere.filter((one, at) => elsewhere.findIndex(({ path }) => path === one.path) === at)
  const inOrder = first
    .filter((candidate) => !isInOther(candidate))
    .toSorted((a, b) => Number(a.isGuess) - Number(b.isGuess) || a.size.bytes - b.size.bytes)
  return [...usual, ...inOrder]
}

function candidatesAt({ places, size, confidence }: Finding): Candidate[] {
  const nothing = { bytes: 0, files: 0, isAtLeast: true }
  // The size is of all places together; counted with the first of them it is counted once.
  return places.map(({ path }, at) => ({
    path,
    size: at === 0 ? (size ?? nothing) : { bytes: 0, files: 0, isAtLeast: false },
    isGuess: confidence !== 'certain',
  }))
}

function partsOf({ path }: Candidate, { findings }: Discovery): Candidate[] {
  return findings
    .filter(({ backUpBy }) => backUpBy === 'files')
    .flatMap(candidatesAt)
    .filter((part) => part.path !== path && isIn(part.path, path))
    .toSorted((a, b) => a.size.bytes - b.size.bytes)
}

function placesIn({ places: [place], size, backUpBy }: Finding, folder: string) {
  if (!place || !size || backUpBy === 'nothing' || !isIn(place.path, folder)) return []
  return [{ path: place.path, size }]
}

/** What lies inside another is counted once. */
function outermost(found: readonly { readonly path: string; readonly size: Size }[]): Size[] {
  return found
    .filter(({ path }) => !found.some((other) => other.path !== path && isIn(path, other.path)))
    .map(({ size }) => size)
}

/** Databases that run and of which the agent makes dumps; of the others it is said what they need. */
function firstDumps({ findings }: Discovery): {
  readonly databases: readonly DatabaseDump[]
  readonly leftOut: readonly LeftOut[]
} {
  const found = findings.flatMap(({ engine, title, places: [place], backUpBy, inUse, evidence }) => {
    const runs = inUse === 'yes' || evidence.some(({ from }) => from === 'unit')
    return engine && place ? [{ engine, title, place: place.path, backUpBy, runs }] : []
  })
  const isReady = ({ engine, backUpBy, runs }: (typeof found)[number]) =>
    backUpBy === 'dump' && (engine === 'sqlite' || runs)
  const leftOut = found
    .filter((database) => !isReady(database))
    .filter(({ backUpBy }) => backUpBy === 'dump' || backUpBy === 'hook')
    .map(({ engine, title, backUpBy }) => ({
      what: title,
      why:
        backUpBy === 'dump'
          ? `${engineName(engine)} neither runs nor starts by itself, and only what runs can be dumped`
          : 'a dump of it takes a hook, which somebody has to write; copies of its files while it works are no backup',
    }))
  return { databases: dumpsOf(found.filter(isReady)), leftOut }
}

function dumpsOf(found: readonly { readonly engine: string; readonly place: string }[]): DatabaseDump[] {
  const servers = (['postgresql', 'mariadb'] as const).filter((name) => found.some(({ engine }) => engine === name))
  const files = found.filter(({ engine }) => engine === 'sqlite').map(({ place }) => place)
  return [
    ...servers.map((engine) => ({ engine, which: 'all' as const })),
    ...(files.length > 0 ? [{ engine: 'sqlite' as const, which: [...new Set(files)].slice(0, 1000) }] : []),
  ]
}

/** The patterns, and the server's own folders where they lie in what is included. */
function ofPlace(include: readonly string[], patterns: readonly string[], { ownFolders }: FirstPlace): string[] {
  const inside = ownFolders.filter((folder) => include.some((path) => isIn(folder, path)))
  const own = inside.map((folder) => folder.replace(/[\\*?[\]]/g, '\\$&'))
  return [...new Set([...patterns, ...own])].filter((pattern) => !include.includes(pattern))
}

export function sumOf(sizes: readonly Size[]): Size {
  return {
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
    files: sizes.reduce((sum, { files }) => sum + files, 0),
    isAtLeast: sizes.some(({ isAtLeast }) => isAtLeast),
  }
}

/** `at least 1.2 GiB in 3 files` */
export function amount({ bytes, files, isAtLeast }: Size): string {
  return `${isAtLeast ? 'at least ' : ''}${formatBytes(bytes)} in ${files} ${files === 1 ? 'file' : 'files'}`
}

export function isIn(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder.replace(/\/$/, '')}/`)
}
