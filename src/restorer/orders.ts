import type { BlobPlace, DeliveryOrder, DeliveryWrite, Node } from '#repository'

import { idAt } from './repository.ts'
import type { BegunFile } from './target.ts'

/** A file whose content is being brought back. */
export interface FileWork {
  readonly entry: number
  readonly path: Buffer
  readonly node: Node
  readonly ids: Buffer
  readonly lengths: Uint32Array
  /** Bytes of the whole content. */
  readonly size: number
  readonly replaces: boolean
  /** Which blobs the file that is there, or a leftover, holds already. */
  readonly matches: Uint8Array | undefined
  readonly leftover: Buffer | undefined
  /** Blobs up to here are in windows. */
  assigned: number
  /** Offset of that blob in the file. */
  assignedBytes: number
  /** Writes that have not been answered. */
  outstanding: number
  /** Blobs were left out, as the file starts with zeros there. */
  hasHoles: boolean
  begun: BegunFile | undefined
  failure: Error | undefined
}

export function isAssigned(file: FileWork): boolean {
  return file.assigned === file.lengths.length
}

/** One blob of one file. */
export interface Need {
  readonly file: FileWork
  /** Its place in the file's list of blobs. */
  readonly index: number
  /** Where it belongs in the file. */
  readonly offset: number
}

interface WantedBlob {
  readonly id: Buffer
  readonly place: BlobPlace
  readonly needs: Need[]
}

/** Blobs that are read in one go. */
export interface BlobGroup {
  readonly pack: string
  readonly blobs: readonly WantedBlob[]
}

/** Bytes between two wanted blobs that are read along rather than asked for in two requests. */
const largestGap = 64 << 10
/** Bytes of a pack that are held in memory at once. */
const largestGroup = 4 << 20

/** Sorts needs by pack and position, and cuts them where a gap is too wide or a group too large. */
export function groupByPack(needs: readonly Need[], placeOf: (id: Buffer) => BlobPlace | undefined): BlobGroup[] {
  const packs = new Map<string, Map<number, WantedBlob>>()
  for (const need of needs) {
    const id = idAt(need.file.ids, need.index)
    const place = placeOf(id)
    if (place === undefined) continue // has been looked up before; an index does not lose it meanwhile
    let blobs = packs.get(place.pack)
    if (!blobs) packs.set(place.pack, (blobs = new Map()))
    const known = blobs.get(place.offset)
    if (known) known.needs.push(need)
    else blobs.set(place.offset, { id, place, needs: [need] })
  }
  return [...packs].flatMap(([pack, blobs]) => cut(pack, [...blobs.values()]))
}

function cut(pack: string, blobs: WantedBlob[]): BlobGroup[] {
  blobs.sort((a, b) => a.place.offset - b.place.offset)
  const groups: BlobGroup[] = []
  let current: WantedBlob[] = []
  let start = 0
  let end = 0
  for (const blob of blobs) {
    const { offset, length } = blob.place
    const isFar = offset - end > largestGap || offset + length - start > largestGroup
    if (current.length > 0 && isFar) {
      groups.push({ pack, blobs: current })
      current = []
    }
    if (current.length === 0) start = offset
    current.push(blob)
    end = offset + length
  }
  if (current.length > 0) groups.push({ pack, blobs: current })
  return groups
}

/**
 * Files that a thread can write in one go: nothing of them is there yet, and all of their blobs come in one group.
 * `needs` has all the needs of the window.
 */
export function wholeFiles(groups: readonly BlobGroup[]): Map<FileWork, BlobGroup> {
  const home = new Map<FileWork, BlobGroup>()
  const split = new Set<FileWork>()
  const counts = new Map<FileWork, number>()
  for (const group of groups) {
    for (const { file } of group.blobs.flatMap((blob) => blob.needs)) {
      const known = home.get(file)
      counts.set(file, (counts.get(file) ?? 0) + 1)
      if (!known) home.set(file, group)
      if ((known && known !== group) || !mayBeWhole(file)) split.add(file)
    }
  }
  // The rest of a file may have been taken up by the next window, or be there already.
  for (const [file, count] of counts) if (count !== file.lengths.length) split.add(file)
  for (const file of split) home.delete(file)
  return home
}

function mayBeWhole(file: FileWork): boolean {
  return file.begun === undefined && file.matches === undefined && !file.hasHoles && isAssigned(file)
}

/** An id that is no piece of a larger buffer: a message to a thread would carry all of that, for each blob. */
function ownCopy(id: Buffer): Buffer {
  const copy = Buffer.alloc(id.length)
  copy.set(id)
  return copy
}

export interface PlannedOrder {
  readonly order: DeliveryOrder
  /** For each write, whose it is. */
  readonly files: readonly FileWork[]
}

export function makeOrder(
  group: BlobGroup,
  whole: ReadonlyMap<FileWork, BlobGroup>,
  writer: DeliveryOrder['writer'],
  wholeRef: (file: FileWork) => unknown,
): PlannedOrder {
  const writes: DeliveryWrite[] = []
  const files: FileWork[] = []
  const pieces = new Map<FileWork, number[]>()
  for (const [blob, { needs }] of group.blobs.entries()) {
    for (const { file, index, offset } of needs) {
      if (whole.has(file)) {
        let blobs = pieces.get(file)
        if (!blobs) pieces.set(file, (blobs = Array.from({ length: file.lengths.length })))
        blobs[index] = blob
        continue
      }
      if (!file.begun) continue // it could not be begun, and has failed
      writes.push({ kind: 'part', ref: file.begun.ref, offset, blob })
      files.push(file)
    }
  }
  for (const [file, blobs] of pieces) {
    writes.push({ kind: 'whole', ref: wholeRef(file), blobs })
    files.push(file)
  }
  const blobs = group.blobs.map(({ id, place }) => ({ id: ownCopy(id), place }))
  return { order: { pack: group.pack, blobs, writes, writer }, files }
}
