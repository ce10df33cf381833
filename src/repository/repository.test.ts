import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BackendError, FaultyBackend, MemoryBackend } from '#backend'
import { encodeConfig } from './format/config.ts'
import { initRepository, openRepository } from './repository.ts'
import { copyOf, initInMemory, namesOf, openFiles, password, putFile } from '../../test/helpers/memory-repository.ts'

const made = await initInMemory()
const json = Buffer.from('{"packs":[]}\n')

test('what init made is opened again: same id, same polynomial', async () => {
  const { repository } = await copyOf(made)
  assert.deepEqual(repository.config, made.repository.config)
  assert.equal(repository.config.version, 2)
})

test('a second init refuses, and changes nothing', async () => {
  const { backend, files } = await copyOf(made)
  await assert.rejects(initRepository(backend, { password }), { code: 'REPOSITORY_EXISTS' })
  assert.deepEqual(files, made.files)
})

test('of two inits at once one wins, and what is there then opens', async () => {
  const backend = new MemoryBackend()
  const results = await Promise.allSettled([
    initRepository(backend, { password }),
    initRepository(backend, { password }),
  ])
  const won = results.filter(({ status }) => status === 'fulfilled')
  const lost = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult
  assert.equal(won.length, 1)
  assert.match((lost.reason as BackendError).code, /^REPOSITORY_(EXISTS|INCOMPLETE)$/)
  assert.equal((await namesOf(backend, 'key')).length, 1)
  await openRepository(backend, { password })
})

test('an init that was killed between key and config left no repository, and says so', async () => {
  const { backend, files } = await copyOf(made)
  files.delete('config/')
  await assert.rejects(openRepository(backend, { password }), { code: 'REPOSITORY_INCOMPLETE', exitCode: 10 })
  await assert.rejects(initRepository(backend, { password }), { code: 'REPOSITORY_INCOMPLETE' })
})

test('an init whose last reply was lost leaves a repository that opens', async () => {
  const memory = new MemoryBackend()
  const error = new BackendError('STORAGE_UNREACHABLE', { location: 'x', reason: 'reset', transient: true })
  const backend = new FaultyBackend(memory, [{ on: 'write', type: 'config', fault: { kind: 'lost reply', error } }])
  await assert.rejects(initRepository(backend, { password }), { code: 'STORAGE_UNREACHABLE' })
  await openRepository(memory, { password })
})

test('an init that cannot write the config leaves nothing behind', async () => {
  const memory = new MemoryBackend()
  const error = new BackendError('STORAGE_FULL', { location: 'x' })
  const backend = new FaultyBackend(memory, [{ on: 'write', type: 'config', fault: { kind: 'fail', error } }])
  await assert.rejects(initRepository(backend, { password }), { code: 'STORAGE_FULL' })
  assert.equal(memory.files.size, 0)
})

test('a damaged config is reported as such', async () => {
  for (const damage of [Buffer.alloc(0), Buffer.alloc(31), Buffer.from('{"version":2}'), Buffer.alloc(200, 7)]) {
    const { backend, files } = await copyOf(made)
    files.set('config/', damage)
    await assert.rejects(openRepository(backend, { password }), { code: 'FILE_DAMAGED', message: /config/ })
  }
})

test('a config that arrives damaged once is read again', async () => {
  const { backend, repository } = await copyOf(made, [
    { on: 'read', type: 'config', fault: { kind: 'flip', bit: 77 } },
    { on: 'read', type: 'config', call: 3, fault: { kind: 'truncate', bytes: 20 } },
  ])
  for (let i = 0; i < 2; i++) {
    assert.deepEqual((await openRepository(backend, { password })).config, repository.config)
  }
})

test('a file is saved compressed, under the hash of its bytes, and loaded again', async () => {
  const { repository, files } = await copyOf(made)
  const name = await repository.saveFile('index', json)
  assert.deepEqual(await repository.loadFile('index', name), json)
  const plain = repository.codec.openBytes(files.get(`index/${name}`) as Buffer)
  assert.equal(plain[0], 2)
})

test('a file that is damaged in any way is FILE_DAMAGED and named', async () => {
  const { repository, files } = await copyOf(made)
  const name = await repository.saveFile('snapshot', json)
  const key = `snapshot/${name}`
  const whole = files.get(key) as Buffer
  const flipped = Buffer.from(whole)
  flipped[20] = (flipped[20] as number) ^ 4
  for (const damage of [flipped, whole.subarray(0, 40), Buffer.alloc(0), Buffer.concat([whole, Buffer.alloc(1)])]) {
    files.set(key, Buffer.from(damage))
    await assert.rejects(repository.loadFile('snapshot', name), {
      code: 'FILE_DAMAGED',
      message: new RegExp(`snapshot ${name.slice(0, 10)}`),
    })
  }
})

test('a file that arrives damaged once is read again', async () => {
  const { repository, backend } = await copyOf(made)
  const name = await repository.saveFile('index', json)
  backend.add({ on: 'read', type: 'index', fault: { kind: 'flip', bit: -1 } })
  assert.deepEqual(await repository.loadFile('index', name), json)
})

test('a file without the mark is refused in a repository of ours', async () => {
  const { repository, files, backend } = await copyOf(made)
  const name = await saveUnmarked(made.repository, backend, files)
  await assert.rejects(repository.loadFile('snapshot', name), { code: 'FILE_DAMAGED', message: /not compressed/ })
})

test('a file without the mark is read in version 1, and in a repository upgraded from it', async () => {
  const old = await initInMemory({ version: 1 })
  const name = await old.repository.saveFile('snapshot', json)
  assert.deepEqual(old.repository.codec.openBytes(old.files.get(`snapshot/${name}`) as Buffer), json)

  const upgraded = new Map(old.files)
  const config = encodeConfig({ ...old.repository.config, version: 2 })
  const sealed = Buffer.alloc(config.length + 32)
  old.repository.codec.sealBytes(config, sealed, 0)
  upgraded.set('config/', sealed)
  const { repository } = await openFiles(upgraded)
  assert.equal(repository.config.version, 2)
  assert.deepEqual(await repository.loadFile('snapshot', name), json)
  const marked = await repository.saveFile('snapshot', json)
  assert.equal(repository.codec.openBytes(upgraded.get(`snapshot/${marked}`) as Buffer)[0], 2)
})

test('keys of a repository do not open the files of another', async () => {
  const other = await initInMemory()
  const { repository, files } = await copyOf(made)
  const name = await other.repository.saveFile('index', json)
  files.set(`index/${name}`, other.files.get(`index/${name}`) as Buffer)
  await assert.rejects(repository.loadFile('index', name), { code: 'FILE_DAMAGED' })
})

async function saveUnmarked(
  { codec }: typeof made.repository,
  backend: FaultyBackend,
  files: Map<string, Buffer>,
): Promise<string> {
  const sealed = Buffer.alloc(json.length + 32)
  codec.sealBytes(json, sealed, 0)
  const name = putFile(files, 'snapshot', sealed)
  assert.ok((await namesOf(backend, 'snapshot')).includes(name))
  return name
}
