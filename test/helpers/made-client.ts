import { randomUUID } from 'node:crypto'
import { askApproval, serverAsks } from '../../src/server/approvals/approvals.ts'
import { createDestination } from '../../src/server/copies/destinations.ts'
import { grantRepository } from '../../src/server/repositories/own-repositories.ts'
import { deleteMachineAction } from '../../src/server/retention/actions.ts'
import { TestMachine } from './test-machine.ts'
import type { TestServer } from './test-server.ts'

export interface MadeClient {
  readonly client: string
  readonly machine: string
  readonly policy: string
  readonly operation: string
  readonly repository: string
  readonly approval: string
  readonly destination: string
}

const keys = new Map<string, TestMachine>()

/** The key of a machine that was made here. */
export function keyOf(machine: string): TestMachine {
  return keys.get(machine) as TestMachine
}

/** A client with one of everything that a route may name. */
export async function makeClient(server: TestServer, name: string): Promise<MadeClient> {
  const { db } = server.services.store
  const [client, machine] = [randomUUID(), randomUUID()]
  const now = server.clock.now()
  const key = new TestMachine()
  key.id = machine
  keys.set(machine, key)
  await db
    .insertInto('clients')
    .values({ id: client, name, state: 'normal', stateSince: now, createdAt: now })
    .execute()
  await db
    .insertInto('machines')
    .values({
      id: machine,
      clientId: client,
      name,
      kind: 'server',
      publicKey: key.publicKey,
      state: 'approved',
      about: '{}',
      createdAt: now,
      lastSeenAt: null,
      awayUntil: null,
      clockAheadMs: null,
      discovery: null,
    })
    .execute()
  const policy = randomUUID()
  const document = JSON.stringify({
    name,
    what: { include: ['/srv'] },
    when: { kind: 'daily', at: ['22:00'], timeZone: 'Europe/Berlin' },
    keep: { daily: 7 },
    to: { repository: 'own' },
  })
  await db
    .insertInto('policies')
    .values({ id: policy, clientId: client, name, document, revision: 1, createdAt: now })
    .execute()
  const order = { clientId: client, machineId: machine, kind: 'backup', order: {}, requestedBy: 'schedule' }
  const operation = (await server.services.operations.create(order)).id
  const repository = (await grantRepository(server.services, { id: machine, clientId: client, name }, undefined))
    .repositoryId
  const asked = { machineId: machine, name }
  const wanted = { clientId: client, details: asked, by: serverAsks } as const
  const approval = (await askApproval(server.services, deleteMachineAction, wanted)).id
  const folder = { kind: 'folder', location: `/nowhere/${name}`, lockDays: null, remindAfterDays: null } as const
  const about = { name, place: {}, deletableBy: { writer: true, machine: false, people: [] }, isOfServer: true }
  const destination = (await createDestination(server.services, client, { ...folder, ...about })).id
  return { client, machine, policy, operation, repository, approval, destination }
}
