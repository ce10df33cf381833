import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { UnderstudyError } from '#base'
import type { FileType } from '#backend'
import { MemoryBackend } from '#backend'
import { backUp } from '#archiver'
import { loadBlob, loadIndex, loadLocks, loadSnapshots, loadTree, lockRepository, openRepository } from '#repository'
import type { IndexedRepository, Repository } from '#repository'
import { idOf, initInMemory, openFiles, password, putFile, storeTrees } from '../helpers/memory-repository.ts'
import { file, memorySource } from '../helpers/memory-source.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'

/** Files that are damaged, missing, in the wrong place or hostile (C3, C4, C6, C7, C8, C10, C11 of the failure cases). */

const seed = testSeed()
const random = randomFrom(seed)
const made = await initInMemory()
const identity = { hostname: 'here', username: 'ann', uid: 0, gid: 0, tags: [], excludes: [], programVersion: '' }

for (const text of ['first', 'second']) {
  const tree = { data: { a: file(random.bytes(3_000)), b: { c: file(text) } } }
  await backUp(made.repository, memorySource(tree), { identity, threads: 1 })
}
await lockFile(made.repository)

async function lockFile(repository: Repository): Promise<void> {
  const json = '{"time":"2026-01-01T00:00:00Z","exclusive":true,"hostname":"elsewhere","username":"bob","pid":1}'
  await repository.saveFile('lock', Buffer.from(json))
}

/** Everything that there is, read through everything that reads. Returns the errors, which must all be ours. */
async function readAll(files: Map<string, Buffer>): Promise<readonly string[]> {
  const codes: string[] = []
  const note = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await work()
    } catch (thrown) {
      if (!(thrown instanceof UnderstudyError)) throw thrown
      assert.ok(thrown.message.length < 1_000 && !thrown.message.includes('\n'), thrown.message)
      assert.ok(thrown.hint !== '', thrown.code)
      codes.push(thrown.code)
      return undefined
    }
  }
  using repository = await note(() => openRepository(new MemoryBackend(files), { password }))
  if (!repository) return codes
  for (const { lock } of await loadLocks(repository)) if (lock instanceof UnderstudyError) codes.push(lock.code)
  await note(() => loadSnapshots(repository))
  const onDamaged = (_: string, error: Error) => void codes.push((error as UnderstudyError).code)
  const snapshots = await loadSnapshots(repository, { onDamaged })
  await note(() => loadIndex(repository))
  const indexed = await loadIndex(repository, { onDamaged })
  for (const { tree } of snapshots) await note(() => readTree(indexed, tree))
  for (let entry = 0; entry < indexed.index.size; entry++) {
    await note(() => loadBlob(indexed, indexed.index.typeOf(entry), indexed.index.idOf(entry)))
  }
  return codes
}

async function readTree(repository: IndexedRepository, id: Buffer): Promise<void> {
  for (const node of await loadTree(repository, id)) {
    node.decode()
    if (node.subtree) await readTree(repository, node.subtree)
    const ids = node.content ?? Buffer.alloc(0)
    for (let at = 0; at < ids.length; at += 32) await loadBlob(repository, 'data', ids.subarray(at, at + 32))
  }
}

const kinds: readonly FileType[] = ['config', 'key', 'lock', 'snapshot', 'index', 'pack']
const namesOf = (kind: FileType) => [...made.files.keys()].filter((name) => name.startsWith(`${kind}/`))

test('the repository itself is sound', async () => {
  assert.deepEqual(await readAll(made.files), [])
})

