import { Bitmap } from './bitmap.ts'
import type { BlobIndex } from './blob-index.ts'
import { compressedEntryLength, lengthFieldSize, plainEntryLength } from './format/pack-header.ts'

/** The packs that an index names, each once even when several index files name it. */
export interface TablePack {
  /** Its position in the table. */
  readonly place: number
  /** The pack's first number in the index. */
  readonly number: number
  /** All its numbers: one for each time that an index file names it. */
  readonly numbers: readonly number[]
  readonly name: string
  /** What the pack's size must be, from its blobs. */
  readonly size: number
  /** Sealed bytes of its blobs. */
  readonly blobBytes: number
  readonly type: 'data' | 'tree' | 'mixed'
  readonly hasUncompressed: boolean
}

const sealOverhead = 32

export class PackTable {
  readonly packs: readonly TablePack[]
  /** Entries that say again what an earlier one says: the pack is named in two index files. */
  readonly repeated: Bitmap
  readonly #byName: ReadonlyMap<string, TablePack>
  /** Position of a pack in `packs`, by any of its numbers. */
  readonly #places: Uint32Array
  /** Entries sorted by pack, and where each pack's begin. */
  readonly #entries: Uint32Array
  readonly #starts: Uint32Array

  constructor(index: BlobIndex) {
    const { places, numbers } = namePacks(index)
    this.#places = places
    this.repeated = findRepeated(index, places, numbers)
    const { entries, starts } = sortByPack(index, places, numbers.length, this.repeated)
    this.#entries = entries
    this.#starts = starts
    this.packs = numbers.map((all, place) => ({ place, ...describe(index, all, this.#entriesAt(place)) }))
    this.#byName = new Map(this.packs.map((pack) => [pack.name, pack]))
  }

  get(name: string): TablePack | undefined {
    return this.#byName.get(name)
  }

  /** Position in `packs` of the pack that a blob lies in. */
  placeOf(index: BlobIndex, entry: number): number {
    return this.#places[index.packOf(entry)] as number
  }

  /** The entries of the blobs of the pack at this position in `packs`, by their offset. */
  entriesOf(place: number): Uint32Array {
    return this.#entriesAt(place)
  }

  #entriesAt(place: number): Uint32Array {
    return this.#entries.subarray(this.#starts[place], this.#starts[place + 1])
  }
}

function namePacks(index: BlobIndex): { places: Uint32Array; numbers: number[][] } {
  const places = new Uint32Array(index.packCount)
  const numbers: number[][] = []
  const byName = new Map<string, number>()
  for (let number = 0; number < index.packCount; number++) {
    const name = index.packName(number).toString('latin1')
    const place = byName.get(name) ?? numbers.length
    places[number] = place
    if (place < numbers.length) numbers[place]?.push(number)
    else {
      byName.set(name, place)
      numbers.push([number])
    }
  }
  return { places, numbers }
}

function findRepeated(index: BlobIndex, places: Uint32Array, numbers: readonly number[][]): Bitmap {
  const repeated = new Bitmap(index.size)
  for (let entry = 0; entry < index.size; entry++) {
    const pack = index.packOf(entry)
    if (pack < 0 || (numbers[places[pack] as number]?.length ?? 0) < 2) continue
    for (const other of index.findAll(index.typeOf(entry), index.idOf(entry))) {
      if (other >= entry) continue
      const isSamePack = places[index.packOf(other)] === places[pack]
      if (isSamePack && index.offsetOf(other) === index.offsetOf(entry)) repeated.add(entry)
    }
  }
  return repeated
}

function sortByPack(index: BlobIndex, places: Uint32Array, packs: number, repeated: Bitmap) {
  const starts = new Uint32Array(packs + 1)
  const counted = (entry: number) => index.packOf(entry) >= 0 && !repeated.has(entry)
  for (let entry = 0; entry < index.size; entry++) {
    if (counted(entry)) increase(starts, (places[index.packOf(entry)] as number) + 1, 1)
  }
  for (let place = 0; place < packs; place++) increase(starts, place + 1, starts[place] as number)
  const next = starts.slice()
  const entries = new Uint32Array(starts[packs] as number)
  for (let entry = 0; entry < index.size; entry++) {
    if (counted(entry)) entries[increase(next, places[index.packOf(entry)] as number, 1) - 1] = entry
  }
  for (let place = 0; place < packs; place++) {
    const inPack = entries.subarray(starts[place], starts[place + 1])
    // An index names them in this order nearly always.
    if (!isSorted(index, inPack)) inPack.sort((a, b) => index.offsetOf(a) - index.offsetOf(b))
  }
  return { entries, starts }
}

function isSorted(index: BlobIndex, entries: Uint32Array): boolean {
  return entries.every((entry, i) => i === 0 || index.offsetOf(entries[i - 1] as number) < index.offsetOf(entry))
}

function describe(index: BlobIndex, numbers: readonly number[], entries: Uint32Array): Omit<TablePack, 'place'> {
  let blobBytes = 0
  let header = sealOverhead + lengthFieldSize
  let [trees, uncompressed] = [0, 0]
  for (const entry of entries) {
    const isCompressed = index.uncompressedLengthOf(entry) > 0
    blobBytes += index.lengthOf(entry)
    header += isCompressed ? compressedEntryLength : plainEntryLength
    if (!isCompressed) uncompressed++
    if (index.typeOf(entry) === 'tree') trees++
  }
  const number = numbers[0] as number
  return {
    number,
    numbers,
    name: index.packName(number).toString('hex'),
    size: blobBytes + header,
    blobBytes,
    type: trees === 0 ? 'data' : trees === entries.length ? 'tree' : 'mixed',
    hasUncompressed: uncompressed > 0,
  }
}

/** Adds to one number of a column; returns the new value. */
function increase(column: Uint32Array, at: number, by: number): number {
  column[at] = (column[at] as number) + by
  return column[at]
}
