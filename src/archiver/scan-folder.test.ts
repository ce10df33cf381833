import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeNode, openTree } from '#repository'
import type { EntryStat } from '#repository'
// oxlint-disable-next-line no-restricted-imports -- the door that the tested module uses
import { FolderComparer } from '#repository/format'
import { fillTable, folder, id, nodeOf, treeOf } from '../../test/helpers/listed-folders.ts'
import { seeded } from '../../test/helpers/seed.ts'
import { compareEntries } from './scan-folder.ts'
import type { ListedEntry } from './source.ts'

/** The quick comparison against the one that reads nodes one by one: whatever it says is the same, is the same there too. */

const comparer = new FolderComparer()
const blobs = { useBlobs: () => true, lengthsOf: () => undefined }

const isEscaped = (entries: readonly ListedEntry[]) =>
  entries.some(
    (entry) => encodeNode(nodeOf(entry)).includes('\\', 0) && /[\\"]|[^ -~]/.test(entry.name.toString('latin1')),
  )

test('a folder that is as its tree says is known by the quick comparison, unless its names need escapes', () => {
  fc.assert(
    fc.property(folder, (entries) => {
      fillTable(comparer, entries)
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
      fillTable(comparer, entries)
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
        fillTable(comparer, entries.with(place, { name: bytes, stat: { ...of, ...changed[field] } }))
        const same = comparer.compare(treeOf(entries))
        if (!same) return
        const found = same.folders.find((candidate) => candidate.place === place)
        assert.deepEqual([of.type, found?.isSame], ['dir', false])
      },
    ),
    { ...seeded(), numRuns: 400 },
  )
})
