import { createHash } from 'node:crypto'
import { messageOf, throwIfBug } from '#base'
import type { BlobIndex } from '../blob-index.ts'
import type { PackBlobs } from '../format/pack-header.ts'
import type { IndexedRepository } from '../repository.ts'
import { BlobExaminer } from '../threads/blob-examiner.ts'
import { traceOf, traceOfFailure } from './second-look.ts'
import type { Look, LookOptions } from './second-look.ts'

/** Blobs are read together up to this many bytes. */
const pieceSize = 16 << 20

/** A blob of a pack as it was read. */
export interface ReadBlob {
  readonly entry: number
  /** The sealed bytes, good until the next blob comes; undefined when they could not be read. */
  readonly sealed: Buffer | undefined
  /** What is wrong with it, and its trace. */
  readonly wrong: { readonly reason: string; readonly trace: string } | undefined
}

export interface ReadBlobsOptions extends LookOptions {
  /** Bytes that the pack has. */
  readonly size: number
}

/** Reads blobs of one pack and proves each by its id. What cannot be read does not keep the others from being read. */
export async function* readBlobs(
  repository: IndexedRepository,
  name: string,
  entries: Iterable<number>,
  options: ReadBlobsOptions,
): AsyncIterable<ReadBlob> {
  const { index, codec } = repository
  const examiner = new BlobExaminer(codec, index)
  for (const piece of piecesOf(index, entries, options.size)) {
    const whole = await tryRead(repository, name, piece, options)
    for (const entry of piece) {
      const [offset, length] = [index.offsetOf(entry), index.lengthOf(entry)]
      const start = index.offsetOf(piece[0] as number)
      const isAlone = piece.length === 1
      const read = Buffer.isBuffer(whole)
        ? whole.subarray(offset - start, offset - start + length)
        : isAlone
          ? whole
          : await tryRead(repository, name, [entry], options)
      if (!Buffer.isBuffer(read)) {
        yield {
          entry,
          sealed: undefined,
          wrong: { reason: messageOf(read.thrown), trace: traceOfFailure(read.thrown) },
        }
        continue
      }
      const plain = examiner.examine(entry, read)
      const wrong = typeof plain === 'string' ? { reason: plain, trace: traceOf(read) } : undefined
      yield { entry, sealed: read, wrong }
    }
  }
}

/** Blobs that lie together, in pieces; one that reaches beyond the end of the file is a piece of its own. */
function* piecesOf(index: BlobIndex, entries: Iterable<number>, size: number): Iterable<number[]> {
  let piece: number[] = []
  let [start, end] = [0, 0]
  for (const entry of [...entries].toSorted((a, b) => index.offsetOf(a) - index.offsetOf(b))) {
    const offset = index.offsetOf(entry)
    const blobEnd = offset + index.lengthOf(entry)
    const fits = offset <= end && blobEnd - start <= pieceSize && blobEnd <= size
    if (piece.length > 0 && !fits) {
      yield piece
      piece = []
    }
    if (piece.length === 0) [start, end] = [offset, blobEnd]
    end = Math.max(end, blobEnd)
    piece.push(entry)
  }
  if (piece.length > 0) yield piece
}

async function tryRead(
  { backend, index }: IndexedRepository,
  name: string,
  piece: readonly number[],
  { signal }: LookOptions,
): Promise<Buffer | { readonly thrown: unknown }> {
  const offset = index.offsetOf(piece[0] as number)
  const length = Math.max(...piece.map((entry) => index.offsetOf(entry) + index.lengthOf(entry))) - offset
  try {
    return await backend.read({ type: 'pack', name }, { range: { offset, length }, signal, fresh: true })
  } catch (thrown) {
    signal?.throwIfAborted()
    throwIfBug(thrown)
    return { thrown }
  }
}

/** What one look at a whole pack shows. */
export interface PackLook {
  /** Entries whose blobs are right. */
  readonly intact: readonly number[]
  readonly bad: readonly number[]
  /** Header and blobs are what the header says, and the whole is what its name says: only the index can be wrong about it. */
  readonly isWhole: boolean
  /** Parts of a sentence. */
  readonly reasons: readonly string[]
  /** The same for two looks that saw the same. */
  readonly trace: string
}

/** What is to be looked at: a pack, entries of all blobs that index or header place in it, and those that its header names. */
export interface PackToLookAt {
  readonly name: string
  readonly size: number
  readonly entries: readonly number[]
  readonly named: readonly number[]
  readonly header: Look<PackBlobs>
}

export async function lookAtPack(
  repository: IndexedRepository,
  { name, size, entries, named, header }: PackToLookAt,
  options: LookOptions,
): Promise<PackLook> {
  const [intact, bad, reasons, traces]: [number[], number[], string[], string[]] = [[], [], [], []]
  for await (const { entry, wrong } of readBlobs(repository, name, entries, { ...options, size })) {
    if (!wrong) intact.push(entry)
    else {
      bad.push(entry)
      traces.push(`${repository.index.offsetOf(entry)} ${wrong.trace}`)
      if (bad.length === 1) reasons.push(wrong.reason)
    }
  }
  if (!header.ok) {
    reasons.push(`its header cannot be read (${header.reason})`)
    traces.push(`header ${header.trace}`)
  }
  const isReadable = header.ok && new Set(intact).isSupersetOf(new Set(named))
  const content = isReadable ? await lookAtContent(repository, name, size, options) : undefined
  if (content?.ok === false) {
    reasons.push(content.reason)
    traces.push(content.trace)
  }
  return { intact, bad, isWhole: content?.ok === true, reasons, trace: traces.join('\n') }
}

/** A file whose blobs are all sound may be another pack's, put under this name; and bytes between blobs belong to none. */
async function lookAtContent(
  { backend }: IndexedRepository,
  name: string,
  size: number,
  { signal }: LookOptions,
): Promise<Look<undefined>> {
  const hash = createHash('sha256')
  try {
    for (let offset = 0; offset < size; offset += pieceSize) {
      const range = { offset, length: Math.min(pieceSize, size - offset) }
      hash.update(await backend.read({ type: 'pack', name }, { range, signal, fresh: true }))
    }
  } catch (thrown) {
    signal?.throwIfAborted()
    throwIfBug(thrown)
    return { ok: false, reason: messageOf(thrown), trace: traceOfFailure(thrown) }
  }
  const found = hash.digest('hex')
  if (found === name) return { ok: true, found: undefined }
  return { ok: false, reason: 'its content is not what its name says', trace: `content ${found}` }
}
