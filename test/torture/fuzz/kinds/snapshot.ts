import { loadSnapshot, openRepository } from '#repository'
import { LocalBackend } from '#backend'
import { password } from '../base.ts'
import type { Batch } from '../base.ts'
import { hasPanicked, stable, timeOf, unknownValue, verdictOf } from '../kind.ts'
import type { FuzzKind, RunRestic, Verdict, Verdicts } from '../kind.ts'
import { flipBit, mutateJson, removeBytes, repeatBytes } from '../mutate.ts'

interface ListedSnapshot {
  readonly id: string
  readonly time: string
  readonly tree?: string | null
  readonly paths: readonly string[] | null
  readonly hostname?: string
  readonly username?: string
  readonly uid?: number
  readonly gid?: number
  readonly excludes?: readonly string[]
  readonly tags?: readonly string[]
  readonly original?: string
  readonly parent?: string
  readonly program_version?: string
}

/** The JSON of snapshots. */
export const snapshotKind: FuzzKind = {
  name: 'snapshot',
  atOnce: 60,
  make: (random, base) => mutateJson(base.snapshot, random),
  put(batch, mutants) {
    batch.clear('snapshots')
    return mutants.map((json) => batch.putUnpacked('snapshots', json))
  },
  theirs: readByRestic,
  ours: readByUs,
}

/** What lies between the seal and the JSON: the mark, and a zstd frame. */
export const envelopeKind: FuzzKind = {
  ...snapshotKind,
  name: 'envelope',
  make(random, base) {
    const change = random.pick([flipBit, flipBit, removeBytes, repeatBytes])
    const plain = base.snapshot
    const first = random.below(8)
    // The batch compresses: only what is to be changed is said here.
    return Buffer.concat([
      Buffer.from([first]),
      change(Buffer.from([random.below(256), random.below(256)]), random),
      plain,
    ])
  },
  put(batch, mutants) {
    batch.clear('snapshots')
    return mutants.map((mutant) => batch.putSealed('snapshots', envelope(batch, mutant)))
  },
}

/** One of the ways in which an envelope may be odd. */
function envelope(batch: Batch, mutant: Buffer): Buffer {
  const [kind = 0, ...rest] = mutant.subarray(0, 3)
  const json = mutant.subarray(mutant.indexOf('{"'))
  const frame = batch.compress(json)
  const half = batch.compress(json.subarray(0, 40))
  const skippable = Buffer.concat([Buffer.from('502a4d1805000000', 'hex'), Buffer.from('12345')])
  const at = ((rest[0] ?? 7) * 251 + (rest[1] ?? 3)) % frame.length
  const flipped = Buffer.from(frame)
  flipped[at] = (flipped[at] as number) ^ (1 << (at % 8))
  const mark = Buffer.from([2])
  const ways = [
    Buffer.concat([mark, flipped]),
    Buffer.concat([mark, frame.subarray(0, at)]),
    Buffer.concat([mark, frame, Buffer.from('00', 'hex')]),
    Buffer.concat([mark, half, batch.compress(json.subarray(40))]),
    Buffer.concat([mark, skippable, frame]),
    Buffer.concat([Buffer.from([at % 256]), frame]),
    json,
    Buffer.concat([mark, json]),
  ]
  return ways[kind % ways.length] as Buffer
}

async function readByRestic(_: Batch, names: readonly string[], run: RunRestic): Promise<Verdicts> {
  const ran = await run('snapshots', '--json', '--no-lock', '--no-cache')
  // A single one that cannot be printed (a time beyond the year 9999) takes all of them with it.
  const isSpoiled = hasPanicked(ran) || ran.stdout.trim() === ''
  if (isSpoiled && names.length > 1) return {}
  if (isSpoiled && / json: /.test(ran.stderr)) return { [names[0] ?? '']: { accepted: true, value: unknownValue } }
  const listed = new Map((JSON.parse(ran.stdout || '[]') as ListedSnapshot[]).map((one) => [one.id, one]))
  return Object.fromEntries(
    names.map((name): [string, Verdict] => {
      const found = listed.get(name)
      return [
        name,
        found ? { accepted: true, value: valueOf(found) } : { accepted: false, why: reasonFor(name, ran.stderr) },
      ]
    }),
  )
}

function valueOf(found: ListedSnapshot): string {
  const { time, tree, paths, hostname = '', username = '', uid = 0, gid = 0, excludes = [], tags = [] } = found
  const { original = '', parent = '', program_version: version = '' } = found
  return stable({
    time: timeOf(time),
    tree,
    paths: paths ?? [],
    hostname,
    username,
    uid,
    gid,
    excludes,
    tags,
    original,
    parent,
    version,
  })
}

function reasonFor(name: string, stderr: string): string {
  return stderr.split('\n').find((line) => line.includes(name.slice(0, 8))) ?? 'left out'
}

async function readByUs(folder: string, names: readonly string[]): Promise<Verdicts> {
  await using backend = new LocalBackend(folder)
  using repository = await openRepository(backend, { password })
  const verdicts: Record<string, Verdict> = {}
  for (const name of names) {
    verdicts[name] = await verdictOf(async () => {
      const found = await loadSnapshot(repository, name)
      const { hostname, username, uid, gid, excludes, tags, paths } = found
      const texts = { original: found.original ?? '', parent: found.parent ?? '', version: found.programVersion ?? '' }
      return {
        time: timeOf(found.time),
        tree: found.tree.toString('hex'),
        paths,
        hostname,
        username,
        uid,
        gid,
        excludes,
        tags,
        ...texts,
      }
    })
  }
  return verdicts
}
