import type { CompareJob, Comparison } from '#restorer'
import type { Primitives } from '#repository/format'

import { BlobBatch } from './blob-batch.ts'
import { plainMetadata } from './metadata.ts'
import type { TargetDisk, TargetStat } from './target-disk-types.ts'

/**
 * Jobs as they cross to a thread: in columns, because an object with arrays of its own for each file would take longer to
 * cross than a small file takes to read.
 */
export interface PlainJobs {
  /** Latin1. */
  readonly folders: readonly string[]
  readonly names: readonly string[]
  /** Blobs of each file; their ids and lengths follow each other. */
  readonly blobs: Uint32Array
  readonly ids: Uint8Array
  readonly lengths: Uint32Array
  /** Metadata that each file should have; undefined: that is not asked, or takes more than a look. */
  readonly metadata: readonly (LooksAlike | undefined)[]
}

/** Metadata of an entry without extended attributes. */
type LooksAlike = readonly [mode: number, uid: number, gid: number, mtime: bigint]

export interface PlainComparisons {
  /** -1: the file could not be read, and `errors` says why. */
  readonly sizes: Float64Array
  readonly errors: readonly (readonly [job: number, reason: string])[]
  readonly matches: Uint8Array
  readonly sameMetadata: Uint8Array
}

export function plainJobs(jobs: readonly CompareJob[]): PlainJobs {
  const count = jobs.reduce((sum, { lengths }) => sum + lengths.length, 0)
  const plain = {
    folders: [] as string[],
    names: [] as string[],
    blobs: Uint32Array.from(jobs, ({ lengths }) => lengths.length),
    ids: new Uint8Array(count * hashLength),
    lengths: new Uint32Array(count),
    metadata: jobs.map(looksOf),
  }
  let at = 0
  for (const { path, ids, lengths } of jobs) {
    const whole = path.toString('latin1')
    const slash = whole.lastIndexOf('/')
    plain.folders.push(whole.slice(0, Math.max(0, slash)))
    plain.names.push(whole.slice(slash + 1))
    plain.ids.set(ids, at * hashLength)
    plain.lengths.set(lengths, at)
    at += lengths.length
  }
  return plain
}

function looksOf({ node }: CompareJob): LooksAlike | undefined {
  if (!node || node.extendedAttributes?.length) return undefined
  try {
    const { mode, uid, gid, mtime } = plainMetadata(node)
    return [mode, uid, gid, mtime]
  } catch {
    return undefined // whoever sets it says what is wrong
  }
}

export function comparisonsOf(
  jobs: readonly CompareJob[],
  { sizes, errors, matches, sameMetadata }: PlainComparisons,
): Comparison[] {
  const reasons = new Map(errors)
  let at = 0
  return jobs.map(({ lengths }, job) => {
    const size = sizes[job] as number
    const reason = reasons.get(job)
    const its = matches.subarray(at, (at += lengths.length))
    return {
      size: size < 0 ? undefined : size,
      matches: its,
      sameMetadata: sameMetadata[job] === 1,
      ...(reason !== undefined && { error: new Error(reason) }),
    }
  })
}

const hashLength = 32

/** Reads files blob by blob and says which of them they hold, and whether their metadata is right. */
export class FileComparer {
  readonly #disk: TargetDisk
  readonly #batch: BlobBatch

  constructor(disk: TargetDisk, primitives?: Primitives) {
    this.#disk = disk
    this.#batch = new BlobBatch(disk, primitives)
  }

  compare(jobs: PlainJobs): PlainComparisons {
    const sizes = new Float64Array(jobs.names.length).fill(-1)
    const errors: [number, string][] = []
    const matches = new Uint8Array(jobs.lengths.length)
    const sameMetadata = new Uint8Array(jobs.names.length)
    let first = 0
    for (let job = 0; job < jobs.names.length; job++) {
      const end = first + (jobs.blobs[job] as number)
      try {
        const { size, looksAlike } = this.#compareFile(jobs, { job, first, end }, matches)
        sizes[job] = size
        sameMetadata[job] = looksAlike ? 1 : 0
      } catch (error) {
        errors.push([job, error instanceof Error ? error.message : String(error)])
      }
      first = end
    }
    this.#batch.finish()
    // A file that could not be read to its end holds nothing that can be counted on.
    let at = 0
    for (const [job, size] of sizes.entries()) {
      const end = at + (jobs.blobs[job] as number)
      if (size < 0) matches.fill(0, at, end)
      at = end
    }
    return { sizes, errors, matches, sameMetadata }
  }

  #compareFile(
    jobs: PlainJobs,
    { job, first, end }: { readonly job: number; readonly first: number; readonly end: number },
    matches: Uint8Array,
  ): { size: number; looksAlike: boolean } {
    const disk = this.#disk
    const name = Buffer.from(jobs.names[job] as string, 'latin1')
    const file = disk.open(disk.folder(jobs.folders[job] as string), name, 'read')
    try {
      let offset = 0
      for (let blob = first; blob < end; blob++) {
        const length = jobs.lengths[blob] as number
        const wanted = { ids: jobs.ids, at: blob * hashLength, counts: matches, count: blob }
        if (!this.#batch.read(file, { offset, length }, wanted)) break
        offset += length
      }
      const stat = disk.statFile(file)
      return { size: stat.size, looksAlike: this.#looksAlike(file, stat, jobs.metadata[job]) }
    } finally {
      disk.close(file)
    }
  }

  #looksAlike(file: number, stat: TargetStat, wanted: LooksAlike | undefined): boolean {
    if (!wanted) return false
    const [mode, uid, gid, mtime] = wanted
    const isSame = (stat.mode & 0o7777) === mode && stat.uid === uid && stat.gid === gid && stat.mtime === mtime
    return isSame && this.#disk.metadataOf({ open: file }).listAttributes().length === 0
  }
}