for (const kind of kinds) {
  test(`a ${kind} that is flipped, cut, longer, empty or gone is reported, every time`, async () => {
    for (const name of namesOf(kind)) {
      const whole = made.files.get(name) as Buffer
      const damages: (Buffer | undefined)[] = [undefined, Buffer.concat([whole, random.bytes(7)])]
      for (const length of [0, 1, 31, 32, whole.length >> 1, whole.length - 1]) damages.push(whole.subarray(0, length))
      for (let i = 0; i < 30; i++) {
        const flipped = Buffer.from(whole)
        const at = random.below(whole.length)
        flipped[at] = (flipped[at] as number) ^ (1 << random.below(8))
        damages.push(flipped)
      }
      for (const damage of damages) {
        const files = new Map(made.files)
        if (damage) files.set(name, Buffer.from(damage))
        else files.delete(name)
        const codes = await readAll(files)
        // Nobody misses a lock or, from here, a snapshot; a pack's header and what follows it is for `check` to read.
        const isSilent = kind === 'pack' || (kind === 'lock' && !damage?.length) || (kind === 'snapshot' && !damage)
        if (!isSilent) assert.notDeepEqual(codes, [], `${name} ${damage?.length}`)
      }
    }
  })
}

test('files that lie under each other’s names are refused, of the same kind and of another', async () => {
  const names = kinds.flatMap(namesOf)
  for (const one of names) {
    for (const other of names) {
      if (one === other) continue
      const files = new Map(made.files)
      files.set(one, made.files.get(other) as Buffer)
      const codes = await readAll(files)
      assert.notDeepEqual(codes, [], `${other} as ${one}`)
    }
  }
})

test('a file that is sound in itself, under its own name, and of another kind, is refused', async () => {
  for (const from of ['snapshot', 'index', 'lock'] as const) {
    for (const to of ['snapshot', 'index', 'lock'] as const) {
      if (from === to) continue
      const files = new Map(made.files)
      putFile(files, to, made.files.get(namesOf(from)[0] as string) as Buffer)
      assert.notDeepEqual(await readAll(files), [], `a ${from} as a ${to}`)
    }
  }
})

test('a pack of trees does not pass for data, though both lie in packs', async () => {
  const indexed = await loadIndex(made.repository)
  const { index } = indexed
  for (let entry = 0; entry < index.size; entry++) {
    const other = index.typeOf(entry) === 'tree' ? 'data' : 'tree'
    await assert.rejects(loadBlob(indexed, other, index.idOf(entry)), { code: 'BLOB_NOT_FOUND' })
  }
})

const texts = [
  '{}',
  '[]',
  '{',
  'null',
  '"x"',
  '0',
  '{"a":'.repeat(100_000),
  '['.repeat(5_000_000),
  '{"__proto__":{"x":1}}',
]
const numbers = ['NaN', '1e999', '-1', '18446744073709551616', '0x10', '1.5']
const jsons: Readonly<Record<'snapshot' | 'index' | 'lock', string>> = {
  snapshot: `{"time":"2026-01-01T00:00:00Z","tree":"${'0'.repeat(64)}","paths":["/x"],"uid":1000}`,
  index: `{"packs":[{"id":"${'1'.repeat(64)}","blobs":[{"id":"${'2'.repeat(64)}","type":"data","offset":0,"length":99}]}]}`,
  lock: '{"time":"2026-01-01T00:00:00Z","exclusive":true,"hostname":"h","username":"u","pid":1000}',
}

test(
  'hostile JSON under a good seal ends in a value or in one clear error, and never hangs',
  { timeout: 60_000 },
  async () => {
    const files = new Map(made.files)
    const { repository } = await openFiles(files)
    for (const kind of ['snapshot', 'index', 'lock'] as const) {
      const good = jsons[kind]
      const hostile: (string | Buffer)[] = [...texts, `\ufeff${good}`, `${good}${good}`, good.slice(0, -1)]
      for (const number of numbers) hostile.push(good.replace(/1000|99/, number))
      hostile.push(
        good.replace('{', '{"constructor":1,"__proto__":[],"time":"x","time":7,'),
        good.replace(/"[^"]+"/, '"\\ud800"'),
      )
      for (let i = 0; i < 150; i++) hostile.push(mutated(Buffer.from(good)))
      for (let i = 0; i < 20; i++) hostile.push(random.bytes(random.below(200)))
      for (const json of hostile) {
        const name = await repository.saveFile(kind, Buffer.from(json)).catch(ours)
        await readAll(files)
        files.delete(`${kind}/${String(name)}`)
      }
    }
    assert.equal(({} as { x?: number }).x, undefined)
  },
)

