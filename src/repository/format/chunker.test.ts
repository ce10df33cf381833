import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { missing, peer } from '../../../test/helpers/peers.ts'
import { runOk } from '../../../test/helpers/run.ts'
import { randomFrom, testSeed, type Random } from '../../../test/helpers/seed.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { findStaleWasm } from '../../../scripts/build-wasm.ts'
import { Chunker, largestChunk, smallestChunk } from './chunker.ts'
import { cutSimply } from './simple-chunker.ts'
import { degreeOf, parsePolynomial, randomPolynomial, remainder } from './polynomial.ts'

const mib = 1024 * 1024
// The polynomial of restic's own tests.
const polynomial = 0x3da3358b4dc173n

test('zeros, and what has a digest of zero otherwise, are cut at the smallest length', () => {
  const chunker = new Chunker(polynomial)
  assert.deepEqual(cutAll(chunker, Buffer.alloc(4 * smallestChunk)), Array(4).fill(smallestChunk))
})

test('bytes that never ask for a cut are cut at the largest length', () => {
  const chunker = new Chunker(polynomial, { bufferSize: 20 * mib })
  assert.notEqual(digestOf(Buffer.alloc(64, 0xff), polynomial) & 0xfffffn, 0n)
  assert.deepEqual(cutAll(chunker, Buffer.alloc(17 * mib, 0xff)), [largestChunk, largestChunk, mib])
})

test('cuts are those of a simple chunker that rolls byte by byte, for any polynomial and content', () => {
  const seed = testSeed()
  const kinds = ['random', 'zero', 'repeated', 'sparse', 'text', 'mixed'] as const
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.integer(), fc.integer({ min: 0, max: 3 * mib }), (kind, own, length) => {
      const random = randomFrom(own)
      const drawn = randomPolynomial((count) => random.bytes(count))
      const content = makeContent(kind, length, random)
      assert.deepEqual(cutAll(new Chunker(drawn), content), cutSimply(content, drawn))
    }),
    { seed, numRuns: 12 },
  )
})

test('it does not matter in what pieces contents arrive, nor where in the buffer they lie', () => {
  const random = randomFrom(testSeed())
  const chunker = new Chunker(polynomial, { bufferSize: 12 * mib })
  const content = makeContent('random', 10 * mib, random)
  const expected = cutAll(chunker, content)
  for (const [rounds, largestPiece] of [
    [5, 700_000],
    [1, 300],
  ] as const) {
    for (let round = 0; round < rounds; round++) {
      const place = random.below(2 * mib)
      chunker.buffer.fill(random.below(256))
      content.copy(chunker.buffer, place)
      const nextPiece = (): number => 1 + random.below(largestPiece)
      assert.deepEqual(cutArriving(chunker, place, place + content.length, nextPiece), expected)
    }
  }
})

test('every cut asks for itself: the digest of its last 64 bytes ends in twenty zeros', () => {
  const content = randomFrom(testSeed()).bytes(40 * mib)
  const chunker = new Chunker(polynomial, { bufferSize: content.length })
  const cuts = cutAll(chunker, content)
  assert.ok(cuts.length > 5)
  let at = 0
  for (const length of cuts.slice(0, -1)) {
    at += length
    if (length < largestChunk) assert.equal(digestOf(content.subarray(at - 64, at), polynomial) & 0xfffffn, 0n)
  }
})

test('restic cuts at the same places', { skip: missing('restic') }, async () => {
  await using folder = await tempFolder()
  const random = randomFrom(testSeed())
  const env = { RESTIC_PASSWORD: 'x', RESTIC_REPOSITORY: folder.join('repository') }
  const restic = (...args: string[]) => runOk(peer('restic'), ['--no-cache', '--json', ...args], { env })
  mkdirSync(folder.join('files'))
  const contents = { random: 12, mixed: 6, zero: 3, text: 3, sparse: 6, ones: 17 }
  for (const [kind, size] of Object.entries(contents)) {
    writeFileSync(folder.join('files', kind), makeContent(kind, size * mib + random.below(1000), random))
  }
  await restic('init')
  await restic('backup', '--quiet', folder.join('files'))
  const { chunker_polynomial: text } = JSON.parse(await restic('cat', 'config')) as { chunker_polynomial: string }
  const [snapshot] = JSON.parse(await restic('snapshots')) as [{ id: string }]
  const tree = JSON.parse(await restic('cat', 'tree', `${snapshot.id}:${folder.join('files')}`)) as {
    nodes: { name: string; content: string[] }[]
  }
  const lengths = await loadBlobLengths(restic)
  const chunker = new Chunker(parsePolynomial(text), { bufferSize: 18 * mib })
  assert.equal(tree.nodes.length, Object.keys(contents).length)
  for (const { name, content } of tree.nodes) {
    const cuts = cutAll(chunker, readFileSync(folder.join('files', name)))
    assert.deepEqual(
      cuts,
      content.map((id) => lengths.get(id)),
      name,
    )
  }
})

