import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { storeKinds } from '../../../test/helpers/stores.ts'
import type { StoreKind } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { authenticateAtEndpoint } from '../repositories/own-repositories.ts'
import { noteArrivals } from './script-runs.ts'

const order = { system: 'linux', paths: ['/home'], schedule: { hour: 2, minute: 30 } }

interface Made {
  readonly script: string
}

/** A client's operator, and a machine without agent. */
async function open(kind?: StoreKind) {
  const server = await TestServer.open(kind)
  const owner = await server.tokenOf(await server.person({ '*': 'owner' }))
  const { id: client } = (await server.call('POST', '/api/clients', { headers: owner, body: { name: 'Bakery' } }))
    .json as { id: string }
  const headers = await server.tokenOf(await server.person({ [client]: 'operator' }))
  const ask = async (path: string, body?: unknown, as = headers) =>
    await server.call(body === undefined ? 'GET' : 'POST', path, { headers: as, ...(body !== undefined && { body }) })
  const { id: machine } = (await ask(`/api/clients/${client}/machines`, { name: 'office pc', kind: 'pc' })).json as {
    id: string
  }
  return { server, owner, client, machine, ask, at: `/api/machines/${machine}` }
}

function secretsIn({ script }: Made) {
  const [, user = '', secret = ''] = /rest:http:\/\/([^:]+):([^@]+)@/.exec(script) ?? []
  const [, token = ''] = /Authorization: Bearer ([A-Za-z0-9_-]+)/.exec(script) ?? []
  return { user, secret, token }
}

async function arrive({ services }: TestServer, machine: string): Promise<string> {
  const { db } = services.store
  const { id } = await db.selectFrom('repositories').select('id').executeTakeFirstOrThrow()
  const snapshotId = randomBytes(32).toString('hex')
  await services.ledger.write({ repositoryId: id, what: 'received', snapshotId, machineId: machine })
  return snapshotId
}

function reportOf(snapshotId: string | undefined, more: object = {}) {
  const counts = { files_new: 1, files_changed: 0, files_unmodified: 0, total_files_processed: 1 }
  const bytes = { total_bytes_processed: 9, data_added: 9 }
  return {
    format: 1,
    system: 'linux',
    machine: 'office pc',
    started: '2026-11-23T02:30:00Z',
    ended: '2026-11-23T02:31:00Z',
    exitCode: 0,
    restic: '0.18.0',
    summary:
      snapshotId === undefined ? null : { message_type: 'summary', snapshot_id: snapshotId, ...counts, ...bytes },
    errors: [],
    ...more,
  }
}

async function operationsIn({ services }: TestServer) {
  const rows = services.store.db
    .selectFrom('operations')
    .select(['kind', 'state', 'code', 'result'])
    .orderBy('createdAt')
  return (await rows.execute()).map(({ result, ...same }) => ({
    ...same,
    snapshot: (JSON.parse(result ?? '{}') as { snapshotId?: string }).snapshotId,
  }))
}

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(about('a script has a credential of its own; a new script ends what the one before had'), { skip }, async () => {
    const { server, ask, at } = await open(kind)
    await using _ = server
    const first = secretsIn((await ask(`${at}/script`, order)).json as Made)
    const second = secretsIn((await ask(`${at}/script`, { ...order, system: 'macos' })).json as Made)
    assert.equal(await authenticateAtEndpoint(server.services, first.user, first.secret), undefined)
    assert.equal((await authenticateAtEndpoint(server.services, second.user, second.secret))?.state, 'open')
    const report = async (token: string) =>
      (await ask('/api/script-reports', reportOf(undefined, { exitCode: 1 }), { authorization: `Bearer ${token}` }))
        .status
    assert.deepEqual([await report(first.token), await report(second.token)], [401, 200])
    const shown = (await ask(`${at}/script`)).text
    assert.match(shown, /"system":"macos"/)
    for (const secret of Object.values(second)) assert.ok(!shown.includes(secret))
    await server.services.store.db.updateTable('machines').set({ state: 'revoked' }).execute()
    assert.equal(await report(second.token), 401)
  })

  test(
    about('what arrives is a backup of the machine, whether its report comes, comes late, twice or never'),
    { skip },
    async () => {
      const { server, machine, ask, at } = await open(kind)
      await using _ = server
      const { token } = secretsIn((await ask(`${at}/script`, order)).json as Made)
      const send = async (report: object) =>
        assert.equal((await ask('/api/script-reports', report, { authorization: `Bearer ${token}` })).status, 200)
      const [first, second] = [await arrive(server, machine), await arrive(server, machine)]
      await noteArrivals(server.services)
      await noteArrivals(server.services)
      assert.deepEqual(
        (await operationsIn(server)).map(({ kind: what, state }) => [what, state]),
        [
          ['backup', 'running'],
          ['backup', 'running'],
        ],
      )
      await send(reportOf(first.slice(0, 8)))
      await send(reportOf(first))
      server.clock.pass(16 * 60_000)
      await noteArrivals(server.services)
      const late = reportOf(second, {
        exitCode: 3,
        errors: ['open /home/x: permission denied'],
        started: '2026-11-23T03:00:00Z',
      })
      await send(late)
      await send(late)
      const found = await operationsIn(server)
      const bySnapshot = (id: string) =>
        found.filter(({ snapshot }) => snapshot === id).map(({ kind: what, state, code }) => `${what} ${state} ${code}`)
      assert.deepEqual(bySnapshot(first), ['backup done null'])
      assert.deepEqual(bySnapshot(second).toSorted(), [
        'backup warnings SCRIPT_NOT_REPORTED',
        'late-report warnings SCRIPT_RUN_INCOMPLETE',
      ])
      const seen = await server.services.store.db.selectFrom('machines').select('lastSeenAt').executeTakeFirstOrThrow()
      assert.equal(seen.lastSeenAt, server.clock.now())
    },
  )
}

