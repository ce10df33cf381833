import { ThreadPool, forEachConcurrent, messageOf, throwIfBug } from '#base'
import type { Cancellable, WarmThreads } from '#base'
import { shortName } from './findings.ts'
import type { Findings } from './findings.ts'
import type { PackTable, TablePack } from '../pack-table.ts'
import type { IndexedRepository } from '../repository.ts'
import { createControl, stopThreads } from '../threads/memory.ts'
import { threadModule } from '../threads/module.ts'
import type { ExamineOrder, Examined } from '../threads/pack-examiner.ts'
import type { ThreadSetup } from '../threads/setup.ts'

export interface CheckDataOptions extends Cancellable {
  readonly findings: Findings
  readonly threads: number
  /** As many, started before (`warmThreads`). */
  readonly warm?: WarmThreads | undefined
  readonly onProgress?: ((bytes: number) => void) | undefined
}

/** Packs that the main thread reads ahead while every thread has one. */
const ahead = 1

/**
 * Reads packs to the last byte and proves everything in them. A pack that is not right is read a second time; when it is
 * right then, it is reported all the same: a storage that gives wrong bytes now and then is not to be trusted.
 */
export async function checkData(
  repository: IndexedRepository,
  table: PackTable,
  packs: readonly TablePack[],
  { findings, threads, warm, onProgress, signal }: CheckDataOptions,
): Promise<void> {
  if (packs.length === 0) return
  const { index, settings, polynomial } = repository
  const control = createControl(threads)
  const { threadReading: reading } = repository.backend
  const data: ThreadSetup = { index: index.shared, control, codec: settings, reading, polynomial }
  await using pool = new ThreadPool({ module: threadModule(), threads, data, warm })
  const readOne = async ({ name, place }: TablePack) =>
    await readPack(repository, pool, { name, entries: table.entriesOf(place).slice() }, { signal })
  const checkOne = async (pack: TablePack) => {
    const first = await readOne(pack)
    if (first.reasons.length > 0) report(findings, pack, first, await readOne(pack))
    onProgress?.(pack.size)
  }
  try {
    await forEachConcurrent(packs, checkOne, { concurrency: reading ? threads * 2 : threads + ahead, signal })
  } finally {
    stopThreads(control)
  }
}

interface Reading extends Examined {
  /** False when the pack could not even be read. */
  readonly isRead: boolean
}

/** Where threads read by themselves, only what they could not read comes through the main thread. */
async function readPack(
  repository: IndexedRepository,
  pool: ThreadPool,
  { name, entries }: { readonly name: string; readonly entries: Uint32Array },
  { signal }: Cancellable,
): Promise<Reading> {
  if (repository.backend.threadReading) {
    const order: ExamineOrder = { name, entries }
    const examined = await pool.run<Examined | undefined>('examinePack', order, { signal })
    if (examined) return { isRead: true, ...examined }
  }
  return await readPackHere(repository, pool, { name, entries }, { signal })
}

async function readPackHere(
  { backend }: IndexedRepository,
  pool: ThreadPool,
  { name, entries }: { readonly name: string; readonly entries: Uint32Array },
  { signal }: Cancellable,
): Promise<Reading> {
  let bytes: Buffer
  try {
    bytes = await backend.read({ type: 'pack', name }, { signal })
  } catch (thrown) {
    signal?.throwIfAborted()
    throwIfBug(thrown)
    return { isRead: false, reasons: [messageOf(thrown)], bad: [...entries] }
  }
  // The bytes go to the thread without being copied.
  const order: ExamineOrder = { name, bytes, entries }
  const transfer = [bytes.buffer as ArrayBuffer]
  return { isRead: true, ...(await pool.run<Examined>('examinePack', order, { transfer, signal })) }
}

function report(findings: Findings, { name }: TablePack, first: Reading, second: Reading): void {
  const file = { type: 'pack', name } as const
  const short = shortName(name)
  if (second.reasons.length === 0) {
    const message = `The pack ${short} was right only when it was read again; at first: ${first.reasons.join('; ')}.`
    return findings.add({ kind: 'pack-flaky', message, file })
  }
  const reasons = second.reasons.join('; ')
  const badEntries = second.bad
  if (!second.isRead) {
    const message = `The pack ${short} cannot be read: ${reasons}`
    return findings.add({ kind: 'pack-unreadable', message, file, badEntries })
  }
  findings.add({ kind: 'pack-damaged', message: `The pack ${short} is damaged: ${reasons}.`, file, badEntries })
}
