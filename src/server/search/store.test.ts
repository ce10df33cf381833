import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { hasCode } from '#base'
import { SearchHistory } from '../../../test/helpers/search-history.ts'
import type { ModelFile, ModelFolder } from '../../../test/helpers/search-history.ts'
import { TestIndex } from '../../../test/helpers/search-test-index.ts'
import { randomFrom, testSeed } from '../../../test/helpers/seed.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { systemIndexFiles } from './index-files.ts'
import type { IndexFiles } from './index-files.ts'

/** What lies on the disk: sealed, never half written, never believed when it is not what was written. */

const random = randomFrom(testSeed())
const hour = 3_600_000
const begin = Date.UTC(2026, 0, 1)
const history = await SearchHistory.create()
let hours = 0

const file = (content: number): ModelFile => ({ kind: 'file', size: 5, modified: begin, content })

/** A snapshot with a file of that name, among others. */
async function addSnapshot(name: string): Promise<void> {
  const folder: ModelFolder = new Map<string, ModelFile | ModelFolder>([
    ['canary-folder', new Map([[name, file(1)]])],
    ['always', file(2)],
  ])
  await history.add(folder, {
    time: begin + hours++ * hour,
    host: 'canary-host',
    tags: ['canary-tag'],
    paths: ['/canary-path'],
  })
}

await addSnapshot('canary-first')

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

test('nothing on the disk can be read: no name, host, tag, id or word of ours, in no file and in no name of a file, at any moment', async () => {
  await using folder = await tempFolder()
  const seen: Buffer[] = []
  const look = () => {
    for (const path of filesBelow(folder.path)) seen.push(Buffer.from(path), readFileSync(path))
  }
  const watched = watchEach(look)
  const index = new TestIndex(folder.path)
  await index.update(history, { repository: 'canary-repository', files: watched })
  look()
  const { id, tree } = history.snapshots[0] as { id: string; tree: Buffer }
  const words = ['canary', 'always', 'isLive', '{"', id, id.slice(0, 16), tree.toString('hex')].map((word) =>
    Buffer.from(word),
  )
  for (const word of [...words, Buffer.from(id, 'hex'), tree, Buffer.from('canary', 'utf16le'), index.key]) {
    assert.ok(
      seen.every((bytes) => !bytes.includes(word)),
      word.toString(),
    )
  }
  assert.ok(seen.length > 20)
  for (const path of filesBelow(folder.path)) assert.equal(statSync(path).mode & 0o077, 0)
})

/** The calls of the system, with something to be done before and after each. */
function watchEach(onStep: (call: keyof IndexFiles, args: readonly unknown[]) => void): IndexFiles {
  const watch =
    (call: keyof IndexFiles) =>
    (...args: unknown[]): unknown => {
      onStep(call, args)
      return (systemIndexFiles[call] as (...all: unknown[]) => unknown)(...args)
    }
  const calls = Object.keys(systemIndexFiles) as (keyof IndexFiles)[]
  return Object.fromEntries(calls.map((call) => [call, watch(call)])) as unknown as IndexFiles
}

class Killed extends Error {}

/** Files that end the world at that call, in the middle of it if it writes. What was not synced is lost, or a part of it. */
function killedAt(step: number): IndexFiles & { readonly afterwards: () => void } {
  const paths = new Map<number, string>()
  const unsynced = new Set<string>()
  let steps = 0
  const files = watchEach((call, args) => {
    if (steps >= step) throw new Killed()
    if (call === 'sync') unsynced.delete(paths.get(args[0] as number) ?? '')
    if (call === 'rename') assert.ok(!unsynced.has(args[0] as string), 'what becomes the state must be durable')
    if (++steps < step) return
    if (call === 'write')
      systemIndexFiles.write(
        args[0] as number,
        (args[1] as Uint8Array).subarray(0, random.below((args[1] as Uint8Array).length)),
      )
    throw new Killed()
  })
  const create = (path: string) => {
    const opened = files.create(path)
    paths.set(opened, path)
    unsynced.add(path)
    return opened
  }
  const afterwards = () => {
    for (const path of unsynced) if (existsSync(path)) truncateSync(path, random.below(statSync(path).size + 1))
  }
  return { ...files, create, afterwards }
}

