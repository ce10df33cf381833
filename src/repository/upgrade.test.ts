import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository, password } from '../../test/helpers/build-repository.ts'
import { putKey } from '../../test/helpers/memory-repository.ts'
import { lockRepository } from './lock.ts'
import { openRepository } from './repository.ts'
import { bringBackConfig, upgradeToVersion2 } from './upgrade.ts'
import type { ConfigSafe } from './upgrade.ts'

const built = await TestRepository.create({ version: 1 })
const { backend } = built
// A key that costs nothing to open.
backend.files.delete(`key/${built.repository.keyName}`)
await putKey(backend.files, built.repository.settings.masterKey, { password })
const repository = await openRepository(backend, { password })
await built.snapshot({ 'a/b': Buffer.from('content') })
const start = backend.keep()

class MemorySafe implements ConfigSafe {
  readonly path = '/safe/config'
  kept: Buffer | undefined
  async save(bytes: Uint8Array): Promise<void> {
    this.kept = Buffer.from(bytes)
  }
  async load(): Promise<Buffer | undefined> {
    return this.kept
  }
  async remove(): Promise<void> {
    this.kept = undefined
  }
}

async function upgradeNow(safe: ConfigSafe): Promise<void> {
  await bringBackConfig(backend, safe)
  using opened = await openRepository(backend, { password })
  if (opened.config.version === 2) return
  await using lock = await lockRepository(opened, { exclusive: true })
  await upgradeToVersion2(opened, { safe, lock })
}

test('an upgrade that is killed at any change is finished by the next one, and no snapshot misses anything', async () => {
  const needed = await built.provenBlobs()
  await upgradeNow(new MemorySafe())
  const { changes } = backend
  assert.ok(changes >= 4)
  for (let diesAt = 1; diesAt <= changes; diesAt++) {
    backend.bringBack(start)
    backend.diesAt = diesAt
    const safe = new MemorySafe()
    await upgradeNow(safe).catch(() => undefined)
    backend.bringBack(new Map([...backend.keep()].filter(([key]) => !key.startsWith('lock/'))))
    await upgradeNow(safe)
    using opened = await openRepository(backend, { password })
    assert.deepEqual([opened.config.version, opened.config.id], [2, repository.config.id], `change ${diesAt}`)
    assert.deepEqual(await built.provenBlobs(), needed)
    assert.equal(safe.kept, undefined)
  }
})

test('a storage that does not take the new config keeps the old one', async () => {
  backend.bringBack(start)
  backend.onChange = (method, { type }) => {
    if (method === 'delete' && type === 'config') throw new Error('append-only')
  }
  await assert.rejects(upgradeNow(new MemorySafe()), { code: 'CONFIG_NOT_REPLACED' })
  using opened = await openRepository(backend, { password })
  assert.equal(opened.config.version, 1)
})

test('a repository that has version 2 is left as it is', async () => {
  backend.bringBack(start)
  await upgradeNow(new MemorySafe())
  using opened = await openRepository(backend, { password })
  await using lock = await lockRepository(opened, { exclusive: true })
  await assert.rejects(upgradeToVersion2(opened, { safe: new MemorySafe(), lock }), { code: 'UPGRADE_NOT_NEEDED' })
})
