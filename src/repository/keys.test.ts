import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBackend } from '#backend'
import { addKey, listKeys, openKey } from './keys.ts'
import { openRepository } from './repository.ts'
import { copyOf, initInMemory, password, putFile, putKey } from '../../test/helpers/memory-repository.ts'

const made = await initInMemory()
const { masterKey } = made.repository.settings
const [cheap] = [...made.files.keys()].filter((key) => key.startsWith('key/')).map((key) => key.slice(4))

test('a key that was added opens the same repository, and the first one still does', async () => {
  const { backend, files } = await copyOf(made)
  const name = await addKey(backend, masterKey, 'second', { host: 'there', user: 'bob' })
  assert.deepEqual((await openKey(backend, 'second')).masterKey, masterKey)
  assert.deepEqual((await openKey(backend, password)).masterKey, masterKey)
  const { keys, damaged } = await listKeys(backend)
  const about = keys.find((key) => key.name === name)?.file
  assert.deepEqual([about?.hostname, about?.username, keys.length, damaged.length], ['there', 'bob', 2, 0])
  assert.equal(files.size, made.files.size + 1)
})

test('a password that opens no key is said to be wrong, with the exit code for it', async () => {
  const { backend } = await copyOf(made)
  await assert.rejects(openRepository(backend, { password: 'no' }), { code: 'PASSWORD_WRONG', exitCode: 12 })
})

test('where nothing is, there is no repository; where only the config is, keys are missing', async () => {
  await assert.rejects(openKey(new MemoryBackend(), password), { code: 'REPOSITORY_NOT_FOUND', exitCode: 10 })
  const { backend, files } = await copyOf(made)
  files.delete(`key/${cheap}`)
  await assert.rejects(openKey(backend, password), { code: 'KEYS_MISSING' })
})

test('a damaged key among good ones is passed over', async () => {
  const { backend, files } = await copyOf(made)
  for (const bytes of [Buffer.alloc(0), Buffer.from('{'), Buffer.alloc(70_000, 0x20)]) putFile(files, 'key', bytes)
  files.set(`key/${'0'.repeat(64)}`, Buffer.from('not what its name says'))
  assert.equal((await openKey(backend, password)).name, cheap)
  const { keys, damaged } = await listKeys(backend)
  assert.deepEqual([keys.length, damaged.length], [1, 4])
})

test('the only key, damaged, is named together with what is wrong with it', async () => {
  const { backend, files } = await copyOf(made)
  const bytes = Buffer.from(files.get(`key/${cheap}`) as Buffer)
  bytes[20] = (bytes[20] as number) ^ 1
  files.set(`key/${cheap}`, bytes)
  await assert.rejects(openKey(backend, password), {
    code: 'KEY_DAMAGED',
    message: new RegExp(`${cheap?.slice(0, 10)}`),
  })
})

test('a key whose bytes arrive damaged once is read again', async () => {
  const { backend } = await copyOf(made, [{ on: 'read', type: 'key', fault: { kind: 'flip', bit: 100 } }])
  assert.equal((await openKey(backend, password)).name, cheap)
})

test('a key that is removed while keys are tried is passed over', async () => {
  const show = [{ name: '0'.repeat(64), size: 400 }]
  const { backend } = await copyOf(made, [{ on: 'list', type: 'key', fault: { kind: 'stale list', show } }])
  assert.equal((await openKey(backend, password)).name, cheap)
})

test('a key file that asks for absurd costs is refused at once', async () => {
  const { backend, files } = await copyOf(made)
  const honest = (files.get(`key/${cheap}`) as Buffer).toString()
  files.delete(`key/${cheap}`)
  const costs = ['"N":1073741824,"r":8,"p":1', '"N":32768,"r":1048576,"p":1', '"N":3,"r":8,"p":1', '"N":-1,"r":8,"p":1']
  for (const cost of costs) {
    const name = putFile(files, 'key', Buffer.from(honest.replace(/"N":2,"r":1,"p":1/, cost)))
    await assert.rejects(openKey(backend, password), { code: 'KEY_DAMAGED' })
    files.delete(`key/${name}`)
  }
  putFile(files, 'key', Buffer.from(honest.replace(/"salt":"[^"]*"/, '"salt":""')))
  await assert.rejects(openKey(backend, password), { code: 'KEY_DAMAGED', message: /salt/ })
})

test('of more than twenty keys the others are tried only when one is named, and the error says so', async () => {
  const { backend, files } = await copyOf(made)
  files.delete(`key/${cheap}`)
  const names: string[] = []
  for (let i = 0; i < 21; i++) names.push(await putKey(files, masterKey, { password: `password ${i}` }))
  const last = names.indexOf(names.toSorted().at(-1) ?? '')
  await assert.rejects(openKey(backend, `password ${last}`), {
    code: 'KEYS_NOT_ALL_TRIED',
    exitCode: 12,
    message: /first 20 keys .* has 21/,
  })
  const opened = await openKey(backend, `password ${last}`, { keyHint: names[last]?.slice(0, 8) })
  assert.equal(opened.name, names[last])
  const first = names.indexOf(names.toSorted()[0] as string)
  assert.equal((await openKey(backend, `password ${first}`)).name, names[first])
})

test('a key that is named and not there is an error, and a hint that fits another key still finds the right one', async () => {
  const { backend, files } = await copyOf(made)
  const other = await putKey(files, masterKey, { password: 'other' })
  await assert.rejects(openKey(backend, password, { keyHint: 'xyz' }), { code: 'KEY_NOT_FOUND' })
  assert.equal((await openKey(backend, password, { keyHint: other })).name, cheap)
})
