import type { Cancellable } from '#base'
import type { FileType } from '#backend'
import type { BlobType } from './delivery.ts'
import type { IndexedRepository } from './repository.ts'

/** How large the files and blobs of a repository are, in classes that are powers of ten, as restic has them. */

export interface SizeClass {
  readonly lower: number
  readonly upper: number
  readonly count: number
}

export interface SizeHistogram {
  readonly count: number
  /** Bytes. */
  readonly total: bigint
  readonly classes: readonly SizeClass[]
  /** Sizes beyond the largest class: nothing that is written has them. */
  readonly oversized: readonly number[]
}

export interface RepositorySizes {
  readonly files: Readonly<Record<(typeof listedFiles)[number], SizeHistogram>>
  readonly blobs: Readonly<Record<BlobType, SizeHistogram>>
}

const listedFiles = ['key', 'lock', 'index', 'snapshot', 'pack'] as const satisfies readonly FileType[]

/** Twice the largest pack, and twice the largest chunk. */
const largest = { file: 2 * (128 << 20), blob: 2 * (8 << 20) }

export async function countSizes(
  repository: IndexedRepository,
  { signal }: Cancellable = {},
): Promise<RepositorySizes> {
  const { backend, index } = repository
  const files = Object.fromEntries(listedFiles.map((type) => [type, new Counter(largest.file)]))
  for (const type of listedFiles) {
    for await (const { size } of backend.list(type, { signal })) files[type]?.add(size)
  }
  const blobs = { data: new Counter(largest.blob), tree: new Counter(largest.blob) }
  for (let entry = 0; entry < index.size; entry++) blobs[index.typeOf(entry)].add(index.lengthOf(entry))
  return { files: files as unknown as RepositorySizes['files'], blobs }
}

class Counter implements SizeHistogram {
  count = 0
  total = 0n
  readonly classes: { readonly lower: number; readonly upper: number; count: number }[] = [
    { lower: 0, upper: 0, count: 0 },
  ]
  readonly oversized: number[] = []

  constructor(limit: number) {
    for (let lower = 1; lower < limit; lower *= 10) {
      this.classes.push({ lower, upper: Math.min(lower * 10 - 1, limit), count: 0 })
    }
  }

  add(size: number): void {
    this.count++
    this.total += BigInt(size)
    const found = this.classes.find(({ lower, upper }) => size >= lower && size <= upper)
    if (found) found.count++
    else this.oversized.push(size)
  }
}
