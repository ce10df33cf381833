import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { keepRepository, workOff } from '../../../test/helpers/own-repository.ts'
import type { Kept } from '../../../test/helpers/own-repository.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { judgeProof } from './removed-since.ts'

interface Shown {
  readonly id: string
  readonly kind: string
  readonly measured: Readonly<Record<string, unknown>>
}

/** Files whose content no pack shares. */
function someFiles(count: number): Record<string, Buffer> {
  const names = Array.from({ length: count }, (_, index) => `folder${index % 3}/file${index}`)
  return Object.fromEntries(names.map((name) => [name, randomBytes(3_000)]))
}

class Scene implements AsyncDisposable {
  readonly server: TestServer
  readonly kept: Kept
  readonly headers: Readonly<Record<string, string>>

  private constructor(server: TestServer, kept: Kept, headers: Readonly<Record<string, string>>) {
    this.server = server
    this.kept = kept
    this.headers = headers
  }

  static async open(files: Record<string, Buffer>, options: { readonly isKept?: boolean } = {}): Promise<Scene> {
    const server = await TestServer.open()
    const kept = await keepRepository(server, files, options)
    return new Scene(server, kept, await server.tokenOf(await server.person({ [everyClient]: 'owner' })))
  }

  async ask<Answer>(what: string, body?: object, method = body === undefined ? 'GET' : 'POST'): Promise<Answer> {
    const { headers } = this
    const { status, json, text } = await this.server.call(method, what, { headers, ...(body && { body }) })
    assert.equal(status, 200, text)
    return json as Answer
  }

  /** Asks for a proof of the machine and lets the server make it. */
  async prove(what: string, body: object = {}) {
    const { id } = await this.ask<{ id: string }>(`/api/machines/${this.kept.machine.id}/${what}`, body)
    const { state, code, reason, result } = await workOff(this.server, id)
    return { id, state, code, reason, result: JSON.parse(result ?? '{}') as Readonly<Record<string, unknown>> }
  }

  async evidence(kind: string): Promise<Shown[]> {
    return await this.ask(`/api/evidence?kind=${kind}`)
  }