test('positions outside the buffer and polynomials of another degree are refused', () => {
  const chunker = new Chunker(polynomial)
  const size = chunker.buffer.length
  for (const [start, end, from] of [
    [-1, 0, 0],
    [0, size + 1, 0],
    [5, 10, 4],
    [5, 10, 11],
    [Number.NaN, 1, 1],
  ] as const) {
    assert.throws(() => chunker.findCut(start, end, from), RangeError)
  }
  for (const bad of [0n, 1n, 1n << 52n, 1n << 54n, -polynomial]) assert.throws(() => new Chunker(bad), RangeError)
  assert.throws(() => new Chunker(polynomial, { bufferSize: mib }), RangeError)
})

test('the committed WebAssembly is what its source makes', async () => {
  assert.deepEqual(await findStaleWasm(), [])
})

/** All chunks of a content that fits into the buffer. */
function cutAll(chunker: Chunker, content: Buffer): number[] {
  content.copy(chunker.buffer)
  const cuts: number[] = []
  for (let start = 0; start < content.length; start += cuts.at(-1) ?? 0) {
    cuts.push(chunker.findCut(start, content.length, start) || content.length - start)
  }
  return cuts
}

/** As `cutAll`, for a content that lies from `place` to `end`, but is told to the chunker piece by piece. */
function cutArriving(chunker: Chunker, place: number, end: number, nextPiece: () => number): number[] {
  const cuts: number[] = []
  let [start, scanned, arrived] = [place, place, place]
  while (start < end) {
    arrived = Math.max(arrived, Math.min(end, scanned + nextPiece()))
    const cut = chunker.findCut(start, arrived, scanned) || (arrived === end ? end - start : 0)
    scanned = arrived
    if (cut === 0) continue
    cuts.push(cut)
    start += cut
    scanned = start
  }
  return cuts
}

/** The digest of a window by definition: its bytes as a polynomial, divided. */
function digestOf(window: Buffer, divisor: bigint): bigint {
  assert.equal(degreeOf(divisor), 53)
  return remainder(BigInt(`0x${window.toString('hex')}`), divisor)
}

function makeContent(kind: string, length: number, random: Random): Buffer {
  if (kind === 'zero') return Buffer.alloc(length)
  if (kind === 'ones') return Buffer.alloc(length, 0xff)
  if (kind === 'random') return random.bytes(length)
  if (kind === 'repeated') return Buffer.alloc(length, random.bytes(1 + random.below(5000)))
  if (kind === 'text') return Buffer.from(Array.from({ length }, () => 97 + random.below(2)))
  const content = Buffer.alloc(length)
  const pieces = length === 0 ? 0 : kind === 'sparse' ? 20 : 5
  for (let i = 0; i < pieces; i++) {
    const piece = random.bytes(Math.min(length, 1 + random.below(kind === 'sparse' ? 100 : mib)))
    piece.copy(content, random.below(length))
  }
  return content
}

async function loadBlobLengths(restic: (...args: string[]) => Promise<string>): Promise<Map<string, number>> {
  interface IndexJson {
    packs: { blobs: { id: string; length: number; uncompressed_length?: number }[] }[]
  }
  const lengths = new Map<string, number>()
  const names = (await restic('list', 'index')).match(/[0-9a-f]{64}/g) ?? []
  for (const name of names) {
    const { packs } = JSON.parse(await restic('cat', 'index', name)) as IndexJson
    for (const { blobs } of packs) {
      for (const blob of blobs) lengths.set(blob.id, blob.uncompressed_length ?? blob.length - 32)
    }
  }
  return lengths
}
