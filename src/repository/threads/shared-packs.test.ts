import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { mostBlobsPerPack } from '../packer.ts'
import { SharedPackTable, createSharedPacks } from './shared-packs.ts'

const packSize = 1 << 20

function blob(bytes: number, entry = 0) {
  const sealed = randomBytes(bytes)
  return { type: 0, ids: createHash('sha256').update(sealed).digest(), idAt: 0, sealed, plainLength: bytes, entry }
}

test('blobs stand in their pack one after the other, as the table says', () => {
  const packs = new SharedPackTable(createSharedPacks(packSize, 2))
  const blobs = [blob(100, 7), blob(50, 8), blob(70, 9)]
  for (const each of blobs) assert.deepEqual(packs.append(each, 0), { done: true, complete: [] })
  const [buffer] = packs.takeOpen()
  const { bytes, length } = packs.content(buffer as number)
  const table = packs.blobs(buffer as number)
  assert.equal(length, 220)
  assert.deepEqual([...table.offsets], [0, 100, 150])
  assert.deepEqual([...table.entries], [7, 8, 9])
  assert.ok(bytes.subarray(0, 220).equals(Buffer.concat(blobs.map(({ sealed }) => sealed))))
  assert.ok(Buffer.from(table.ids).equals(Buffer.concat(blobs.map(({ ids }) => ids))))
})

test('chance decides which of two open packs a blob goes into', () => {
  const packs = new SharedPackTable(createSharedPacks(packSize, 2))
  packs.append(blob(packSize - 10), 0)
  packs.append(blob(packSize - 10), 0.9)
  assert.equal(packs.takeOpen().length, 2)
})

test('at the end two packs that fit into one are joined', () => {
  const packs = new SharedPackTable(createSharedPacks(packSize, 2))
  const [first, second] = [blob(1000, 1), blob(2000, 2)]
  packs.append(first, 0)
  packs.append(second, 0.9)
  const open = packs.takeOpen()
  assert.equal(open.length, 1)
  const { bytes, length } = packs.content(open[0] as number)
  assert.ok(bytes.subarray(0, length).equals(Buffer.concat([first.sealed, second.sealed])))
  assert.deepEqual([...packs.blobs(open[0] as number).entries], [1, 2])
})

test('a pack is complete at its size, and at its greatest number of blobs', () => {
  const packs = new SharedPackTable(createSharedPacks(packSize, 2))
  assert.equal(packs.append(blob(packSize), 0).complete.length, 1)
  const small = blob(40)
  let complete = 0
  for (let i = 0; i < mostBlobsPerPack; i++) complete += packs.append(small, 0).complete.length
  assert.equal(complete, 1)
})

test('when every buffer is on its way to the storage nothing is taken until one is released', () => {
  const packs = new SharedPackTable(createSharedPacks(packSize, 2))
  const onTheWay: number[] = []
  for (;;) {
    const { done, complete } = packs.append(blob(packSize), 0)
    onTheWay.push(...complete)
    if (!done) break
  }
  assert.equal(onTheWay.length, 4)
  packs.release(onTheWay[0] as number)
  assert.equal(packs.append(blob(10), 0).done, true)
})
