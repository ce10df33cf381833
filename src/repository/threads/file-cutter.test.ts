import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { randomFrom, seeded, testSeed } from '../../../test/helpers/seed.ts'
import type { Random } from '../../../test/helpers/seed.ts'
import { Chunker, largestChunk, smallestChunk, windowLength } from '../format/chunker.ts'
import { randomPolynomial } from '../format/polynomial.ts'
import { FileCutter } from './file-cutter.ts'
import type { ReadAt } from './file-cutter.ts'

const kib = 1024
const mib = 1024 * kib
const polynomial = 0x3da3358b4dc173n
const kinds = ['random', 'zero', 'ones', 'repeated', 'pages', 'text', 'planted'] as const

/** Sixty-four bytes that ask for a cut, among others that do not. */
const asking = findAskingWindow()

function findAskingWindow(): Buffer {
  const chunker = new Chunker(polynomial)
  randomFrom(1)
    .bytes(8 * mib)
    .copy(chunker.buffer)
  const place = chunker.findAsking(windowLength, 8 * mib)
  return Buffer.from(chunker.buffer.subarray(place - windowLength, place))
}

/** Bytes none of which ask for a cut, but for the places where a window is planted. */
function planted(length: number, places: readonly number[]): Buffer {
  const content = Buffer.alloc(length, 0xff)
  for (const place of places) asking.copy(content, place - windowLength)
  return content
}

function makeContent(kind: (typeof kinds)[number], length: number, random: Random): Buffer {
  if (kind === 'zero') return Buffer.alloc(length)
  if (kind === 'ones') return Buffer.alloc(length, 0xff)
  if (kind === 'random') return random.bytes(length)
  if (kind === 'repeated') return Buffer.alloc(length, random.bytes(1 + random.below(3 * mib)))
  if (kind === 'text') return Buffer.from(random.bytes(length).map((byte) => 97 + (byte & 15)))
  if (kind === 'pages') {
    // As databases and images of disks have them: some pages end in zeros.
    const content = random.bytes(length)
    const every = 8 * kib * (1 + random.below(300))
    for (let at = 0; at < length; at += every) content.subarray(at, at + 200).fill(0)
    return content
  }
  const places: number[] = []
  for (let at = random.below(mib) + windowLength; at < length; at += distance(random)) places.push(at)
  return planted(length, places)
}

/** Around the limits, and anywhere. */
function distance(random: Random): number {
  const near = random.pick([smallestChunk, largestChunk - smallestChunk, largestChunk, 4 * kib])
  return random.below(2) === 0 ? near - 2 + random.below(5) : windowLength + random.below(9 * mib)
}

function reading(content: Buffer): ReadAt {
  return (into, position) => content.copy(into, 0, position, position + into.length)
}

/** Where chunks begin, from where the cutter is; and the end. */
function cutsFrom(cutter: FileCutter): number[] {
  const cuts = [cutter.position]
  while (cutter.next()) cuts.push(cutter.position)
  return cuts
}

/** The same from the beginning, by the chunker alone, with the whole content before it. */
function cutsOf(content: Buffer, chosen: bigint): number[] {
  const chunker = new Chunker(chosen, { bufferSize: Math.max(content.length, largestChunk) })
  content.copy(chunker.buffer)
  const cuts = [0]
  for (let at = 0; at < content.length; cuts.push(at)) {
    at += chunker.findCut(at, content.length, at) || content.length - at
  }
  return cuts
}

test('a sure cut is a cut of the whole file, whatever is in it, and from there on all cuts are the same', () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 24 * mib }))
  const found = new Map<string, number>()
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.integer(), length, (kind, own, bytes) => {
      const random = randomFrom(own)
      const chosen = kind === 'planted' ? polynomial : randomPolynomial((count) => random.bytes(count))
      const content = makeContent(kind, bytes, random)
      const all = cutsOf(content, chosen)
      const cutter = new FileCutter(chosen)
      cutter.begin(reading(content), 0)
      assert.deepEqual(cutsFrom(cutter), all)
      for (let i = 0; i < 6; i++) {
        const position = random.below(content.length + 1)
        if (!cutter.beginAtSureCut(reading(content), position)) continue
        found.set(kind, (found.get(kind) ?? 0) + 1)
        assert.ok(cutter.position >= position + windowLength + smallestChunk)
        const first = all.indexOf(cutter.position)
        assert.notEqual(first, -1, `${cutter.position} is no cut of the file`)
        assert.deepEqual(cutsFrom(cutter), all.slice(first))
      }
    }),
    { ...seeded(), numRuns: 60 },
  )
  for (const kind of ['zero', 'ones']) assert.equal(found.get(kind), undefined)
})

