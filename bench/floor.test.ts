import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempFolder } from '../test/helpers/temp.ts'
import { Floor, addReadings, cutPieces, listBelow } from './floor.ts'
import { noise } from './generate.ts'

test('the floor does all of the work that it claims to time', async () => {
  await using place = await tempFolder()
  mkdirSync(place.join('data', 'inner'), { recursive: true })
  writeFileSync(place.join('data', 'large'), noise(1, 40_000_000))
  writeFileSync(place.join('data', 'inner', 'small'), 'some words '.repeat(1000))
  const files = listBelow([place.join('data')], 'files')
  await using floor = new Floor(place.path)

  const { parts = {} } = await floor.store(files)
  for (const part of ['reading', 'SHA-256', 'zstd-3', 'AES-CTR', 'Poly1305', 'writing with sync']) {
    assert.ok((parts[part] ?? 0) > 0, part)
  }
  const packs = listBelow([place.join('work', 'floor', 'packs')], 'files')
  const bytes = packs.reduce((sum, path) => sum + readFileSync(path).length, 0)
  assert.ok(bytes > 40_000_000 && bytes < 40_100_000, `${bytes}`)

  const read = await floor.fetch({ write: true })
  assert.ok((read.parts?.['unzstd'] ?? 0) > 0)
  const looked = await floor.look(listBelow([place.join('data')], 'folders'))
  assert.deepEqual(Object.keys(looked.parts ?? {}), ['listing', 'looking'])
  const moved = await floor.move(packs)
  assert.ok((moved.parts?.['writing with sync'] ?? 0) > 0)
  assert.equal(readdirSync(place.join('work', 'floor', 'moved')).length, cutPieces(packs).length)
})

test('large files are cut so that all cores share them, and empty ones have nothing to read', async () => {
  await using place = await tempFolder()
  writeFileSync(place.join('a'), Buffer.alloc((16 << 20) + 1))
  writeFileSync(place.join('b'), '')
  const pieces = cutPieces([place.join('a'), place.join('b')])
  assert.deepEqual(
    pieces.map(({ file, at, length }) => [file, at, length]),
    [
      [0, 0, 16 << 20],
      [0, 16 << 20, 1],
    ],
  )
})

test('readings of two parts of a work add up, part by part', () => {
  const sum = addReadings({ seconds: 1, parts: { a: 1, b: 2 } }, { seconds: 2, parts: { b: 3 } })
  assert.deepEqual(sum, { seconds: 3, parts: { a: 1, b: 5 } })
})
