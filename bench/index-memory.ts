/**
 * `node bench/index-memory.ts BLOBS FILE`: fills the index in memory with so many blobs, as loading a repository does, in
 * a process of its own, and writes what a blob costs: by the process's resident memory, and by the index's own account.
 */
import { writeFileSync } from 'node:fs'
import { BlobIndex } from '#repository'
import { randomFrom } from '../test/helpers/seed.ts'

export interface IndexCost {
  readonly blobs: number
  readonly seconds: number
  readonly residentBytesPerBlob: number
  readonly ownBytesPerBlob: number
}

/** As many as a pack of 16 MiB has when files are small. */
const blobsPerPack = 500

function measureIndex(blobs: number): IndexCost {
  const random = randomFrom(1)
  const ids = random.bytes(32 * blobsPerPack)
  const before = process.memoryUsage.rss()
  const start = performance.now()
  const index = new BlobIndex()
  let pack = 0
  for (let i = 0; i < blobs; i++) {
    const at = (i % blobsPerPack) * 32
    if (at === 0) pack = index.addPack(ids)
    // A number in its first bytes, mixed, makes each id another one: hashes are even, and so must these be.
    ids.writeUInt32LE(Math.imul(i + 1, 2_654_435_761) >>> 0, at)
    index.add('data', ids, at, { pack, offset: at, length: 30_000, plainLength: 60_000 })
  }
  const seconds = (performance.now() - start) / 1000
  const resident = process.memoryUsage.rss() - before
  return { blobs, seconds, residentBytesPerBlob: resident / blobs, ownBytesPerBlob: index.memory / blobs }
}

const [blobs = '10000000', file = ''] = process.argv.slice(2)
writeFileSync(file, JSON.stringify(measureIndex(Number(blobs))))