  /** Damages the content of a pack, behind the back of the server. */
  async damage(): Promise<void> {
    const { services } = this.server
    const backend = await services.storage.backend(this.kept.repositoryId)
    const packs: { readonly name: string; readonly size: number }[] = []
    for await (const pack of backend.list('pack')) packs.push(pack)
    const [{ name } = { name: '' }] = packs.toSorted((one, other) => other.size - one.size)
    const bytes = Buffer.from(await backend.read({ type: 'pack', name }))
    bytes[100] = (bytes[100] as number) ^ 1
    await backend.delete({ type: 'pack', name })
    await backend.write({ type: 'pack', name }, bytes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}

test('checks read one part after the other until all was read, and each is evidence', async () => {
  await using scene = await Scene.open(someFiles(40))
  const { clientId, machine } = scene.kept
  await scene.ask(`/api/clients/${clientId}/proofs`, { check: { everyHours: 24, coverWithinDays: 4 } }, 'PUT')
  const reading = async () =>
    (
      await scene.ask<{ reading: { part: number; parts: number; coveredAt: string | null } }>(
        `/api/machines/${machine.id}/proofs`,
      )
    ).reading
  let packs = 0
  for (const part of [1, 2, 3]) {
    const { state, result } = await scene.prove('check')
    assert.deepEqual([state, result['part'], result['parts'], result['sound']], ['done', part, 3, true])
    packs += result['packsRead'] as number
    assert.equal((await reading()).coveredAt !== null, part === 3)
  }
  const all = await scene.prove('check', { read: 'everything' })
  assert.equal(all.result['packsRead'], packs, 'the parts together are everything')
  assert.equal((await scene.prove('check')).result['part'], 1, 'a new turn')
  assert.equal((await scene.evidence('check')).length, 5)
})

test('a damaged repository fails its check, with the paths that it touches, and its test restore', async () => {
  await using scene = await Scene.open({ 'folder/bill': randomBytes(5_000) })
  await scene.damage()
  const { state, code, reason, result } = await scene.prove('check', { read: 'everything' })
  assert.deepEqual([state, code], ['failed', 'DAMAGE_FOUND'])
  assert.match(reason ?? '', /The repository is damaged \(\d problems?\): .* It touches 1 path\./)
  assert.match(JSON.stringify(result['problems']), /\/folder\/bill/)
  assert.equal((await scene.evidence('check'))[0]?.measured['sound'], false)
  const restore = await scene.prove('test-restore')
  assert.deepEqual([restore.state, restore.code], ['failed', 'TEST_RESTORE_FAILED'])
  assert.match(restore.reason ?? '', /\/folder\/bill/)
  assert.deepEqual(await scene.evidence('restore'), [], 'what did not come back proves no rate')
})

test('a test restore brings back the sample of its seed, gives a rate, and leaves nothing behind', async () => {
  await using scene = await Scene.open(someFiles(300))
  const [one, same, other] = [
    await scene.prove('test-restore', { seed: 'one' }),
    await scene.prove('test-restore', { seed: 'one' }),
    await scene.prove('test-restore', { seed: 'two' }),
  ]
  assert.equal(one.state, 'done', one.reason ?? '')
  assert.deepEqual([one.result['scope'], one.result['bytes'], one.result['offered']], ['sample', 600_000, 300])
  assert.equal(same.result['bytes'], one.result['bytes'])
  assert.equal(other.state, 'done')
  assert.ok((one.result['seconds'] as number) > 0)
  const [newest] = await scene.evidence('restore')
  assert.equal(newest?.measured['machine'], 'server')
  const scratch = join(scene.server.services.folder, 'scratch')
  assert.deepEqual(existsSync(scratch) ? readdirSync(scratch) : [], [])
})

test('what retention has removed since a proof was planned makes no bad proof, on the server and on the machine', async () => {
  await using scene = await Scene.open(someFiles(10))
  const { server, kept } = scene
  const { services } = server
  const { repositoryId, clientId, machine } = kept
  const [snapshotId = ''] = [...(await services.ledger.received(repositoryId)).keys()]
  await (await services.storage.backend(repositoryId)).delete({ type: 'snapshot', name: snapshotId })
  const order = {
    repositoryId,
    machineId: machine.id,
    snapshotId,
    seed: 'x'.repeat(16),
    mostFiles: 10,
    mostBytes: 1_000,
  }
  const about = { clientId, kind: 'test-restore', order, requestedBy: 'schedule' }
  const missing = await services.operations.create({ ...about, machineId: null })
  assert.equal((await workOff(server, missing.id)).state, 'failed', 'nobody has removed it: it is missing')
  const gone = { repositoryId, what: 'removed', snapshotId, machineId: null } as const
  await services.ledger.write(gone)
  const { id } = await services.operations.create({ ...about, machineId: null })
  assert.equal((await workOff(server, id)).state, 'cancelled')
  const failed = { state: 'failed', reason: 'There is no such snapshot.' } as const
  const own = { kind: 'test-restore', order: JSON.stringify(order) }
  assert.equal((await judgeProof(services, own, failed)).state, 'cancelled')
  assert.equal((await judgeProof(services, { ...own, kind: 'restore' }, failed)).state, 'failed')
})

test('a trial brings everything back; a client who keeps the password is told that the server can make no proof', async () => {
  await using scene = await Scene.open(someFiles(10))
  const { state, result } = await scene.prove('trial', { where: 'server' })
  assert.deepEqual([state, result['scope'], result['bytes']], ['done', 'whole', 30_000])
  await using kept = await Scene.open(someFiles(1), { isKept: true })
  const machine = `/api/machines/${kept.kept.machine.id}`
  for (const what of ['check', 'test-restore']) {
    const { json } = await kept.server.call('POST', `${machine}/${what}`, { headers: kept.headers, body: {} })
    assert.equal((json as { readonly code: string }).code, 'REPOSITORY_PASSWORD_KEPT')
  }
  const { impossible } = await kept.ask<{ impossible: string }>(`${machine}/proofs`)
  assert.match(impossible, /keeps the password/)
  const machineDoes = await kept.ask<{ state: string }>(`${machine}/test-restore`, { where: 'machine' })
  assert.equal(machineDoes.state, 'waiting')
})

for (const kind of storeKinds) {
  test(
    `${kind.name}: settings of a client are kept, and those of nobody are as usual`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const { clientId } = await keepRepository(server, {})
      const headers = await server.tokenOf(await server.person({ [clientId]: 'operator' }))
      const path = `/api/clients/${clientId}/proofs`
      const usual = (await server.call('GET', path, { headers })).json as { readonly trial: unknown }
      assert.equal(usual.trial, null)
      const changed = { ...usual, trial: { everyDays: 90, where: 'server' } }
      for (let times = 0; times < 2; times++) await server.call('PUT', path, { headers, body: changed })
      assert.deepEqual((await server.call('GET', path, { headers })).json, changed)
      const wrong = await server.call('PUT', path, { headers, body: { check: { everyHours: 0 } } })
      assert.equal(wrong.status, 400)
    },
  )
}
