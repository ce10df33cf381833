import { randomUUID } from 'node:crypto'
import { noteSeen } from '../../src/server/fleet/machines.ts'
import { assignPolicies, createPolicy } from '../../src/server/fleet/policies.ts'
import type { StoreKind } from './stores.ts'
import { TestServer } from './test-server.ts'

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour

export const shopPolicy = {
  name: 'Files',
  what: { include: ['/srv'] },
  when: { kind: 'daily', at: ['22:00'], timeZone: 'UTC', spreadMinutes: 0 },
  keep: { daily: 7 },
  to: { repository: 'own' },
} as const

/** A business with one machine that follows one policy, set up ten days ago; it is noon. */
export class Shop implements AsyncDisposable {
  readonly server: TestServer
  readonly client = randomUUID()
  readonly machine = randomUUID()
  policy = ''

  private constructor(server: TestServer) {
    this.server = server
  }

  static async open(kind: StoreKind | undefined, machineKind = 'server'): Promise<Shop> {
    const server = await TestServer.open(kind)
    const shop = new Shop(server)
    const { services, clock } = server
    const { db } = services.store
    const noon = Date.UTC(2026, 7, 5, 12)
    clock.wall = noon - 10 * day
    const [clientId, id] = [shop.client, shop.machine]
    const now = clock.now()
    const client = { id: clientId, name: 'Bakery', state: 'normal', stateSince: now, createdAt: now }
    await db.insertInto('clients').values(client).execute()
    const nothing = { publicKey: 'of its agent', lastSeenAt: now, awayUntil: null, clockAheadMs: null, discovery: null }
    const about = { id, clientId, name: 'till', kind: machineKind, state: 'approved', about: '{}', createdAt: now }
    await db
      .insertInto('machines')
      .values({ ...about, ...nothing })
      .execute()
    shop.policy = (await createPolicy(services, clientId, shopPolicy)).id
    await assignPolicies(services, id, [shop.policy])
    clock.wall = noon
    return shop
  }

  async seen(clockAheadMs = 0): Promise<void> {
    const about = { hostname: 'till', platform: 'linux', release: '6', agentVersion: '1' }
    await noteSeen(this.server.services, this.machine, { about, clockAheadMs })
  }

  /** A backup that ended so long ago. */
  async ran(ago: number, state: 'done' | 'failed', more: Record<string, unknown> = {}): Promise<void> {
    const { clock, services } = this.server
    const { operations } = services
    const { wall } = clock
    clock.wall -= ago
    const order = { policyId: this.policy, ...more }
    const about = { clientId: this.client, machineId: this.machine, kind: 'backup', order, requestedBy: 'schedule' }
    const { id, claimEpoch } = await operations.begin(about, `machine:${this.machine}`)
    const result = { bytes: 1_000, files: 10 }
    await operations.finish(
      id,
      claimEpoch,
      state === 'done' ? { state, result } : { state, reason: 'The disk is full.' },
    )
    clock.wall = wall
  }

  /** The machine has just read a device. */
  async readDevice(deviceId: string): Promise<void> {
    const order = { policyId: this.policy, deviceId }
    const about = {
      clientId: this.client,
      machineId: this.machine,
      kind: 'backup-device',
      order,
      requestedBy: 'schedule',
    }
    const { operations } = this.server.services
    const { id, claimEpoch } = await operations.begin(about, `machine:${this.machine}`)
    await operations.finish(id, claimEpoch, { state: 'done', result: { bytes: 1_000, files: 10 } })
  }

  /** What is open after a look, without what there is to say of alerts and of a server’s own backup that nobody has set up. */
  async look(): Promise<readonly string[]> {
    const { services } = this.server
    await services.alerting.cycle(services)
    const { state } = await services.alerting.store.load()
    const open = Object.values(state.open).filter(({ gone }) => !gone)
    const kinds = open.map(({ condition: { kind, severity } }) => `${kind} ${severity}`)
    return kinds.filter((kind) => !/^(alerting|outside|own_backup)/.test(kind)).toSorted()
  }

  /** Time passes, while the machine and the server go on. */
  async pass(span: number): Promise<void> {
    const { clock } = this.server
    for (let passed = 0; passed < span; passed += 4 * minute) {
      clock.pass(Math.min(4 * minute, span - passed))
      await this.look()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}
