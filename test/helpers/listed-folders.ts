/** Folders made up at random, as a listing of them and as a tree. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { encodeNode, encodeTree, formatTime, goModeOf, typeOfMode } from '#repository'
import type { EntryStat, Node } from '#repository'
import type { EntryTable } from '#repository/format'

/** As a source lists it. */
export interface ListedEntry {
  readonly name: Buffer
  readonly stat: EntryStat
}

/** Of every blob and tree. */
export const id = 'ab'.repeat(32)

const time = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n })
const stat: fc.Arbitrary<EntryStat> = fc
  .record({
    kind: fc.constantFrom(0o100000, 0o040000, 0o120000, 0o060000, 0o020000, 0o010000),
    permissions: fc.nat({ max: 0o7777 }),
    uid: fc.nat(),
    gid: fc.nat(),
    inode: fc.bigInt({ min: 0n, max: 10n ** 18n }),
    size: fc.bigInt({ min: 0n, max: 10n ** 15n }),
    mtime: time,
    ctime: time,
  })
  .map(({ kind, permissions, mtime, ...rest }) => {
    const mode = kind | permissions
    const type = typeOfMode(mode)
    return { ...rest, type, mode, mtime, atime: mtime, deviceId: 1n, links: 1n, device: 0n }
  })

const plainName = fc.stringMatching(/^[a-z0-9 äß._-]{1,12}$/).map((text) => Buffer.from(text))
const anyName = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))))
const name = fc
  .oneof({ weight: 30, arbitrary: plainName }, { weight: 1, arbitrary: anyName })
  .filter((bytes) => !['.', '..'].includes(bytes.toString('latin1')))

/** What lies in a folder, in the order of the names. */
export const folder: fc.Arbitrary<ListedEntry[]> = fc
  .uniqueArray(fc.record({ name, stat }), { maxLength: 12, selector: (entry) => entry.name.toString('latin1') })
  .map((entries) => entries.toSorted((a, b) => Buffer.compare(a.name, b.name)))

export function nodeOf({ name: bytes, stat: of }: ListedEntry): Node {
  return {
    ...of,
    name: bytes,
    mode: goModeOf(of.mode),
    mtime: formatTime(of.mtime),
    atime: formatTime(of.atime),
    ctime: formatTime(of.ctime),
    size: of.type === 'file' ? of.size : 0n,
    user: 'root',
    group: 'a"b',
    content: of.type === 'file' ? Buffer.from(id + id, 'hex') : null,
    ...(of.type === 'dir' && { subtree: Buffer.from(id, 'hex') }),
    ...(of.type === 'symlink' && { linkTarget: Buffer.from(of.uid % 2 === 0 ? 'to \\ there' : 'to there') }),
  }
}

export function treeOf(entries: readonly ListedEntry[]): Buffer {
  return encodeTree(entries.map((entry) => encodeNode(nodeOf(entry))))
}

/** Puts entries into a table as the system would give them, in an order of its own. */
export function fillTable(table: EntryTable, entries: readonly ListedEntry[]): void {
  const { memory, direntsAt } = table
  let end = direntsAt
  for (const bytes of [...entries.map((entry) => entry.name).toReversed(), Buffer.from('.'), Buffer.from('..')]) {
    const length = (19 + bytes.length + 1 + 7) & ~7
    memory.fill(0, end, end + length)
    memory.writeUInt16LE(length, end + 16)
    memory.set(bytes, end + 19)
    end += length
  }
  assert.equal(table.sort(end), entries.length)
  entries.forEach(({ name: bytes, stat: of }, place) => {
    assert.deepEqual(memory.subarray(table.nameAt(place), table.nameAt(place) + bytes.length), bytes)
    const at = table.statAt(place)
    memory.writeUInt32LE(Number(of.links), at + 16)
    memory.writeUInt32LE(of.uid, at + 20)
    memory.writeUInt32LE(of.gid, at + 24)
    memory.writeUInt16LE(of.mode, at + 28)
    memory.writeBigUInt64LE(of.inode, at + 32)
    memory.writeBigUInt64LE(of.size, at + 40)
    putTime(memory, of.ctime, at + 96)
    putTime(memory, of.mtime, at + 112)
  })
}

function putTime(memory: Buffer, nanoseconds: bigint, at: number): void {
  const fraction = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  memory.writeBigInt64LE((nanoseconds - fraction) / 1_000_000_000n, at)
  memory.writeUInt32LE(Number(fraction), at + 8)
}
