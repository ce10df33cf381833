import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeptRepository } from '../../../test/helpers/kept-repository.ts'
import { randomFrom, testSeed } from '../../../test/helpers/seed.ts'
import type { Random } from '../../../test/helpers/seed.ts'
import { lookAtApprovals } from '../approvals/carry-out.ts'
import { enterAttack } from './attack.ts'
import { judgeRuns } from './judge-runs.ts'

/**
 * Histories of a repository, made up by a seed: honest backups, incomplete ones, an attacker with the machine's credential, clocks
 * that jump, policies that are changed past every check, people who say yes to everything.
 */

const hour = 3_600_000
const day = 24 * hour
const steps = 30

test('whatever happens, the last good snapshot stays, and nothing goes while the client is attacked or the repository held', async () => {
  const random = randomFrom(testSeed())
  await using kept = await KeptRepository.open()
  await kept.policy({ daily: 3, weekly: 2 })
  const world = new World(kept, random)
  for (let at = 0; at < steps; at++) {
    const before = await world.everything()
    const isStopped = await world.isStopped()
    const deed = await world.step()
    const about = `step ${at}: ${deed}`
    assert.ok(await world.hasNewestGood(), `${about}: the last good one has gone`)
    if (isStopped && (await world.isStopped())) {
      const after = await world.everything()
      for (const file of before) assert.ok(after.has(file), `${about}: ${file} has gone while nothing may`)
    }
    const found = await kept.run('ledger-check')
    assert.equal(found.state, 'done', `${about}: ${found.reason}`)
  }
})

class World {
  readonly #kept: KeptRepository
  readonly #random: Random
  /** Complete snapshots of honest runs, by the time of receipt. */
  readonly #good = new Map<string, number>()

  constructor(kept: KeptRepository, random: Random) {
    this.#kept = kept
    this.#random = random
  }

  async step(): Promise<string> {
    const deeds = {
      backup: 6,
      incomplete: 2,
      forge: 2,
      ransom: 1,
      retain: 6,
      purge: 2,
      jump: 1,
      weaken: 1,
      attack: 1,
      calm: 2,
      agree: 2,
    } as const
    const all = Object.entries(deeds).flatMap(([name, times]) => Array.from({ length: times }, () => name))
    const name = this.#random.pick(all) as keyof typeof deeds
    await this[name]()
    this.#kept.server.clock.pass((1 + this.#random.below(30)) * hour)
    return name
  }

  async backup(): Promise<void> {
    const { clock } = this.#kept.services
    const receivedAt = clock.now()
    this.#good.set(await this.#kept.backup(), receivedAt)
    await judgeRuns(this.#kept.services)
  }

  async incomplete(): Promise<void> {
    await this.#kept.backup({ state: 'warnings' })
  }

  /** Snapshots with invented times, sent past the agent. */
  async forge(): Promise<void> {
    for (let count = 1 + this.#random.below(4); count > 0; count--) {
      const claims = this.#kept.server.clock.now() + (this.#random.below(4_000) - 2_000) * day
      await this.#kept.backup({ claims, silent: true, bytes: 200 })
    }
  }

  async ransom(): Promise<void> {
    await this.#kept.backup({ report: { filesChanged: 990 } })
    await judgeRuns(this.#kept.services)
  }

  async retain(): Promise<void> {
    await this.#kept.run('retention')
  }

  async purge(): Promise<void> {
    await this.#kept.run('purge')
  }

  async jump(): Promise<void> {
    this.#kept.server.clock.suspend(this.#random.pick([-hour, -3 * day, day, 20 * day]))
  }

  async weaken(): Promise<void> {
    const { db } = this.#kept.services.store
    const { document } = await db.selectFrom('policies').select('document').executeTakeFirstOrThrow()
    const keep = { last: 1 + this.#random.below(2) }
    await db
      .updateTable('policies')
      .set({ document: JSON.stringify({ ...(JSON.parse(document) as object), keep }) })
      .execute()
  }

  async attack(): Promise<void> {
    await enterAttack(this.#kept.services, this.#kept.client, { who: 'person:1', fromWhere: 'here' })
  }

  async calm(): Promise<void> {
    const { db } = this.#kept.services.store
    await db.updateTable('clients').set({ state: 'normal' }).execute()
    await db.updateTable('repositories').set({ held: 0, heldBecause: null }).execute()
  }

  /** Somebody allows whatever waits. */
  async agree(): Promise<void> {
    const { services } = this.#kept
    await services.store.db.updateTable('approvals').set({ state: 'allowed' }).where('state', '=', 'waiting').execute()
    await lookAtApprovals(services)
    await this.#kept
      .runWaiting('retention')
      .catch((thrown: unknown) => assert.match(String(thrown), /no retention waits/))
  }

  async isStopped(): Promise<boolean> {
    const { db } = this.#kept.services.store
    const { state } = await db.selectFrom('clients').select('state').executeTakeFirstOrThrow()
    const { held } = await db.selectFrom('repositories').select('held').executeTakeFirstOrThrow()
    return state === 'attacked' || held === 1
  }

  /** Every file that there is, set aside or not; locks apart. */
  async everything(): Promise<ReadonlySet<string>> {
    const { services, id } = this.#kept
    const files = new Set<string>()
    for (const type of ['snapshot', 'index', 'pack'] as const) {
      for await (const { name } of services.storage.list(id, type)) files.add(`${type} ${name}`)
    }
    for await (const { file, day: on } of (await services.storage.quarantine(id)).list()) {
      files.add(`aside ${on} ${file.type} ${file.name}`)
    }
    return files
  }

  /** Of the complete ones that nobody suspects, the newest that the server has received is there. */
  async hasNewestGood(): Promise<boolean> {
    const known = await this.#kept.services.ledger.snapshots(this.#kept.id)
    const trusted = [...this.#good].filter(([id]) => known.get(id)?.suspectBecause === undefined)
    const [newest] = trusted.toSorted(([, one], [, other]) => other - one)
    return newest === undefined || (await this.#kept.listed()).includes(newest[0])
  }
}
