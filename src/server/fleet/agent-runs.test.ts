import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { keyOf, makeClient } from '../../../test/helpers/made-client.ts'
import type { MadeClient } from '../../../test/helpers/made-client.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import type { StoreKind } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { lookAtMachines } from '../alerting/look-machines.ts'

const [second, minute] = [1_000, 60_000]

interface Shown {
  readonly usedByTwo: { readonly since: string; readonly agents: readonly { readonly hostname: string }[] } | null
}

/** A machine, and agents that speak with its key. */
class Scene implements AsyncDisposable {
  readonly server: TestServer
  readonly #made: MadeClient

  private constructor(server: TestServer, made: MadeClient) {
    this.server = server
    this.#made = made
  }

  static async open(kind: StoreKind): Promise<Scene> {
    const server = await TestServer.open(kind)
    return new Scene(server, await makeClient(server, 'till'))
  }

  async #ask<Answer>(path: string, body: object): Promise<Answer> {
    const key = keyOf(this.#made.machine)
    const { authorization } = key.header('POST', path, this.server.clock.now(), JSON.stringify(body))
    const { status, json, text } = await this.server.call('POST', path, { headers: { authorization }, body })
    assert.equal(status, 200, text)
    return json as Answer
  }

  async hello(run: string, hostname = 'till'): Promise<boolean> {
    const about = { hostname, platform: 'linux', release: '6', agentVersion: '0' }
    const hello = { about, clock: this.server.clock.now(), follows: {}, run }
    return (await this.#ask<{ usedByTwo?: boolean }>('/api/machine/hello', hello)).usedByTwo === true
  }

  async job(run: string): Promise<object | null> {
    return (await this.#ask<{ job: object | null }>('/api/machine/operations/next', { kinds: ['backup'], run })).job
  }

  async shown(): Promise<Shown['usedByTwo']> {
    const headers = await this.server.tokenOf(await this.server.person({ [everyClient]: 'owner' }))
    const { json } = await this.server.call('GET', `/api/machines/${this.#made.machine}`, { headers })
    return (json as Shown).usedByTwo
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}

for (const kind of storeKinds) {
  test(
    `${kind.name}: two agents that speak in turn with one key are noticed by both and by people, and the second has no jobs`,
    { skip: kind.skip },
    async () => {
      await using scene = await Scene.open(kind)
      const [first, copy] = [randomUUID(), randomUUID()]
      const { clock, services } = scene.server
      assert.equal(await scene.hello(first, 'till'), false)
      clock.pass(10 * minute)
      const copied = clock.now()
      const heard: boolean[] = []
      for (let rounds = 0; rounds < 6; rounds++) {
        await scene.hello(copy, 'till-copy')
        clock.pass(30 * second)
        heard.push(await scene.hello(first, 'till'))
      }
      assert.deepEqual([heard[0], heard.at(-1)], [false, true])
      assert.equal(await scene.hello(copy, 'till-copy'), true)
      const two = await scene.shown()
      assert.deepEqual(
        [two?.since, two?.agents.map(({ hostname }) => hostname)],
        [new Date(copied).toISOString(), ['till', 'till-copy']],
      )
      assert.equal(await scene.job(copy), null)
      assert.notEqual(await scene.job(first), null)
      const { db } = services.store
      const noted = await db.selectFrom('audit').select('what').where('what', '=', 'machine.used-by-two').execute()
      assert.equal(noted.length, 1, 'said once')
      const clients = new Map(
        (await db.selectFrom('clients').selectAll().execute()).map((client) => [client.id, client]),
      )
      const [view] = await lookAtMachines(db, clients, await services.alerting.settings.load())
      assert.deepEqual(view?.usedByTwo, { since: copied, agents: ['till at 127.0.0.1', 'till-copy at 127.0.0.1'] })

      // The copy is a machine of its own now.
      clock.pass(31 * minute)
      assert.equal(await scene.hello(first), false)
      assert.equal(await scene.shown(), null)
    },
  )
}

test('an agent that is started again and again is one, also when a last word of the former start comes late', async () => {
  await using scene = await Scene.open(storeKinds[0] as StoreKind)
  const { clock } = scene.server
  let former = randomUUID()
  await scene.hello(former)
  for (let starts = 0; starts < 20; starts++) {
    const next = randomUUID()
    assert.equal(await scene.hello(next), false)
    clock.pass(20 * second)
    await scene.hello(former)
    clock.pass(10 * second)
    for (let words = 0; words < 4; words++) {
      assert.equal(await scene.hello(next), false)
      clock.pass(30 * second)
    }
    former = next
  }
  assert.equal(await scene.shown(), null)
  const kept = await scene.server.services.store.db.selectFrom('agentRuns').select('run').execute()
  assert.ok(kept.length < 40, 'starts of long ago are forgotten')
})

test('a virtual machine that is set back to an earlier state of itself is one', async () => {
  await using scene = await Scene.open(storeKinds[0] as StoreKind)
  const { clock } = scene.server
  const [before, later] = [randomUUID(), randomUUID()]
  for (const run of [before, later, before]) {
    for (let words = 0; words < 10; words++) {
      assert.equal(await scene.hello(run), false)
      clock.pass(30 * second)
    }
  }
})
