import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository, password } from '../../test/helpers/build-repository.ts'
import { putKey } from '../../test/helpers/memory-repository.ts'
import { addVerifiedKey, changePassword, removeKey } from './change-keys.ts'
import { lockRepository } from './lock.ts'
import { openRepository } from './repository.ts'

const built = await TestRepository.create()
const { backend } = built
// A key that costs nothing to open.
backend.files.delete(`key/${built.repository.keyName}`)
await putKey(backend.files, built.repository.settings.masterKey, { password })
const repository = await openRepository(backend, { password })
const start = backend.keep()

async function opens(...passwords: readonly string[]): Promise<string[]> {
  const opened: string[] = []
  for (const one of passwords) {
    const found = await openRepository(backend, { password: one }).catch(() => undefined)
    if (found) opened.push(one)
    found?.[Symbol.dispose]()
  }
  return opened
}

test('a change of the password that is killed at any change leaves one that opens; the old one until the new one is proven', async () => {
  const change = async () => {
    await using lock = await lockRepository(repository, { exclusive: true })
    await changePassword(repository, { password: 'new' }, { lock })
  }
  backend.bringBack(start)
  const changesOfKeys: number[] = []
  backend.onChange = (_, { type }) => void (type === 'key' && changesOfKeys.push(backend.changes))
  await change()
  assert.deepEqual(await opens(password, 'new'), ['new'])
  assert.equal(changesOfKeys.length, 2)
  const seen = new Set<string>()
  for (const diesAt of changesOfKeys.flatMap((at) => [at, at + 1])) {
    backend.bringBack(start)
    backend.diesAt = diesAt
    await change().catch(() => undefined)
    backend.bringBack(backend.keep())
    const left = await opens(password, 'new')
    assert.ok(left.length > 0, `after dying at change ${diesAt}`)
    seen.add(left.join())
  }
  assert.deepEqual([...seen].toSorted(), [password, `${password},new`, 'new'].toSorted())
})

test('a new key that the storage spoils is taken away again, and the old one stays', async () => {
  backend.bringBack(start)
  await using lock = await lockRepository(repository, { exclusive: true })
  const write = backend.write.bind(backend)
  backend.write = async (file, bytes, options) => {
    const spoiled = Buffer.from(bytes)
    spoiled[30] = (spoiled[30] as number) ^ 1
    await write(file, file.type === 'key' ? spoiled : bytes, options)
  }
  try {
    await assert.rejects(changePassword(repository, { password: 'new' }, { lock }), { code: 'KEY_DAMAGED' })
  } finally {
    backend.write = write
  }
  assert.deepEqual(backend.names('key'), [repository.keyName])
  assert.deepEqual(await opens(password, 'new'), [password])
})

test('the key in use cannot be removed, another one can', async () => {
  backend.bringBack(start)
  await using lock = await lockRepository(repository, { exclusive: true })
  const second = await addVerifiedKey(repository, { password: 'second', user: 'anna', host: 'nas' })
  await assert.rejects(removeKey(repository, repository.keyName, { lock }), { code: 'KEY_IN_USE' })
  await removeKey(repository, second, { lock })
  assert.deepEqual(await opens(password, 'second'), [password])
})
