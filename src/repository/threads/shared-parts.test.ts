import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createControl } from './memory.ts'
import { PartTable, PartsDisagree, createSharedParts, partSize } from './shared-parts.ts'

const control = createControl(2)
const added = { blobs: 1, bytes: 2, storedBytes: 3 }

/** The owner's view and another thread's, of a file of so many parts. */
function open(parts: number): [PartTable, PartTable] {
  const shared = createSharedParts(2)
  const [owner, other] = [new PartTable(shared, control), new PartTable(shared, control)]
  owner.open(7, parts * partSize + 5)
  return [owner, other]
}

function take(table: PartTable): number {
  let taken = -1
  table.visit((part) => (taken = part))
  return taken
}

test('parts are taken in order and once, the first is for the owner, and the last has the rest of the file', () => {
  const [owner, other] = open(3)
  assert.deepEqual([other.count, other.handle], [3, 7])
  assert.deepEqual([take(other), owner.take(), take(other)], [1, 2, -1])
  assert.equal(owner.isLeft(0), true)
  assert.equal(owner.isLeft(1), false)
})

test('what was stored of a part comes to the owner', () => {
  const [owner, other] = open(3)
  const part = take(other)
  other.begin(part, partSize + 1000)
  assert.equal(owner.collect(1), undefined)
  other.note(part, 0, new Uint8Array(32).fill(1))
  other.note(part, 1, new Uint8Array(32).fill(2))
  other.finish(part, 2 * partSize + 7, { chunks: 2, added })
  const ids = Uint8Array.from({ length: 64 }, (_, i) => 1 + (i >> 5))
  assert.deepEqual(owner.collect(1), { start: partSize + 1000, end: 2 * partSize + 7, ids, added })
})

test('only so many parts are under way, and each that the owner has got makes room for another', () => {
  const [owner, other] = open(1000)
  let last = -1
  for (let part = take(other); part >= 0; part = take(other)) last = part
  assert.ok(last > 2 && last < 20)
  owner.pass(0)
  assert.equal(take(other), last + 1)
  assert.equal(take(other), -1)
})

test('a part ends at the sure cut of the next one', () => {
  const [owner, other] = open(3)
  other.begin(take(other), partSize + 600_000)
  assert.equal(owner.endsAt(0, partSize - 1), false)
  assert.equal(owner.endsAt(0, partSize + 1), false)
  assert.equal(owner.endsAt(0, partSize + 600_000), true)
  assert.throws(() => owner.endsAt(0, partSize + 600_001), PartsDisagree)
  assert.equal(owner.isLeft(1), false)
})

test('where nobody has taken the next part, or it was left, a part ends with its next chunk, and the owner goes on', () => {
  const [owner, other] = open(9)
  assert.equal(take(other), 1)
  other.leave(1)
  assert.equal(owner.endsAt(0, partSize + 3), true)
  assert.equal(take(other), 2)
  assert.equal(other.endsAt(2, 3 * partSize), true)
  assert.equal(owner.isLeft(3), true)
  assert.equal(take(other), 4)
})

test('while a sure cut is looked for, chunks in which it cannot lie are the part before’s', () => {
  const [owner, other] = open(3)
  assert.equal(take(other), 1)
  assert.equal(owner.endsAt(0, partSize + 100_000), false)
})

test('behind a part that has no sure cut others take none for a while', () => {
  const [owner, other] = open(100)
  const part = take(other)
  other.leaveMissed(part)
  assert.equal(take(other), -1)
  for (let passed = 0; passed < 16; passed++) owner.pass(passed)
  assert.equal(take(other), 17)
})

test('nothing is taken of a file that is closed, and nothing of the one before is left when another is opened', () => {
  const [owner, other] = open(5)
  other.begin(take(other), partSize + 600_000)
  owner.pass(0)
  owner.close()
  assert.equal(take(other), -1)
  owner.open(8, 4 * partSize)
  assert.equal(take(other), 1)
  assert.equal(owner.isLeft(0), true)
})

test('a file that grows without end is not followed: more chunks than a part can have are refused', () => {
  const [, other] = open(2)
  const part = take(other)
  let chunk = 0
  while (other.note(part, chunk, new Uint8Array(32))) chunk++
  assert.ok(chunk * 512 * 1024 >= 2 * partSize && chunk < 1000)
})

test('what is written of one part touches no other', () => {
  const [owner, other] = open(6)
  const parts = [take(other), take(other), take(other)]
  for (const part of parts) {
    other.begin(part, part * partSize + 1)
    for (let chunk = 0; other.note(part, chunk, new Uint8Array(32).fill(part)); chunk++);
    other.finish(part, 0, { chunks: 160, added })
  }
  for (const part of parts) assert.ok(owner.collect(part)?.ids.every((byte) => byte === part))
})