test('killed at any step of an update or a rebuild, the old state is there or the new one, and the next update is right', async () => {
  await using folder = await tempFolder()
  await new TestIndex(folder.path).update(history)
  const before = new TestIndex(folder.path).paths({})
  for (const rebuild of [false, true]) {
    await addSnapshot(`canary-${rebuild}`)
    await using reference = await tempFolder()
    const whole = new TestIndex(reference.path)
    await whole.update(history)
    const after = whole.paths({})
    let [olds, news] = [0, 0]
    for (let step = 1; ; step++) {
      await using copy = await tempFolder()
      cpSync(folder.path, copy.path, { recursive: true })
      const files = killedAt(step)
      const killed = await new TestIndex(copy.path).update(history, { rebuild, files }).then(
        () => false,
        (thrown: unknown) => {
          assert.ok(thrown instanceof Killed, String(thrown))
          return true
        },
      )
      files.afterwards()
      const found = new TestIndex(copy.path)
      const paths = found.paths({})
      const isNew = JSON.stringify(paths) === JSON.stringify(after)
      if (!isNew) assert.deepEqual(paths, before)
      if (isNew) news++
      else olds++
      const next = await found.update(history)
      assert.equal(next.rebuilt, undefined)
      assert.deepEqual(found.paths({}), after)
      // What the killed writer left is gone.
      const segments = found.store('one').readManifest().segments.length
      assert.equal(filesBelow(copy.path).length, segments + 1)
      if (!killed) break
    }
    assert.ok(olds > 5 && news >= 2, `${olds} old, ${news} new`)
    await new TestIndex(folder.path).update(history)
    before.splice(0, Infinity, ...after)
  }
})

test('an index that was never finished is missing, and made at the next update', async () => {
  await using folder = await tempFolder()
  const index = new TestIndex(folder.path)
  const files = killedAt(6)
  await assert.rejects(index.update(history, { files }), Killed)
  assert.equal(index.search({}).notSearched[0]?.code, 'SEARCH_INDEX_MISSING')
  assert.equal((await index.update(history)).rebuilt, 'SEARCH_INDEX_MISSING')
  assert.deepEqual(index.search({}).notSearched, [])
})

test('a full disk fails the update in words, changes nothing and leaves nothing behind', async () => {
  await using folder = await tempFolder()
  const index = new TestIndex(folder.path)
  await index.update(history)
  await addSnapshot('when-full')
  const listed = filesBelow(folder.path)
  const files = watchEach((call) => {
    if (call === 'write') throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  })
  await assert.rejects(index.update(history, { files }), (thrown) => hasCode(thrown, 'SEARCH_INDEX_NOT_WRITTEN'))
  assert.deepEqual(filesBelow(folder.path), listed)
  assert.equal(index.paths({ text: 'when-full' }).length, 0)
  await index.update(history)
  assert.equal(index.paths({ text: 'when-full' }).length, 1)
})

/** Ways in which a file can be another than was written. */
const damages: Readonly<Record<string, (path: string) => void>> = {
  'a bit is turned': (path) => {
    const bytes = readFileSync(path)
    const at = random.below(bytes.length)
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
    writeFileSync(path, bytes)
  },
  'it is cut off': (path) => truncateSync(path, random.below(statSync(path).size)),
  'it is empty': (path) => truncateSync(path, 0),
  'something is added': (path) => writeFileSync(path, Buffer.concat([readFileSync(path), random.bytes(40)])),
  'it is gone': (path) => rmSync(path),
}