test('in a file in which nothing repeats a sure cut is always near', () => {
  const random = randomFrom(testSeed())
  const content = random.bytes(48 * mib)
  const cutter = new FileCutter(polynomial)
  for (let position = 0; position < 24 * mib; position += 3 * mib) {
    assert.ok(cutter.beginAtSureCut(reading(content), position), `from ${position}`)
  }
})

test('a place is sure from 512 KiB to 7.5 MiB after the one before, and not a byte nearer or farther', () => {
  const cutter = new FileCutter(polynomial)
  const first = mib
  const find = (place: number) =>
    cutter.beginAtSureCut(reading(planted(place + mib, [first, place])), 0) ? cutter.position : undefined
  for (const apart of [smallestChunk, 3 * mib, largestChunk - smallestChunk]) {
    assert.equal(find(first + apart), first + apart)
  }
  for (const apart of [smallestChunk - 1, largestChunk - smallestChunk + 1])
    assert.equal(find(first + apart), undefined)
})

test('nearer or farther places would not be sure: there are files that are not cut there', () => {
  const notCut = (places: readonly number[]) =>
    !cutsOf(planted(24 * mib, places), polynomial).includes(places.at(-1) as number)
  // The longest chunk ends 512 KiB before the last place, less one byte.
  const tooFar = largestChunk + smallestChunk - 1
  assert.ok(notCut([smallestChunk - 1, tooFar]))
  assert.ok(notCut([mib, mib + smallestChunk - 1]))
})

test('what repeats is passed over: a sure cut behind a mebibyte of zeros is found, and endless zeros are soon given up', () => {
  const random = randomFrom(testSeed())
  const content = Buffer.concat([Buffer.alloc(mib), random.bytes(23 * mib)])
  const cutter = new FileCutter(polynomial)
  assert.ok(cutter.beginAtSureCut(reading(content), 0))
  assert.ok(cutsOf(content, polynomial).includes(cutter.position))
  let last = 0
  const zeros: ReadAt = (into, position) => {
    last = position
    into.fill(0)
    return into.length
  }
  assert.equal(cutter.beginAtSureCut(zeros, 0), false)
  assert.ok(last < 8 * mib)
})

test('a cutter goes on where it is, or begins anew elsewhere in the same file', () => {
  const content = randomFrom(testSeed()).bytes(20 * mib)
  const all = cutsOf(content, polynomial)
  const cutter = new FileCutter(polynomial)
  cutter.begin(reading(content), 0)
  cutter.next()
  for (const at of [1, 3, 3, 2].map((i) => all[Math.min(i, all.length - 1)] as number)) {
    cutter.goTo(reading(content), at)
    assert.deepEqual(cutsFrom(cutter), all.slice(all.indexOf(at)))
  }
})

test('a read that fails is the reader’s error, and the cutter can be used again', () => {
  const content = randomFrom(testSeed()).bytes(12 * mib)
  const broken: ReadAt = (into, position) => {
    if (position >= 2 * mib) throw new Error('a bad sector')
    return reading(content)(into, position)
  }
  const cutter = new FileCutter(polynomial)
  assert.throws(() => cutter.beginAtSureCut(broken, mib + 5), { message: 'a bad sector' })
  cutter.begin(broken, 0)
  assert.throws(() => cutsFrom(cutter), { message: 'a bad sector' })
  cutter.begin(reading(content), 0)
  assert.deepEqual(cutsFrom(cutter), cutsOf(content, polynomial))
})
