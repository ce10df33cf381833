import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goModeOf, permissionsOf, stModeOf, typeOfMode } from './mode.ts'
import type { NodeType } from './node.ts'
import { fixture } from './testing.ts'
import { openTree } from './tree.ts'

const table: readonly (readonly [number, NodeType, number])[] = [
  [0o100644, 'file', 0o644],
  [0o107751, 'file', 0o751 + 2 ** 23 + 2 ** 22 + 2 ** 20],
  [0o040755, 'dir', 0o755 + 2 ** 31],
  [0o041777, 'dir', 0o777 + 2 ** 31 + 2 ** 20],
  [0o120777, 'symlink', 0o777 + 2 ** 27],
  [0o060660, 'dev', 0o660 + 2 ** 26],
  [0o020666, 'chardev', 0o666 + 2 ** 26 + 2 ** 21],
  [0o010644, 'fifo', 0o644 + 2 ** 25],
  [0o140755, 'socket', 0o755 + 2 ** 24],
]

test("st_mode becomes Go's mode and comes back", () => {
  for (const [stMode, type, goMode] of table) {
    assert.equal(typeOfMode(stMode), type)
    assert.equal(goModeOf(stMode), goMode)
    assert.equal(stModeOf(type, goMode), stMode)
    assert.equal(permissionsOf(goMode), stMode & 0o7777)
  }
})

test('an st_mode of no known type is irregular', () => {
  assert.equal(typeOfMode(0o150644), 'irregular')
  assert.equal(goModeOf(0o150644), 0o644 + 2 ** 19)
})

test('modes in a tree made by restic fit their types', () => {
  for (const node of openTree(fixture('tree.plain'))) {
    assert.equal(goModeOf(stModeOf(node.type, node.mode)), node.mode, String(node.name))
  }
})
