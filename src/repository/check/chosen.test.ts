import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository } from '../../../test/helpers/build-repository.ts'
import { idOf } from '../../../test/helpers/memory-repository.ts'
import { randomFrom, testSeed } from '../../../test/helpers/seed.ts'
import { checkRepository } from './check.ts'

const random = randomFrom(testSeed())

test('of chosen snapshots only what they need is read, and only their damage is told', async () => {
  const made = await TestRepository.create()
  const [kept, fresh] = [random.bytes(5_000), random.bytes(6_000)]
  const first = await made.snapshot({ kept })
  const second = await made.snapshot({ kept, fresh }, { time: '2026-01-03T03:04:05Z' })
  const { index } = await made.load()
  const { pack, offset } = index.placeOf(index.find('data', idOf(fresh)))
  const stored = Buffer.from(made.backend.files.get(`pack/${pack}`) as Buffer)
  stored[offset + 50] = (stored[offset + 50] as number) ^ 1
  made.backend.files.set(`pack/${pack}`, stored)

  const check = async (chosen: string) =>
    await checkRepository(made.repository, {
      threads: 1,
      readData: true,
      choose: (all) => all.filter(({ id }) => id === chosen),
    })
  const ofFirst = await check(first)
  assert.deepEqual([ofFirst.snapshots, ofFirst.problems], [1, []])
  const ofSecond = await check(second)
  assert.deepEqual(
    ofSecond.problems.map(({ file }) => file?.name),
    [pack],
  )
  assert.deepEqual([ofFirst.read.packs, ofSecond.read.packs, ofSecond.packs], [2, 3, 4])
})
