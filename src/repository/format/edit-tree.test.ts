import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../../test/helpers/seed.ts'
import { TreeEdit, emptyTree, typeTextOf, withContent, withSubtree } from './edit-tree.ts'
import { encodeNode } from './node.ts'
import type { Node } from './node.ts'
import type { TreeNode } from './tree-node.ts'
import { encodeTree, openTree } from './tree.ts'

const time = '2026-01-02T03:04:05Z'
const id = (byte: number) => Buffer.alloc(32, byte)
const plain: Node = {
  name: Buffer.from('x'),
  type: 'file',
  mode: 0o644,
  mtime: time,
  atime: time,
  ctime: time,
  uid: 1,
  gid: 2,
  user: 'ann',
  group: '',
  inode: 5n,
  deviceId: 6n,
  size: 7n,
  links: 1n,
  device: 0n,
  content: id(1),
}
const fileNamed = (name: string) => ({ ...plain, name: Buffer.from(name) })

function only(tree: Buffer): TreeNode {
  return [...openTree(tree)][0] as TreeNode
}

test('a changed content gives the bytes that any program would write, the size left out when nothing is left', () => {
  const node = only(encodeTree([encodeNode(plain)]))
  assert.deepEqual(withContent(node, id(2), 9n), encodeNode({ ...plain, content: id(2), size: 9n }))
  assert.deepEqual(withContent(node, Buffer.alloc(0), 0n), encodeNode({ ...plain, content: Buffer.alloc(0), size: 0n }))
})

test('fields that nobody knows stay, byte for byte, and so does how the others are spelt', () => {
  const start = `{"new" : [1, {"a":"\\u0062"}],"name":"x","type":"file","mtime":"${time}","atime":"${time}"`
  const rest = `,"ctime":"${time}","uid":0,"gid":0,"content":null , "later":1.50}`
  const node = only(Buffer.from(`{"nodes":[${start},"size":123${rest}]}\n`))
  const hex = id(3).toString('hex')
  const changed = withContent(node, id(3), 5n).toString()
  assert.equal(changed, `${start},"size":5${rest.replace('null', `["${hex}"]`)}`)
  const without = only(Buffer.from(`{"nodes":[${start}${rest}]}\n`))
  assert.equal(
    withContent(without, Buffer.alloc(0), 5n).toString(),
    `${start}${rest.replace('null', '[]').replace('1.50}', '1.50,"size":5}')}`,
  )
  assert.equal(
    withSubtree(node, id(3)).toString(),
    `${start},"size":123${rest.replace('1.50}', `1.50,"subtree":"${hex}"}`)}`,
  )
})

test('another subtree is put where the old one stands', () => {
  const folder: Node = { ...plain, type: 'dir', content: null, size: 0n, subtree: id(4) }
  const node = only(encodeTree([encodeNode(folder)]))
  assert.deepEqual(withSubtree(node, id(5)), encodeNode({ ...folder, subtree: id(5) }))
})

test('the type is read as it is spelt', () => {
  const typed = (text: string) => only(Buffer.from(`{"nodes":[{"name":"x"${text}}]}\n`))
  assert.deepEqual(
    ['', ',"type":"dir"', ',"type":"of 2031"', ',"type":null'].map((text) => typeTextOf(typed(text))),
    ['', 'dir', 'of 2031', ''],
  )
})

test('a tree of which nothing is changed is the same tree, whatever stands in it', () => {
  for (const text of ['{"nodes":[]}', '{"a":{"nodes":1},"nodes":[{"name":"a"} , {"name":"b"}],"z":[]} \n']) {
    const bytes = Buffer.from(text)
    const edit = new TreeEdit(bytes)
    for (const node of openTree(bytes)) edit.keep(node)
    assert.deepEqual([edit.isChanged, edit.finish()], [false, bytes])
  }
  assert.deepEqual([...openTree(emptyTree)], [])
})

test('what stands around the nodes stays when they change, and all may go', () => {
  const bytes = Buffer.from('{"a":1,"nodes":[{"name":"a"} , {"name":"b"}, {"name":"c"}],"z":[]}\n')
  const edited = (fates: readonly string[]) => {
    const edit = new TreeEdit(bytes)
    for (const [i, node] of [...openTree(bytes)].entries()) {
      if (fates[i] === 'keep') edit.keep(node)
      else if (fates[i] === 'drop') edit.drop(node)
      else edit.replace(node, Buffer.from(fates[i] as string))
    }
    return edit.finish().toString()
  }
  assert.equal(edited(['keep', 'keep', 'drop']), '{"a":1,"nodes":[{"name":"a"} , {"name":"b"}],"z":[]}\n')
  assert.equal(edited(['drop', '{"name":"bb"}', 'keep']), '{"a":1,"nodes":[{"name":"bb"},{"name":"c"}],"z":[]}\n')
  assert.equal(edited(['drop', 'drop', 'drop']), '{"a":1,"nodes":[],"z":[]}\n')
})

test('leaving out and replacing gives the tree that is encoded from what is left', () => {
  const fates = fc.array(fc.constantFrom('keep', 'drop', 'replace'), { maxLength: 12 })
  fc.assert(
    fc.property(fates, (chosen) => {
      const nodes = chosen.map((_, i) => fileNamed(`file ${String.fromCharCode(97 + i)}`))
      const bytes = encodeTree(nodes.map(encodeNode))
      const edit = new TreeEdit(bytes)
      const expected: Buffer[] = []
      for (const [i, node] of [...openTree(bytes)].entries()) {
        const replaced = encodeNode({ ...(nodes[i] as Node), size: 99n })
        if (chosen[i] === 'keep') edit.keep(node)
        else if (chosen[i] === 'drop') edit.drop(node)
        else edit.replace(node, replaced)
        if (chosen[i] !== 'drop') expected.push(chosen[i] === 'keep' ? Buffer.from(node.raw) : replaced)
      }
      assert.deepEqual(edit.finish(), encodeTree(expected))
    }),
    seeded(),
  )
})
