import { createHash } from 'node:crypto'
import { messageOf, systemClock, throwIfBug } from '#base'
import type { Cancellable, Clock, WarmThreads } from '#base'
import type { Backend } from '#backend'
import { findAffected, findLost } from './affected.ts'
import { checkData } from './data.ts'
import { Findings, shortName } from './findings.ts'
import type { CheckNotice, CheckProblem } from './findings.ts'
import { checkPacks } from './packs.ts'
import { choosePacks } from './subset.ts'
import type { DataSubset } from './subset.ts'
import { checkTrees } from './trees.ts'
import { decodeKeyFile } from '../format/key-file.ts'
import { loadIndex } from '../load-index.ts'
import type { LoadedIndexFile } from '../load-index.ts'
import { lockRepository } from '../lock.ts'
import { PackTable } from '../pack-table.ts'
import type { IndexedRepository, Repository } from '../repository.ts'
import { loadSnapshots } from '../snapshots.ts'
import type { NamedSnapshot } from '../snapshots.ts'
import { findUsed } from '../used.ts'

export type CheckStep = 'load index' | 'check trees' | 'read data' | 'find affected files'

export interface CheckOptions extends Cancellable {
  /** Reads packs to the last byte: all of them, or a part. */
  readonly readData?: true | DataSubset | undefined
  /** Checks the trees and data of some snapshots only; everything else of the repository is checked all the same. */
  readonly choose?: ((snapshots: readonly NamedSnapshot[]) => readonly NamedSnapshot[]) | undefined
  readonly threads: number
  /** As many, started before (`warmThreads`). */
  readonly warm?: WarmThreads | undefined
  /** Takes no lock. Then what others do meanwhile may look like damage. */
  readonly noLock?: boolean
  /** How long to wait for the lock, in milliseconds. */
  readonly retryLock?: number | undefined
  readonly onLockWait?: ((holder: Error) => void) | undefined
  /** Told of each problem as it is found; what it touches is known only at the end. */
  readonly onProblem?: ((message: string) => void) | undefined
  readonly onProgress?: ((step: CheckStep, done: number, total: number | undefined) => void) | undefined
  /** In [0, 1), for a subset that is chosen at random. */
  readonly random?: () => number
  readonly clock?: Clock
}

export interface CheckResult {
  /** Damage. None: everything that was looked at is sound. */
  readonly problems: readonly CheckProblem[]
  /** How many more problems there are than are listed. */
  readonly omitted: number
  readonly notices: readonly CheckNotice[]
  readonly snapshots: number
  readonly trees: number
  readonly packs: number
  /** What was read because of `readData`. */
  readonly read: { readonly packs: number; readonly bytes: number }
}

/**
 * Checks that everything which the snapshots need is there, and with `readData` that it is right. Damage is told down to
 * the files that it touches. Like restic it takes the exclusive lock: what is being changed cannot be checked.
 *
 * The backend should have no cache before it, or an empty one: what matters is what the storage has.
 * Throws `REPOSITORY_LOCKED`, and errors of the storage as a whole; damage is a result.
 */
export async function checkRepository(repository: Repository, options: CheckOptions): Promise<CheckResult> {
  const { noLock = false, retryLock = 0, onLockWait, signal, clock = systemClock } = options
  if (noLock) return await check(repository, options)
  const lockOptions = {
    exclusive: true,
    early: true,
    retryFor: retryLock,
    signal,
    ...(onLockWait && { onWait: onLockWait }),
    clock,
  }
  await using lock = await lockRepository(repository, lockOptions)
  return await check(repository, { ...options, signal: lock.signal })
}

async function check(repository: Repository, options: CheckOptions): Promise<CheckResult> {
  const { signal, onProgress, onProblem, readData, choose, threads, warm, random = Math.random } = options
  const findings = new Findings(onProblem)
  await checkKeys(repository, { findings, signal })
  // Snapshots before the index, and packs before it, too: what is written meanwhile then looks like nothing worse than new.
  const all = await checkSnapshots(repository, { findings, signal })
  const snapshots = choose ? choose(all) : all
  const sizes = new Map<string, number>()
  for await (const { name, size } of repository.backend.list('pack', { signal })) sizes.set(name, size)
  const { indexed, files } = await checkIndex(repository, { findings, signal, onProgress })
  const table = new PackTable(indexed.index)
  await checkPacks(indexed, { table, files, sizes }, { findings, signal })
  const lost = findLost(indexed, findings.findings)
  const missing = new Set(findings.findings.flatMap(({ kind, file }) => (kind === 'pack-missing' ? file?.name : [])))
  const needed = choose && readData ? await packsOf(indexed, snapshots, table, { signal }) : table.packs
  const chosen = choosePacks(needed, readData === true ? undefined : readData, random)
  const toRead = readData === undefined ? [] : chosen.filter(({ name }) => !missing.has(name))
  const bytes = toRead.reduce((sum, { size }) => sum + size, 0)
  // The threads read packs while the main thread goes through the trees.
  let done = 0
  const onRead = (read: number) => onProgress?.('read data', (done += read), bytes)
  const isLost = (first: number) => lost.has(first)
  // Where there are packs to read, all threads have enough to do with them.
  const treeThreads = toRead.length > 0 ? 0 : undefined
  const onTree = (walked: number) => onProgress?.('check trees', walked, undefined)
  const [trees] = await together(
    signal,
    async (both) =>
      await checkTrees(indexed, snapshots, {
        findings,
        isLost,
        onProgress: onTree,
        threads: treeThreads,
        signal: both,
      }),
    async (both) =>
      await checkData(indexed, table, toRead, { findings, threads, warm, signal: both, onProgress: onRead }),
  )
  return {
    problems: await describeProblems(indexed, snapshots, findings, options),
    omitted: findings.omitted,
    notices: findings.notices,
    snapshots: snapshots.length,
    trees,
    packs: table.packs.length,
    read: { packs: toRead.length, bytes },
  }
}

