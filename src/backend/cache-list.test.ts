import assert from 'node:assert/strict'
import { existsSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempFolder } from '../../test/helpers/temp.ts'
import { listCaches, removeCache, sizeOfCache } from './cache-list.ts'

test('caches are listed the longest unused first; what is none of ours is never touched', async () => {
  await using folder = await tempFolder()
  const [old, recent] = ['a'.repeat(64), 'b'.repeat(64)]
  const make = (name: string, day: number) => {
    mkdirSync(folder.join(name, 'index', 'ab'), { recursive: true })
    writeFileSync(folder.join(name, 'index', 'ab', 'file'), Buffer.alloc(100))
    writeFileSync(folder.join(name, 'version'), '1')
    utimesSync(folder.join(name), day * 86_400, day * 86_400)
  }
  make(recent, 200)
  make(old, 100)
  make('understudy-check-cache-x1y2z3', 150)
  make('photos', 1)
  make('restic-check-cache-123', 1)
  symlinkSync(folder.join('photos'), folder.join('c'.repeat(64)))
  const caches = await listCaches(folder.path)
  assert.deepEqual(
    caches.map(({ name, lastUsed, isTemporary }) => [name, lastUsed / 86_400_000, isTemporary]),
    [
      [old, 100, false],
      ['understudy-check-cache-x1y2z3', 150, true],
      [recent, 200, false],
    ],
  )
  assert.equal(await sizeOfCache(caches[0] as { path: string }), 101)
  await removeCache(caches[0] as { path: string })
  assert.deepEqual([existsSync(folder.join(old)), existsSync(folder.join(recent))], [false, true])
})

test('where there are no caches, none are listed', async () => {
  await using folder = await tempFolder()
  assert.deepEqual(await listCaches(folder.join('absent')), [])
})
