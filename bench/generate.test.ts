import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { randomFrom } from '../test/helpers/seed.ts'
import { tempFolder } from '../test/helpers/temp.ts'
import { DataSets, quickSizes } from './data-sets.ts'
import { listBelow } from './floor.ts'
import { FileGenerator, halfNoise, noise } from './generate.ts'

const digest = (bytes: Uint8Array) => hash('sha256', bytes).slice(0, 16)

// Figures of different machines and days can only be compared when the data is the same: a change here is a new benchmark.
test('the same seed gives the same bytes on every machine and in every version', () => {
  const generator = new FileGenerator(7)
  const office = Array.from({ length: 50 }, (_, i) => digest(generator.officeFile(i))).join()
  const found = [
    digest(noise(1, 1000)),
    digest(halfNoise(1, 1001)),
    digest(generator.prose(randomFrom(1), 5000)),
    digest(Buffer.from(office)),
  ]
  assert.deepEqual(found, ['47605957120bc73f', 'ac03b73c7e79a2d6', 'a6293c09d0aafbef', 'efa78ac644bccbe5'])
})

test('files of an office are 0.5 to 256 KiB, 31 KB on average, and compress to about a third', () => {
  const generator = new FileGenerator(7)
  let [bytes, packed] = [0, 0]
  for (let i = 0; i < 1000; i++) {
    const content = generator.officeFile(i)
    assert.ok(content.length >= 512 && content.length < 256 << 10, `${content.length}`)
    bytes += content.length
    packed += zstdCompressSync(content).length
  }
  assert.ok(bytes > 27_000_000 && bytes < 36_000_000, `${bytes}`)
  assert.ok(packed / bytes > 0.25 && packed / bytes < 0.45, `${packed / bytes}`)
})

test('a set is made once, kept, and made anew after a work has changed it', async () => {
  await using place = await tempFolder()
  const sets = new DataSets(place.path, { ...quickSizes, smallFiles: 200 })
  const content = () =>
    digest(
      Buffer.from(
        listBelow([sets.make('small')], 'files')
          .toSorted()
          .map(digestOf)
          .join(),
      ),
    )
  const first = content()
  assert.equal(content(), first)
  assert.equal(sets.changeOnePercent(3).length, 2)
  const changed = digest(
    Buffer.from(
      listBelow([sets.folder('small')], 'files')
        .toSorted()
        .map(digestOf)
        .join(),
    ),
  )
  assert.notEqual(changed, first)
  assert.equal(content(), first)
})

test('each generation keeps half of the files of the one before', async () => {
  await using place = await tempFolder()
  const sets = new DataSets(place.path, { ...quickSizes, generationFiles: 40 })
  sets.make('generations')
  const state = () =>
    listBelow([sets.folder('generations')], 'files')
      .toSorted()
      .map(digestOf)
  const states = [0, 1, 2].map((generation) => {
    sets.showGeneration(generation)
    return state()
  })
  for (const [i, now] of states.entries()) {
    const before = states[i - 1]
    if (before) assert.equal(now.filter((content, at) => content === before[at]).length, 20)
  }
})

function digestOf(path: string): string {
  return digest(readFileSync(path))
}