/** The packs that have anything of these snapshots, each copy of it. What is missing is told by the check itself. */
async function packsOf(
  indexed: IndexedRepository,
  snapshots: readonly NamedSnapshot[],
  { packs }: PackTable,
  { signal }: Cancellable,
): Promise<PackTable['packs']> {
  const { index } = indexed
  const roots = snapshots.map(({ tree }) => tree)
  const used = await findUsed(indexed, roots, { signal, onProblem: () => undefined })
  const names = new Set<string>()
  for (let entry = 0; entry < index.size; entry++) {
    if (used.has(index.firstOf(entry))) names.add(index.placeOf(entry).pack)
  }
  return packs.filter(({ name }) => names.has(name))
}

/** Does two things at the same time. When one fails, the other is ended and waited for. */
async function together<First, Second>(
  signal: AbortSignal | undefined,
  first: (signal: AbortSignal) => Promise<First>,
  second: (signal: AbortSignal) => Promise<Second>,
): Promise<[First, Second]> {
  const failed = new AbortController()
  const both = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal
  const work = [first(both), second(both)] as const
  for (const part of work) part.catch((thrown) => failed.abort(thrown))
  await Promise.allSettled(work)
  return await Promise.all(work)
}

interface StepOptions extends Cancellable {
  readonly findings: Findings
}

// Any key may be the only one that somebody has the password of.
async function checkKeys({ backend }: Repository, { findings, signal }: StepOptions): Promise<void> {
  for await (const { name } of backend.list('key', { signal })) {
    const reason = await whyDamaged(backend, name, { signal })
    if (reason === undefined) continue
    const message = `The key ${shortName(name)} is damaged: ${reason}`
    findings.add({ kind: 'key-damaged', message, file: { type: 'key', name } })
  }
}

async function whyDamaged(backend: Backend, key: string, { signal }: Cancellable): Promise<string | undefined> {
  try {
    const bytes = await backend.read({ type: 'key', name: key }, { signal })
    if (createHash('sha256').update(bytes).digest('hex') !== key) return 'its content is not what its name says'
    decodeKeyFile(bytes)
    return undefined
  } catch (thrown) {
    signal?.throwIfAborted()
    throwIfBug(thrown)
    return messageOf(thrown)
  }
}

async function checkSnapshots(repository: Repository, { findings, signal }: StepOptions): Promise<NamedSnapshot[]> {
  const onDamaged = (name: string, error: Error) =>
    findings.add({ kind: 'snapshot-damaged', message: error.message, file: { type: 'snapshot', name } })
  return await loadSnapshots(repository, { signal, onDamaged })
}

async function checkIndex(
  repository: Repository,
  { findings, signal, onProgress }: StepOptions & Pick<CheckOptions, 'onProgress'>,
): Promise<{ indexed: IndexedRepository; files: LoadedIndexFile[] }> {
  const files: LoadedIndexFile[] = []
  const indexed = await loadIndex(repository, {
    signal,
    onFile: (file) => files.push(file),
    onProgress: (done, total) => onProgress?.('load index', done, total),
    onDamaged: (name, error) =>
      findings.add({ kind: 'index-damaged', message: error.message, file: { type: 'index', name } }),
  })
  return { indexed, files }
}

async function describeProblems(
  repository: IndexedRepository,
  snapshots: readonly NamedSnapshot[],
  { findings }: Findings,
  { signal, onProgress }: CheckOptions,
): Promise<CheckProblem[]> {
  if (findings.length === 0) return []
  onProgress?.('find affected files', 0, undefined)
  const affected = await findAffected(repository, snapshots, findings, { signal })
  return findings.map(({ kind, message, file }, i) => ({
    kind,
    message,
    ...(file && { file }),
    affected: affected[i] ?? { paths: [], total: 0, more: false },
  }))
}
