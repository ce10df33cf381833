import { forEachConcurrent, messageOf, throwIfBug } from '#base'
import { lengthFieldSize, locatePackHeader, packHeaderLength, parsePackHeader } from '../format/pack-header.ts'
import type { PackBlobs } from '../format/pack-header.ts'
import type { Repository } from '../repository.ts'
import { judge, traceOf, traceOfFailure, waitForSecondLook } from './second-look.ts'
import type { Look, LookOptions, Verdict, Wrong } from './second-look.ts'

export interface PackToRead {
  readonly name: string
  /** Bytes of the file. */
  readonly size: number
  /** How many blobs it probably has: saves a second request for a long header. */
  readonly blobs?: number | undefined
}

export interface ReadHeadersOptions extends LookOptions {
  readonly onProgress?: ((packs: number) => void) | undefined
}

/** Bytes that are read of a pack whose number of blobs is not known: 400 entries. */
const usualTail = 16 << 10
/** Reading headers is waiting for the storage, so a few more requests than it has connections are under way. */
const ahead = 2

/** Reads the headers of packs, several at once: what lies in each by its own account. What is wrong is looked at twice. */
export async function readPackHeaders(
  repository: Repository,
  packs: readonly PackToRead[],
  options: ReadHeadersOptions = {},
): Promise<Map<string, Verdict<PackBlobs>>> {
  const { signal, onProgress } = options
  const { connections } = repository.backend
  const verdicts = new Map<string, Verdict<PackBlobs>>()
  const suspects: { readonly pack: PackToRead; readonly first: Wrong }[] = []
  const look = async (pack: PackToRead) => {
    const first = await readHeader(repository, pack, options)
    if (first.ok) verdicts.set(pack.name, { kind: 'right', found: first.found, onlyWhenReadAgain: false })
    else suspects.push({ pack, first })
    onProgress?.(verdicts.size + suspects.length)
  }
  await forEachConcurrent(packs, look, { concurrency: connections + ahead, signal })
  if (suspects.length === 0) return verdicts
  await waitForSecondLook(options)
  const lookAgain = async ({ pack, first }: (typeof suspects)[number]) => {
    verdicts.set(pack.name, judge(first, await readHeader(repository, pack, options)))
  }
  await forEachConcurrent(suspects, lookAgain, { concurrency: connections, signal })
  return verdicts
}

/** One look at the header of a pack, past every cache. */
export async function readHeader(
  { backend, codec }: Repository,
  { name, size, blobs }: PackToRead,
  { signal }: LookOptions,
): Promise<Look<PackBlobs>> {
  const read = async (offset: number) =>
    await backend.read({ type: 'pack', name }, { range: { offset, length: size - offset }, signal, fresh: true })
  const guess = blobs === undefined ? usualTail : packHeaderLength(blobs)
  let at = Math.max(0, size - guess)
  let tail: Buffer
  try {
    tail = await read(at)
  } catch (thrown) {
    signal?.throwIfAborted()
    throwIfBug(thrown)
    return { ok: false, reason: messageOf(thrown), trace: traceOfFailure(thrown) }
  }
  try {
    const { start, end } = locatePackHeader(size, tail.subarray(-lengthFieldSize))
    if (start < at) tail = await read((at = start))
    return { ok: true, found: parsePackHeader(codec.openBytes(tail.subarray(start - at, end - at)), size) }
  } catch (thrown) {
    signal?.throwIfAborted()
    throwIfBug(thrown)
    return { ok: false, reason: messageOf(thrown), trace: traceOf(tail) }
  }
}
