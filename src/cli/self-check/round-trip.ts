import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatBytes } from '#base'
import type { Cancellable } from '#base'
import { LocalBackend } from '#backend'
import { RepositoryReader, checkRepository, findSnapshot, initRepository, loadIndex } from '#repository'
import type { Repository } from '#repository'
import { backUp } from '#archiver'
import { executeRestore, findSubtree, planRestore, verifyRestored } from '#restorer'
import { compareTrees, createFileSource, openFileTarget } from '#filesystem'
import { programVersion } from '../version.ts'
import type { Check, Finding } from './finding.ts'

export interface RoundTripOptions {
  /** A new folder for all that this makes. */
  readonly place: string
  readonly threads: number
}

/** A small backup from beginning to end: made, proven, restored and compared, byte by byte and with all metadata. */
export function roundTripCheck(options: RoundTripOptions): Check {
  return {
    name: 'round trip',
    run: ({ signal }) => travel({ ...options, signal }),
    ifItFails: 'Do not rely on backups or restores of this machine before the cause is found.',
  }
}

type Travel = RoundTripOptions & Cancellable

async function travel(options: Travel): Promise<Omit<Finding, 'name'>> {
  const { place, signal } = options
  const start = performance.now()
  const [original, restored] = [join(place, 'original'), join(place, 'restored')]
  const bytes = makeFiles(original)
  const backend = new LocalBackend(join(place, 'repository'))
  using repository = await initRepository(backend, { password: randomBytes(16).toString('hex'), signal })
  const snapshot = await store(repository, original, options)
  const { problems } = await checkRepository(repository, { readData: true, threads: options.threads, signal })
  if (problems[0]) throw new Error(`the new repository is not sound: ${problems[0].message}`)
  await bringBack(repository, { snapshot, original, restored }, options)
  // Holes come back as zeros unless they are asked for.
  const [difference] = compareTrees(original, restored, { ignore: ['root', 'holes'] })
  if (difference !== undefined) throw new Error(`what was restored is not what was backed up: ${difference}`)
  const seconds = (performance.now() - start) / 1000
  return {
    verdict: 'ok',
    found: `${formatBytes(bytes)} backed up, checked, restored and compared in ${seconds.toFixed(1)} s: all equal`,
    means: 'Backups of this machine come back.',
    figures: { bytes, seconds },
  }
}

/** A little of everything; returns the bytes of content. */
function makeFiles(folder: string): number {
  mkdirSync(join(folder, 'inner', 'deeper'), { recursive: true })
  const large = randomBytes(12 << 20)
  const text = Buffer.alloc(3 << 20, 'The quick brown fox jumps over the lazy dog.\n')
  writeFileSync(join(folder, 'random'), large)
  writeFileSync(join(folder, 'inner', 'text'), text, { mode: 0o640 })
  writeFileSync(join(folder, 'inner', 'empty'), '')
  writeFileSync(join(folder, 'inner', 'deeper', 'Ünïcödé name \n with a line break'), 'short')
  writeFileSync(join(folder, 'holes'), 'begin')
  truncateSync(join(folder, 'holes'), 4 << 20)
  symlinkSync('inner/text', join(folder, 'link'))
  linkSync(join(folder, 'random'), join(folder, 'inner', 'same as random'))
  utimesSync(join(folder, 'inner', 'empty'), 1_234_567_890.123, 987_654_321.987)
  return large.length + text.length + (4 << 20) + 5
}

async function store(repository: Repository, folder: string, { threads, signal }: Travel): Promise<string> {
  const source = await createFileSource([folder], { signal })
  const identity = {
    hostname: 'self-check',
    username: 'self-check',
    uid: 0,
    gid: 0,
    tags: [],
    excludes: [],
    programVersion,
  }
  const { snapshot, problems } = await backUp(repository, source, { identity, threads, signal })
  if (problems[0]) throw new Error(`a file could not be backed up: ${problems[0].error.message}`)
  return snapshot as string
}

interface Places {
  readonly snapshot: string
  readonly original: string
  readonly restored: string
}

async function bringBack(
  repository: Repository,
  { snapshot, original, restored }: Places,
  { threads, signal }: Travel,
): Promise<void> {
  const { tree: root } = await findSnapshot(repository, snapshot, { signal })
  await using reader = new RepositoryReader(await loadIndex(repository, { signal }), { threads })
  const tree = await findSubtree(reader, { tree: root, path: Buffer.from(original) }, { signal })
  await using target = openFileTarget(restored)
  const plan = await planRestore(reader, { tree }, target, { signal })
  const result = await executeRestore(reader, plan, target, { signal })
  if (result.failures > 0) throw new Error(`${result.failures} files could not be restored`)
  const verified = await verifyRestored(reader, plan, result, target, { signal })
  if (verified.problems.count > 0) throw new Error(`${verified.problems.count} restored files differ from the snapshot`)
}
