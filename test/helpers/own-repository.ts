import { randomUUID } from 'node:crypto'
import type { FileType } from '#backend'
import { systemClock } from '#base'
import { doServerWork } from '../../src/server/work/server-work.ts'
import { serverJobs } from '../../src/server/work/jobs.ts'
import { grantRepository } from '../../src/server/repositories/own-repositories.ts'
import type { Row } from '../../src/server/store/tables.ts'
import { password, TestRepository } from './build-repository.ts'
import { TestMachine } from './test-machine.ts'
import type { TestServer } from './test-server.ts'

type Files = Parameters<TestRepository['snapshot']>[0]

/** A client with a machine, whose repository the server keeps and which holds a snapshot of these files. */
export interface Kept {
  readonly clientId: string
  readonly machine: TestMachine
  readonly repositoryId: string
  readonly snapshotId: string
}

export async function keepRepository(
  server: TestServer,
  files: Files,
  { isKept = false, clientId = randomUUID() }: { readonly isKept?: boolean; readonly clientId?: string } = {},
): Promise<Kept> {
  const { services, clock } = server
  const machine = await addMachine(server, clientId)
  const about = { id: machine.id, clientId, name: 'till' }
  const { repositoryId } = await grantRepository(services, about, isKept ? undefined : password)
  const made = await TestRepository.create()
  const snapshotId = await made.snapshot(files)
  await services.storage.create(repositoryId)
  const backend = await services.storage.backend(repositoryId)
  for (const [key, bytes] of made.backend.files) {
    const [type, name] = key.split('/') as [FileType, string]
    await backend.write({ type, name }, bytes)
  }
  await services.ledger.write({ repositoryId, what: 'received', snapshotId, machineId: machine.id })
  clock.pass(1_000)
  return { clientId, machine, repositoryId, snapshotId }
}

/** A machine of a client, which is made if it is not there. */
export async function addMachine({ services, clock }: TestServer, clientId: string): Promise<TestMachine> {
  const machine = new TestMachine()
  machine.id = randomUUID()
  const now = clock.now()
  await services.store.db
    .insertInto('clients')
    .values({ id: clientId, name: clientId, state: 'normal', stateSince: now, createdAt: now })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
  await services.store.db
    .insertInto('machines')
    .values({
      id: machine.id,
      clientId,
      name: 'till',
      kind: 'server',
      publicKey: machine.publicKey,
      state: 'approved',
      about: '{}',
      createdAt: now,
      lastSeenAt: now,
      awayUntil: null,
      clockAheadMs: null,
      discovery: null,
    })
    .execute()
  return machine
}

/** Lets the server do what waits for it; returns the operation as it has ended. */
export async function workOff({ services }: TestServer, id: string): Promise<Row<'operations'>> {
  const ending = new AbortController()
  const work = doServerWork(
    { ...services, clock: systemClock },
    { jobs: serverJobs, rounds: [], rhythm: 5, signal: ending.signal },
  )
  try {
    for (;;) {
      const query = services.store.db.selectFrom('operations').selectAll().where('id', '=', id)
      const operation = await query.executeTakeFirstOrThrow()
      if (operation.state !== 'waiting' && operation.state !== 'running') return operation
      await systemClock.sleep(5)
    }
  } finally {
    ending.abort()
    await work
  }
}