test('a machine that says all is well without a snapshot on the server is not believed', async () => {
  const { server, ask, at } = await open()
  await using _ = server
  const { token } = secretsIn((await ask(`${at}/script`, order)).json as Made)
  const as = { authorization: `Bearer ${token}` }
  const send = async (report: object) => (await ask('/api/script-reports', report, as)).status
  const far = { started: '9999-01-01T00:00:00Z' }
  assert.equal(await send(reportOf('ab'.repeat(32), far)), 200)
  assert.equal(await send(reportOf(undefined, { exitCode: 1, errors: ['disk \u0007gone'] })), 200)
  const ends = (await operationsIn(server)).map(({ state, code }) => `${state} ${code}`)
  assert.deepEqual(ends.toSorted(), ['failed SCRIPT_RUN_FAILED', 'failed SCRIPT_SNAPSHOT_UNKNOWN'])
  assert.equal(await send(reportOf('%', {})), 400)
  assert.equal(await send({ ...reportOf(undefined), format: 2 }), 400)
})

test('stock restic without a script of ours: what arrives is a backup, done', async () => {
  const { server, machine, ask, at } = await open()
  await using _ = server
  const access = (await ask(`${at}/restic-access`, {})).json as Record<string, string>
  assert.equal(
    (await authenticateAtEndpoint(server.services, access['user'] ?? '', access['secret'] ?? ''))?.state,
    'open',
  )
  const snapshot = await arrive(server, machine)
  await noteArrivals(server.services)
  assert.deepEqual(await operationsIn(server), [{ kind: 'backup', state: 'done', code: null, snapshot }])
})

test('who may not read does not get the password of a repository that has data in it', async () => {
  const { server, machine, ask, at, owner } = await open()
  await using _ = server
  assert.equal((await ask(`${at}/script`, order)).status, 200)
  await arrive(server, machine)
  for (const door of ['script', 'restic-access']) {
    assert.equal(((await ask(`${at}/${door}`, order)).json as { code: string }).code, 'RIGHT_MISSING')
  }
  assert.equal((await ask(`${at}/script`, order, owner)).status, 200)
})

test('a wrong order is refused in a sentence, and leaves the credential that the machine has', async () => {
  const { server, ask, at } = await open()
  await using _ = server
  const { user, secret } = secretsIn((await ask(`${at}/script`, order)).json as Made)
  for (const wrong of [{ paths: ['home'] }, { system: 'windows' }, { excludes: ['a\nb'] }]) {
    assert.equal(((await ask(`${at}/script`, { ...order, ...wrong })).json as { code: string }).code, 'SCRIPT_INVALID')
  }
  assert.equal((await authenticateAtEndpoint(server.services, user, secret))?.state, 'open')
  const withAgent = server.services.store.db.updateTable('machines').set({ publicKey: 'x' })
  await withAgent.execute()
  assert.equal(((await ask(`${at}/script`, order)).json as { code: string }).code, 'STATE_WRONG')
})

test('what each kind of machine gets is one table, for everybody, also on the server itself', async () => {
  const { server, ask } = await open()
  await using _ = server
  const kinds = (await ask('/api/machine-kinds')).json as { id: string; by: string; files: { reach: string } }[]
  assert.deepEqual(
    kinds.filter(({ by }) => by === 'script').map(({ id }) => id),
    ['windows', 'macos', 'linux-script'],
  )
})
