import { globSync, statSync } from 'node:fs'
import { LocalBackend } from '#backend'
import { idFromHex, loadBlob, loadIndex, openRepository } from '#repository'
import { readHeader } from '../../../../src/repository/repair/pack-headers.ts'
import { compressedEntryLength } from '../../../../src/repository/format/pack-header.ts'
import type { PackBlobs } from '../../../../src/repository/format/pack-header.ts'
import { password, sha256 } from '../base.ts'
import type { Batch } from '../base.ts'
import { hasJudged, hasPanicked, stable, verdictOf } from '../kind.ts'
import type { FuzzKind, RunRestic, Verdict, Verdicts } from '../kind.ts'
import { flipBit, insertBytes, removeBytes, repeatBytes } from '../mutate.ts'

/**
 * The headers of packs. A mutant is `what follows the blobs is odd in this way (1 byte) ‖ plain header`; the blobs are 3 of 100
 * bytes. restic reads headers when it rebuilds the index.
 */
export const packHeaderKind: FuzzKind = {
  name: 'pack header',
  atOnce: 40,
  make(random) {
    const entries = Array.from({ length: 3 }, (_, i) => {
      const entry = Buffer.alloc(compressedEntryLength)
      entry[0] = 2
      entry.writeUInt32LE(100, 1)
      entry.writeUInt32LE(40 + i, 5)
      random.bytes(32).copy(entry, 9)
      return entry
    })
    const header = Buffer.concat(entries)
    const change = random.pick([
      flipBit,
      flipBit,
      flipInFields,
      removeBytes,
      repeatBytes,
      insertBytes,
      (bytes: Buffer) => bytes,
    ])
    return Buffer.concat([Buffer.from([random.below(12)]), change(header, random)])
  },
  put(batch, mutants) {
    batch.clear('packs')
    batch.clear('index')
    batch.clear('snapshots')
    return mutants.map((mutant) => batch.putPack(packOf(batch, mutant)))
  },
  theirs: rebuildByRestic,
  ours: readByUs,
}

function flipInFields(header: Buffer, random: Parameters<typeof flipBit>[1]): Buffer {
  const entry = random.below(3) * compressedEntryLength
  return Buffer.concat([
    header.subarray(0, entry),
    flipBit(header.subarray(entry, entry + 9), random),
    header.subarray(entry + 9),
  ])
}

const lengthFields = [0, 31, 32, 69, 2 ** 31, 2 ** 32 - 1, 16 << 20, (16 << 20) + 1]

function packOf(batch: Batch, mutant: Buffer): Buffer {
  const way = mutant[0] ?? 0
  const pack = batch.assemblePack(Buffer.alloc(300, 7), mutant.subarray(1))
  const length = lengthFields[way]
  if (length !== undefined) pack.writeUInt32LE(length, pack.length - 4)
  return pack
}

/** What restic writes into the index from the headers is what it reads in them. */
async function rebuildByRestic(batch: Batch, names: readonly string[], run: RunRestic): Promise<Verdicts> {
  const ran = await run('repair', 'index', '--no-cache')
  if (hasPanicked(ran)) return {}
  const packs = new Map<string, string>()
  for (const name of globSync('index/*', { cwd: batch.folder })) {
    for (const { id, blobs } of batch.readIndex(name).packs)
      packs.set(id, stable(blobs.toSorted((a, b) => a.offset - b.offset)))
  }
  return Object.fromEntries(
    names.map((name): [string, Verdict] => {
      const value = packs.get(name)
      return [name, value === undefined ? { accepted: false, why: 'not in the index' } : { accepted: true, value }]
    }),
  )
}

async function readByUs(folder: string, names: readonly string[]): Promise<Verdicts> {
  await using backend = new LocalBackend(folder)
  using repository = await openRepository(backend, { password })
  const verdicts: Record<string, Verdict> = {}
  for (const name of names) {
    const { size } = statSync(`${folder}/data/${name.slice(0, 2)}/${name}`)
    const look = await readHeader(repository, { name, size }, {})
    verdicts[name] = look.ok
      ? { accepted: true, value: stable(entriesOf(look.found)) }
      : { accepted: false, why: `PACK_HEADER_INVALID: ${look.reason}` }
  }
  return verdicts
}

