import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { localAccessFile, localAccessSchema } from '#protocol'
import { openMigrated, storeKinds } from '../../../test/helpers/stores.ts'
import { openTrialTarget } from '../../../test/helpers/trial-target.ts'
import type { StoreKind } from '../../../test/helpers/stores.ts'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { buildApp } from '../app/build-app.ts'
import { createServices } from '../app/create-services.ts'
import { route } from '../app/route.ts'
import { openOwnStorage } from '../repositories/own-storage.ts'
import { routes } from '../routes/index.ts'
import { openSealer } from '../secrets/sealer.ts'
import { createLocalAccess, writeLocalAccess } from './local-access.ts'
import { z } from 'zod'

const origin = 'http://localhost:8484'
const address = { host: '0.0.0.0', port: 8484, isLocal: false }

test('how to reach the server is written for its own user, and gone with it', async () => {
  await using folder = await tempFolder()
  const localAccess = createLocalAccess()
  const path = folder.join(localAccessFile)
  {
    await using _ = await writeLocalAccess(folder.path, { localAccess, address, certificate: undefined, origin })
    assert.equal(statSync(path).mode & 0o777, 0o600)
    const { url, secret } = localAccessSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
    assert.equal(url, 'http://127.0.0.1:8484')
    assert.ok(localAccess.isSecret(secret))
  }
  assert.ok(!existsSync(path))
})

test('each start has another secret, and what only looks like one is none', () => {
  const [one, other] = [createLocalAccess(), createLocalAccess()]
  assert.ok(!one.isSecret(other.secret))
  for (const text of ['', 'usl_', `${one.secret}x`, one.secret.slice(0, -1)]) assert.ok(!one.isSecret(text), text)
})

test('local access does what an owner may, but is no person, opens no content, and agrees to nothing', async () => {
  const approve = route({
    method: 'POST',
    path: '/api/approvals/:approval/approve',
    summary: 'For this test.',
    access: { by: 'person', right: 'operate', of: 'approval' },
    answer: z.object({}),
    handle: () => Promise.resolve({}),
  })
  const read = route({
    method: 'GET',
    path: '/api/test/content',
    summary: 'For this test.',
    access: { by: 'person', right: 'read', of: 'server' },
    answer: z.object({}),
    handle: () => Promise.resolve({}),
  })
  await using opened = await openMigrated(storeKinds[0] as StoreKind)
  const sealer = await openSealer(`${opened.folder}/server.key`, true)
  const localAccess = createLocalAccess()
  const { store, folder } = opened
  const clock = new SettableClock()
  await using storage = await openOwnStorage(folder, { store, clock })
  const about = {
    storage,
    storageFolder: undefined,
    folder,
    openTarget: openTrialTarget,
    clock,
    origin,
    fingerprint: undefined,
    localAccess,
    version: '0',
  }
  const services = createServices(store, sealer, about)
  const app = await buildApp([...routes, approve, read], services)
  const call = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const headers = { authorization: `Bearer ${localAccess.secret}`, 'content-type': 'application/json' }
    const answer = await app.inject({ method, url, headers, payload: JSON.stringify(payload ?? {}) })
    return answer.statusCode === 200 ? 'done' : answer.json<{ code: string }>().code
  }
  assert.equal(await call('POST', '/api/clients', { name: 'Bakery' }), 'done')
  assert.equal(await call('GET', '/api/audit'), 'done')
  assert.equal(await call('GET', '/api/me'), 'PERSON_NEEDED')
  assert.equal(await call('POST', '/api/tokens', { name: 'x', scopes: ['see'] }), 'PERSON_NEEDED')
  assert.equal(await call('POST', '/api/approvals/00000000-0000-4000-8000-000000000000/approve'), 'PERSON_NEEDED')
  const { id: client } = await services.store.db.selectFrom('clients').select('id').executeTakeFirstOrThrow()
  assert.equal(await call('POST', `/api/clients/${client}/attacked`), 'done')
  // Who asks for it as nobody could allow it by his own name.
  assert.equal(await call('POST', `/api/clients/${client}/not-attacked`), 'PERSON_NEEDED')
  assert.equal(await call('GET', '/api/test/content'), 'RIGHT_MISSING')
  const actors = new Set<string>()
  for await (const { who } of services.audit.entries({ after: 0 })) actors.add(who)
  assert.deepEqual([...actors], ['local'])
  await app.close()
})