for (const [what, damage] of Object.entries(damages)) {
  test(`a file of which ${what} is found out, never searched, and the index made anew`, async () => {
    await using folder = await tempFolder()
    const index = new TestIndex(folder.path)
    await index.update(history)
    await addSnapshot(`for ${what}`)
    await index.update(history)
    const expected = index.paths({})
    const count = filesBelow(folder.path).length
    assert.ok(count >= 3)
    for (let number = 0; number < count; number++) {
      for (let times = what === 'a bit is turned' ? 20 : 2; times > 0; times--) {
        await using copy = await tempFolder()
        cpSync(folder.path, copy.path, { recursive: true })
        damage(filesBelow(copy.path).toSorted()[number] as string)
        const damaged = new TestIndex(copy.path)
        const answer = damaged.search({})
        assert.equal(answer.total, 0)
        assert.match(answer.notSearched[0]?.code ?? '', /^SEARCH_INDEX_(DAMAGED|VERSION|MISSING)$/)
        const { rebuilt } = await damaged.update(history)
        assert.equal(rebuilt, answer.notSearched[0]?.code)
        assert.deepEqual(damaged.paths({}), expected)
      }
    }
  })
}

test('an older copy of a file, or of all, put in its place is found out', async () => {
  await using folder = await tempFolder()
  const index = new TestIndex(folder.path)
  await index.update(history)
  await using old = await tempFolder()
  cpSync(folder.path, old.path, { recursive: true })
  await addSnapshot('newer')
  const { generation } = await index.update(history)
  const expected = index.paths({})
  // Segments that the old manifest names are still there, so it would open.
  const [home = ''] = readdirSync(folder.path)
  cpSync(join(old.path, home, 'manifest'), join(folder.path, home, 'manifest'))
  const fresh = new TestIndex(folder.path)
  const [problem] = fresh.search({}, { atLeast: generation }).notSearched
  assert.equal(problem?.code, 'SEARCH_INDEX_ROLLED_BACK')
  const result = await fresh.update(history, { atLeast: generation })
  assert.equal(result.rebuilt, 'SEARCH_INDEX_ROLLED_BACK')
  assert.ok(result.generation > generation)
  assert.deepEqual(fresh.paths({}), expected)
})

test('files of two repositories, or of two keys, do not open in each other’s place', async () => {
  await using folder = await tempFolder()
  const index = new TestIndex(folder.path)
  await index.update(history, { repository: 'one' })
  const [one = ''] = readdirSync(folder.path)
  await index.update(history, { repository: 'two' })
  const two = readdirSync(folder.path).find((name) => name !== one) ?? ''
  rmSync(join(folder.path, two), { recursive: true })
  cpSync(join(folder.path, one), join(folder.path, two), { recursive: true })
  const answer = new TestIndex(folder.path).search({}, { repositories: ['one', 'two'] })
  assert.deepEqual(
    answer.notSearched.map(({ repository, code }) => [repository, code]),
    [['two', 'SEARCH_INDEX_DAMAGED']],
  )
  const stranger = new TestIndex(folder.path, { key: Buffer.alloc(32, 8) })
  assert.equal(stranger.search({}).notSearched[0]?.code, 'SEARCH_INDEX_MISSING')
})

test('an index of another format is not read but made anew', async () => {
  await using folder = await tempFolder()
  const index = new TestIndex(folder.path)
  await index.update(history)
  for (const path of filesBelow(folder.path)) {
    const bytes = readFileSync(path)
    bytes.writeUInt16LE(2, 8)
    writeFileSync(path, bytes)
  }
  const fresh = new TestIndex(folder.path)
  assert.equal(fresh.search({}).notSearched[0]?.code, 'SEARCH_INDEX_VERSION')
  assert.equal((await fresh.update(history)).rebuilt, 'SEARCH_INDEX_VERSION')
})

test('an index that is removed leaves nothing', async () => {
  await using folder = await tempFolder()
  const index = new TestIndex(folder.path)
  await index.update(history)
  index.store('one').remove()
  assert.deepEqual(readdirSync(folder.path), [])
  index.store('one').remove()
})

test('an update with nothing new writes nothing', async () => {
  await using folder = await tempFolder()
  const index = new TestIndex(folder.path)
  const { generation } = await index.update(history)
  const files = watchEach(() => assert.fail('nothing is to be written'))
  const result = await index.update(history, { files })
  assert.deepEqual([result.generation, result.added, result.removed], [generation, 0, 0])
})