test('any bytes under a good seal, compressed or not, are refused', async () => {
  const files = new Map(made.files)
  const { repository } = await openFiles(files)
  const { codec } = repository
  const stated = Buffer.from('28b52ffde00000000004000000010000', 'hex') // a frame that states 16 GiB
  const bomb = Buffer.concat([Buffer.from([2]), stated, Buffer.alloc(1000)])
  const plains = [bomb, Buffer.from([2]), Buffer.from([3, 1, 2]), Buffer.from([2, 0x28, 0xb5, 0x2f, 0xfd])]
  for (let i = 0; i < 100; i++) plains.push(Buffer.concat([Buffer.from([2]), random.bytes(random.below(60))]))
  for (const plain of plains) {
    const sealed = Buffer.alloc(plain.length + 32)
    codec.sealBytes(plain, sealed, 0)
    for (const kind of ['snapshot', 'index', 'lock'] as const) {
      const name = putFile(files, kind, sealed)
      assert.ok((await readAll(files)).includes('FILE_DAMAGED'))
      files.delete(`${kind}/${name}`)
    }
    files.set('config/', sealed)
    assert.deepEqual(await readAll(files), ['FILE_DAMAGED'])
    files.set('config/', made.files.get('config/') as Buffer)
  }
})

test('hostile trees under a good seal end in errors of ours', async () => {
  const files = new Map(made.files)
  const { repository } = await openFiles(files)
  const stored = await loadIndex(repository)
  const [snapshot] = await loadSnapshots(repository)
  const good = await loadBlob(stored, 'tree', snapshot?.tree as Buffer)
  const trees: Buffer[] = texts.map((text) => Buffer.from(text))
  for (let i = 0; i < 200; i++) trees.push(mutated(good))
  trees.push(random.bytes(500), Buffer.alloc(0))
  const indexed = await storeTrees(repository, trees)
  for (const tree of trees) {
    await readTree(indexed, idOf(tree)).catch(ours)
  }
})

test('an index that claims what cannot be costs no memory', async () => {
  const indexed = await loadIndex(made.repository)
  const { index } = indexed
  const pack = index.addPack(Buffer.from(namesOf('pack')[0]?.slice(5) ?? '', 'hex'))
  const before = process.memoryUsage().rss
  const lies = [
    { offset: 0, length: 0xffff_ffff, plainLength: 0 },
    { offset: 0xffff_0000, length: 0x1000, plainLength: 10 },
    { offset: 0, length: 64, plainLength: 0xffff_ffff },
    { offset: 0, length: 32, plainLength: 1 },
  ]
  for (const lie of lies) {
    const id = randomBytes(32)
    index.add('data', id, 0, { pack, ...lie })
    await assert.rejects(loadBlob(indexed, 'data', id), UnderstudyError)
  }
  assert.ok(process.memoryUsage().rss - before < 500 << 20)
})

test('an unreadable lock stops whoever wants to write, and the index and the snapshots are read all the same', async () => {
  const files = new Map(made.files)
  putFile(files, 'lock', random.bytes(100))
  const { repository } = await openFiles(files)
  await assert.rejects(lockRepository(repository), { code: 'REPOSITORY_LOCKED' })
  assert.equal((await loadSnapshots(repository)).length, 2)
})

function mutated(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  for (let i = 0; i <= random.below(3); i++) {
    const at = random.below(copy.length)
    copy[at] = random.pick([...Buffer.from('{}[]",:\\0919eE-. \u0000'), random.below(256)])
  }
  return random.below(4) === 0 ? copy.subarray(0, random.below(copy.length)) : copy
}

/** Passes over an error of ours; anything else is a failure. */
function ours(thrown: unknown): void {
  if (!(thrown instanceof UnderstudyError)) throw thrown
}