/** As an index has them. */
function entriesOf({ count, ids, types, offsets, lengths, plainLengths }: PackBlobs): unknown {
  return Array.from({ length: count }, (_, i) => ({
    id: Buffer.from(ids.subarray(i * 32, i * 32 + 32)).toString('hex'),
    type: types[i] === 1 ? 'tree' : 'data',
    offset: offsets[i],
    length: lengths[i],
    ...(plainLengths[i] !== 0 && { uncompressed_length: plainLengths[i] }),
  }))
}

/**
 * Compressed blobs: what stands in the frame, and what the index says of its length. A mutant is `way (1) ‖ place (1) ‖
 * content`; each has a pack of its own, because restic names the pack.
 */
export const blobKind: FuzzKind = {
  name: 'blob',
  atOnce: 30,
  make: (random) =>
    Buffer.concat([Buffer.from([random.below(10), random.below(256)]), Buffer.alloc(random.below(400), 'content ')]),
  put(batch, mutants) {
    batch.clear('snapshots')
    batch.clear('index')
    batch.clear('packs')
    return mutants.map((mutant, i) => `${batch.putBlobs('data', [oddBlob(batch, mutant, i)])} ${lastId}`)
  },
  theirs: checkByRestic,
  ours: openByUs,
}

let lastId = ''

function oddBlob(batch: Batch, mutant: Buffer, number: number) {
  const [way = 0, place = 0] = mutant
  const plain = Buffer.concat([Buffer.from(`${number} `), mutant.subarray(2)])
  const frame = batch.compress(plain)
  const flipped = Buffer.from(frame)
  const at = place % frame.length
  flipped[at] = (flipped[at] as number) ^ (1 << (place % 8))
  const bomb = batch.compress(Buffer.alloc(4 << 20))
  const ways: readonly (readonly [body: Buffer, plainLength: number])[] = [
    [frame, plain.length],
    [flipped, plain.length],
    [frame.subarray(0, at), plain.length],
    [Buffer.concat([frame, Buffer.from([place])]), plain.length],
    [frame, plain.length + 1 + place],
    [frame, Math.max(1, plain.length - 1 - place)],
    [Buffer.concat([frame, batch.compress(Buffer.from('more'))]), plain.length + 4],
    [bomb, plain.length],
    [frame, 0],
    [plain, 0],
  ]
  const [body, plainLength] = ways[way % ways.length] as (typeof ways)[number]
  lastId = sha256(way % ways.length === 6 ? Buffer.concat([plain, Buffer.from('more')]) : plain)
  return { id: lastId, sealed: batch.seal(body), plainLength }
}

async function checkByRestic(_: Batch, names: readonly string[], run: RunRestic): Promise<Verdicts> {
  const ran = await run('check', '--read-data', '--no-lock', '--no-cache')
  if (!hasJudged(ran)) return {}
  return Object.fromEntries(
    names.map((name): [string, Verdict] => {
      const [pack = ''] = name.split(' ')
      const lines = ran.stderr.split('\n')
      const at = lines.findIndex((one) => one.includes(pack.slice(0, 8)) && !one.startsWith('restic repair'))
      return [
        name,
        at < 0 ? { accepted: true, value: '' } : { accepted: false, why: lines.slice(at, at + 2).join(' ') },
      ]
    }),
  )
}

async function openByUs(folder: string, names: readonly string[]): Promise<Verdicts> {
  await using backend = new LocalBackend(folder)
  using repository = await openRepository(backend, { password })
  const indexed = await loadIndex(repository)
  const verdicts: Record<string, Verdict> = {}
  for (const name of names) {
    const verdict = await verdictOf(async () => await loadBlob(indexed, 'data', idFromHex(name.split(' ')[1] ?? '')))
    verdicts[name] = verdict.accepted ? { accepted: true, value: '' } : verdict
  }
  return verdicts
}
