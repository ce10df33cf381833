import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fillTable, folder, id, nodeOf } from '../../../test/helpers/listed-folders.ts'
import type { ListedEntry } from '../../../test/helpers/listed-folders.ts'
import { seeded } from '../../../test/helpers/seed.ts'
import { FolderComparer } from './folder-comparer.ts'
import type { MatchKind } from './folder-comparer.ts'
import { permissionsOf } from './mode.ts'
import { encodeNode } from './node.ts'
import type { Node } from './node.ts'
import type { TreeNode } from './tree-node.ts'
import { encodeTree, openTree } from './tree.ts'

/** The quick look for a restore against one that reads nodes one by one. */

const comparer = new FolderComparer()

/** What differs between an entry on the disk and its node: `disk` and `tree` for one that only one of them has. */
const changes = [
  '',
  '',
  '',
  'disk',
  'tree',
  'uid',
  'gid',
  'mode',
  'mtime',
  'size',
  'links',
  'other name',
  'attributes',
  'inode',
] as const
type Change = (typeof changes)[number]

interface Folder {
  readonly entries: readonly ListedEntry[]
  readonly nodes: readonly Node[]
}

const restored: fc.Arbitrary<Folder> = fc
  .tuple(folder, fc.array(fc.constantFrom(...changes), { minLength: 12, maxLength: 12 }))
  .map(([all, change]) => {
    const both = all.map((entry, i) => ({ entry, change: change[i] as Change }))
    return {
      entries: both.filter((one) => one.change !== 'tree').map(({ entry, change: of }) => onDisk(entry, of)),
      nodes: both.filter((one) => one.change !== 'disk').map(({ entry, change: of }) => inTree(nodeOf(entry), of)),
    }
  })

function onDisk({ name, stat }: ListedEntry, change: Change): ListedEntry {
  if (change === 'uid') return { name, stat: { ...stat, uid: stat.uid ^ 1 } }
  if (change === 'gid') return { name, stat: { ...stat, gid: stat.gid ^ 1 } }
  if (change === 'mode') return { name, stat: { ...stat, mode: stat.mode ^ 0o4000 } }
  if (change === 'mtime') return { name, stat: { ...stat, mtime: stat.mtime ^ 1n } }
  if (change === 'size') return { name, stat: { ...stat, size: stat.size ^ 1n } }
  if (change === 'other name') return { name, stat: { ...stat, links: 2n } }
  return { name, stat }
}

function inTree(node: Node, change: Change): Node {
  if (change === 'links') return { ...node, links: 2n }
  if (change === 'attributes') return { ...node, extendedAttributes: [{ name: 'user.a', value: Buffer.from('b') }] }
  if (change === 'inode') return { ...node, inode: node.inode ^ 1n }
  return node
}

const encoded = (nodes: readonly Node[]) => encodeTree(nodes.map(encodeNode))
const nameOf = ({ name }: { readonly name: Buffer }) => name.toString('latin1')

/** What is written without escapes. */
const isPlain = (target: Buffer | undefined) => target !== undefined && /^[a-z /]+$/.test(target.toString('latin1'))

function kindOf(node: TreeNode, entry: ListedEntry | undefined): MatchKind {
  if (!entry) return 'other'
  const { stat } = entry
  const isOwned =
    node.mtimeNs === stat.mtime &&
    node.uid === stat.uid &&
    node.gid === stat.gid &&
    !node.decode().extendedAttributes?.length
  if (node.type !== stat.type) return 'other'
  const isRight = isOwned && permissionsOf(node.mode) === (stat.mode & 0o7777)
  if (node.type === 'dir') return isRight ? 'right-folder' : 'folder'
  if (node.links > 1n || stat.links > 1n) return 'other'
  if (node.type === 'symlink') return isOwned && isPlain(node.decode().linkTarget) ? 'symlink' : 'other'
  return node.type === 'file' && isRight && node.size === stat.size ? 'file' : 'other'
}

test('the quick look finds of a tree what a slow one finds, unless its names need escapes', () => {
  let seen = 0
  fc.assert(
    fc.property(restored, ({ entries, nodes }) => {
      fillTable(comparer, entries)
      const found = comparer.match(encoded(nodes))
      if (!found) return assert.ok(nodes.some((node) => /[\\"]|[^ -~]/.test(nameOf(node))))
      seen++
      const byName = new Map(entries.map((entry, place) => [nameOf(entry), { entry, place }]))
      const slow = [...openTree(encoded(nodes))]
      assert.equal(found.count, slow.length)
      assert.equal(found.extras, entries.filter((entry) => !nodes.some(({ name }) => name.equals(entry.name))).length)
      for (const [i, node] of slow.entries()) {
        const there = byName.get(nameOf(node))
        const kind = kindOf(node, there?.entry)
        assert.equal(found.kind(i), kind, nameOf(node))
        if (kind === 'other') continue
        assert.deepEqual([nameOf({ name: found.name(i) }), found.place(i)], [nameOf(node), there?.place])
        if (kind === 'symlink') assert.equal(found.target(i).toString(), node.decode().linkTarget?.toString())
        else assert.equal(found.ids(i).toString('hex'), kind === 'file' ? id + id : id)
        if (kind === 'file') assert.equal(found.size(i), Number(node.size))
      }
    }),
    { ...seeded(), numRuns: 1000 },
  )
  assert.ok(seen > 0)
})

test('whatever is changed in the bytes of a tree, the quick look believes no more of a file than a slow one', () => {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    byte: fc.nat({ max: 255 }),
  })
  let believed = 0
  fc.assert(
    fc.property(restored, change, ({ entries, nodes }, { at, byte }) => {
      const tree = encoded(nodes)
      tree[Math.floor(at * tree.length)] = byte
      fillTable(comparer, entries)
      const found = comparer.match(tree)
      if (!found) return
      believed++
      let i = 0
      try {
        for (const node of openTree(tree)) {
          const kind = found.kind(i)
          const entry = entries.find(({ name }) => name.equals(node.name))
          if (kind !== 'other') assert.equal(kindOf(node, entry), kind)
          if (kind === 'file') assert.equal(found.ids(i).toString('hex'), node.content?.toString('hex'))
          if (kind === 'symlink') assert.deepEqual(found.target(i), node.decode().linkTarget)
          if (kind === 'right-folder') assert.equal(found.ids(i).toString('hex'), node.subtree?.toString('hex'))
          i++
        }
        assert.equal(found.count, i)
      } catch (thrown) {
        // Of values that say nothing here the quick look sees only that they are text.
        if (thrown instanceof assert.AssertionError) throw thrown
      }
    }),
    { ...seeded(), numRuns: 3000 },
  )
  assert.ok(believed > 0)
})
