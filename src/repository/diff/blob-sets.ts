import { Bitmap } from '../bitmap.ts'
import type { BlobIndex } from '../blob-index.ts'
import type { BlobType } from '../delivery.ts'
import { idToHex } from '../format/ids.ts'

/** Blobs, by their first entries in an index; those that are in no index by their ids. */
export class BlobSet {
  readonly known: Bitmap
  /** `data <id>` */
  readonly missing = new Set<string>()
  readonly #index: BlobIndex

  constructor(index: BlobIndex) {
    this.#index = index
    this.known = new Bitmap(index.size)
  }

  add(type: BlobType, ids: Uint8Array, at: number = 0): void {
    const entry = this.#index.find(type, ids, at)
    if (entry >= 0) this.known.add(entry)
    else this.missing.add(`${type} ${idToHex(ids, at)}`)
  }

  addContent(ids: Uint8Array): void {
    for (let at = 0; at < ids.length; at += 32) this.add('data', ids, at)
  }
}

export interface BlobCounts {
  readonly dataBlobs: number
  readonly treeBlobs: number
  /** Of the blobs, not compressed. */
  readonly bytes: bigint
}

/** What is in `set` and in none of the others. `onMissing` is told of each of these whose size nobody knows. */
export function countOnlyIn(
  set: BlobSet,
  others: readonly BlobSet[],
  { index, onMissing }: { readonly index: BlobIndex; readonly onMissing: (type: BlobType, id: string) => void },
): BlobCounts {
  let [dataBlobs, treeBlobs, bytes] = [0, 0, 0n]
  const count = (type: BlobType) => (type === 'data' ? dataBlobs++ : treeBlobs++)
  for (const entry of set.known) {
    if (others.some(({ known }) => known.has(entry))) continue
    count(index.typeOf(entry))
    bytes += BigInt(index.plainLengthOf(entry))
  }
  for (const name of set.missing) {
    if (others.some(({ missing }) => missing.has(name))) continue
    const [type, id] = name.split(' ') as [BlobType, string]
    count(type)
    onMissing(type, id)
  }
  return { dataBlobs, treeBlobs, bytes }
}

/** False when every blob of both is in both. */
export function haveDifference(a: BlobSet, b: BlobSet): boolean {
  if (a.known.count !== b.known.count || a.missing.size !== b.missing.size) return true
  for (const entry of a.known) if (!b.known.has(entry)) return true
  return [...a.missing].some((name) => !b.missing.has(name))
}
