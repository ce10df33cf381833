import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#repository'
import { groupByPack, wholeFiles } from './orders.ts'
import type { FileWork } from './orders.ts'

/** A file of so many blobs, all of which have been taken up. */
function fileOf(blobs: number): FileWork {
  return {
    entry: 0,
    path: Buffer.from('file'),
    node: {} as Node,
    ids: Buffer.from(Array.from({ length: blobs * 32 }, (_, i) => Math.floor(i / 32))),
    lengths: new Uint32Array(blobs).fill(10),
    size: blobs * 10,
    replaces: false,
    matches: undefined,
    leftover: undefined,
    assigned: blobs,
    assignedBytes: blobs * 10,
    outstanding: 0,
    hasHoles: false,
    begun: undefined,
    failure: undefined,
  }
}

test('a file is written in one go only when all of its blobs are in the window, whatever has been taken up since', () => {
  const file = fileOf(3)
  const needs = [0, 1, 2].map((index) => ({ file, index, offset: index * 10 }))
  const placeOf = (id: Buffer) => ({ pack: 'p', offset: (id[0] as number) * 50, length: 42, plainLength: 10 })
  assert.equal(wholeFiles(groupByPack(needs, placeOf)).has(file), true)
  // The window ended after two blobs, and the third was taken up by the next one before this one was looked at.
  assert.equal(wholeFiles(groupByPack(needs.slice(0, 2), placeOf)).has(file), false)
})
