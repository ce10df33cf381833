import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeNode, encodeTree, formatTime, goModeOf, openTree, typeOfMode } from '#repository'
import type { EntryStat, Node } from '#repository'
// oxlint-disable-next-line no-restricted-imports -- the door that the tested module uses
import { FolderComparer } from '#repository/format'
import { seeded } from '../../test/helpers/seed.ts'
import { compareEntries } from './scan-folder.ts'
import type { ListedEntry } from './source.ts'

/** The quick comparison against the one that reads nodes one by one: whatever it says is the same, is the same there too. */

const comparer = new FolderComparer()
const blobs = { useBlobs: () => true }
const id = 'ab'.repeat(32)

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

const folder: fc.Arbitrary<ListedEntry[]> = fc
  .uniqueArray(fc.record({ name, stat }), { maxLength: 12, selector: (entry) => entry.name.toString('latin1') })
  .map((entries) => entries.toSorted((a, b) => Buffer.compare(a.name, b.name)))

function nodeOf({ name: bytes, stat: of }: ListedEntry): Node {
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
    ...(of.type === 'symlink' && { linkTarget: Buffer.from('to \\ there') }),
  }
}

function treeOf(entries: readonly ListedEntry[]): Buffer {
  return encodeTree(entries.map((entry) => encodeNode(nodeOf(entry))))
}

/** As the system would give them, in an order of its own. */
function fill(entries: readonly ListedEntry[]): void {
  const { memory, direntsAt } = comparer
  let end = direntsAt
  for (const bytes of [...entries.map((entry) => entry.name).toReversed(), Buffer.from('.'), Buffer.from('..')]) {
    const length = (19 + bytes.length + 1 + 7) & ~7
    memory.fill(0, end, end + length)
    memory.writeUInt16LE(length, end + 16)
    memory.set(bytes, end + 19)
    end += length
  }
  assert.equal(comparer.sort(end), entries.length)
  entries.forEach(({ name: bytes, stat: of }, place) => {
    assert.deepEqual(memory.subarray(comparer.nameAt(place), comparer.nameAt(place) + bytes.length), bytes)
    const at = comparer.statAt(place)
    memory.writeUInt32LE(of.uid, at + 20)
    memory.writeUInt32LE(of.gid, at + 24)
    memory.writeUInt16LE(of.mode, at + 28)
    memory.writeBigUInt64LE(of.inode, at + 32)
    memory.writeBigUInt64LE(of.size, at + 40)
    putTime(of.ctime, at + 96)
    putTime(of.mtime, at + 112)
  })
}

function putTime(nanoseconds: bigint, at: number): void {
  const fraction = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  comparer.memory.writeBigInt64LE((nanoseconds - fraction) / 1_000_000_000n, at)
  comparer.memory.writeUInt32LE(Number(fraction), at + 8)
}

const isEscaped = (entries: readonly ListedEntry[]) =>
  entries.some(
    (entry) => encodeNode(nodeOf(entry)).includes('\\', 0) && /[\\"]|[^ -~]/.test(entry.name.toString('latin1')),
  )

test('a folder that is as its tree says is known by the quick comparison, unless its names need escapes', () => {
  fc.assert(
    fc.property(folder, (entries) => {
      fill(entries)
      const same = comparer.compare(treeOf(entries))
      const slow = compareEntries(entries, openTree(treeOf(entries)), { rule: {}, blobs })
      assert.ok(slow)
      if (!same) return assert.ok(isEscaped(entries))
      assert.deepEqual([same.files, same.bytes, same.folders.length], [slow.files, slow.bytes, slow.folders.length])
      assert.equal(same.ids.toString('hex'), (id + id).repeat(same.files))
      same.folders.forEach(({ place, subtree, isSame }, i) => {
        assert.equal((entries[place] as ListedEntry).name.toString('latin1'), slow.folders[i]?.name)
        assert.deepEqual([Buffer.from(subtree).toString('hex'), isSame], [id, slow.folders[i]?.isSame])
      })
    }),
    { ...seeded(), numRuns: 400 },
  )
})

test('whatever is changed in an entry or in the bytes of the tree, the quick comparison believes no more than the slow one', () => {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    byte: fc.nat({ max: 255 }),
  })
  let believed = 0
  fc.assert(
    fc.property(folder, fc.array(change, { minLength: 1, maxLength: 2 }), (entries, changes) => {
      const tree = treeOf(entries)
      for (const { at, byte } of changes) tree[Math.floor(at * tree.length)] = byte
      fill(entries)
      const same = comparer.compare(tree)
      if (!same) return
      believed++
      const slow = compareEntries(entries, openTree(tree), { rule: {}, blobs })
      // Of what makes no difference here (who owns it by name, say) the quick one sees only that it is text.
      if (slow) assert.deepEqual([same.files, same.folders.length], [slow.files, slow.folders.length])
      else
        assert.ok(
          changes.some(({ at }) => isWithinIgnored(tree, Math.floor(at * tree.length))),
          tree.toString('latin1'),
        )
    }),
    { ...seeded(), numRuns: 3000 },
  )
  assert.ok(believed > 0)
})

/** Whether a byte lies in a value that neither comparison looks at. */
function isWithinIgnored(tree: Buffer, at: number): boolean {
  const before = tree.toString('latin1', 0, at + 1)
  const key = [...before.matchAll(/"([a-z_]+)":/g)].at(-1)?.[1]
  return !['name', 'type', 'mode', 'mtime', 'ctime', 'uid', 'gid', 'inode', 'size', 'content', 'subtree'].includes(
    key ?? '',
  )
}

test('any difference in an entry makes a folder another', () => {
  fc.assert(
    fc.property(
      folder.filter((entries) => entries.length > 0),
      fc.nat(),
      fc.nat({ max: 5 }),
      (entries, which, field) => {
        const place = which % entries.length
        const { name: bytes, stat: of } = entries[place] as ListedEntry
        const changed: Partial<EntryStat>[] = [
          { uid: of.uid ^ 1 },
          { gid: of.gid ^ 1 },
          { inode: of.inode ^ 1n },
          { mtime: of.mtime ^ 1n },
          { ctime: of.ctime ^ 1n },
          { mode: of.mode ^ 1 },
        ]
        fill(entries.with(place, { name: bytes, stat: { ...of, ...changed[field] } }))
        const same = comparer.compare(treeOf(entries))
        if (!same) return
        const found = same.folders.find((candidate) => candidate.place === place)
        assert.deepEqual([of.type, found?.isSame], ['dir', false])
      },
    ),
    { ...seeded(), numRuns: 400 },
  )
})
