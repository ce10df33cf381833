import {
  askReceivedSchema,
  doneSchema,
  finishSchema,
  helloSchema,
  idSchema,
  jobSchema,
  nextJobSchema,
  operationSchema,
  ownOperationSchema,
  receivedSchema,
  reportedSchema,
  reportSchema,
  repositoryAccessSchema,
  signedSnapshotSchema,
  snapshotText,
  wantRepositorySchema,
  welcomeSchema,
} from '#protocol'
import { z } from 'zod'
import type { MachineCaller } from '../app/caller.ts'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { mayHaveJobs, noteRun } from '../fleet/agent-runs.ts'
import { updateOf } from '../fleet/agent-update.ts'
import { devicesFor, noteDeviceRead } from '../fleet/devices.ts'
import { isSignedBy } from '../fleet/machine-signed.ts'
import { noteSeen } from '../fleet/machines.ts'
import { policiesOf } from '../fleet/policies.ts'
import { recordProof } from '../proofs/record-proof.ts'
import { judgeProof } from '../proofs/removed-since.ts'
import { grantRepository } from '../repositories/own-repositories.ts'
import { hearReceipt, receiptFor } from '../standing/hear-receipt.ts'
import { showOperation } from './operations.ts'

/** What machines ask, each about itself. All of it may be asked twice without harm: an answer may be lost on the way. */

const named = z.object({ operation: idSchema })

export const machineSideRoutes = [
  route({
    method: 'POST',
    path: '/api/machine/hello',
    summary: 'The machine is there; the answer has its policies, if it follows others or older ones.',
    access: { by: 'machine' },
    body: helloSchema,
    answer: welcomeSchema,
    async handle({ caller, body: { about, clock: theirs, follows, reads, run, receipt: given } }, services) {
      const { machineId } = caller
      const said = { ...about, update: updateOf(about, services) }
      await noteSeen(services, machineId, { about: said, clockAheadMs: Math.round(theirs - services.clock.now()) })
      const two = run === undefined ? undefined : await noteRun(services, { ...caller, run, hostname: about.hostname })
      const { epoch } = await hearReceipt(services, machineId, given)
      const policies = await policiesOf(services, machineId)
      const isSame =
        policies.length === Object.keys(follows).length &&
        policies.every(({ id, revision }) => follows[id] === revision)
      const devices = await devicesFor(services, machineId, reads)
      const receipt = await receiptFor(services, machineId, epoch)
      const news = { epoch, receipt, ...(devices && { devices }), ...(two && { usedByTwo: true }) }
      if (isSame) return news
      return {
        ...news,
        policies: policies.map(({ id, revision, policy }) => ({
          id,
          revision,
          policy: policy as NonNullable<z.input<typeof welcomeSchema>['policies']>[number]['policy'],
        })),
      }
    },
  }),
  route({
    method: 'POST',
    path: '/api/machine/repository',
    summary: 'Gives the machine its repository on this server, with a new credential; those before it hold no longer.',
    access: { by: 'machine' },
    rate: 'handing',
    body: wantRepositorySchema,
    answer: repositoryAccessSchema,
    async handle({ caller: { machineId, clientId, actor }, body: { password } }, services) {
      const query = services.store.db.selectFrom('machines').selectAll().where('id', '=', machineId)
      const access = await grantRepository(services, await query.executeTakeFirstOrThrow(), password)
      const details = { repositoryId: access.repositoryId, passwordKept: password === undefined }
      await services.audit.write({ actor, what: 'repository.grant', clientId, details })
      return access
    },
  }),
  route({
    method: 'POST',
    path: '/api/machine/operations/next',
    summary: 'The next job for the machine, of a kind that it knows. Waits a while for one.',
    access: { by: 'machine' },
    body: nextJobSchema,
    answer: z.object({ job: jobSchema.nullable() }),
    async handle({ caller: { machineId, actor }, body: { kinds, wait, run, receipt }, signal }, services) {
      const { operations, jobBell, clock } = services
      const end = clock.monotonic() + wait * 1000
      // Before any job is given: what waits in control data of yesterday was done since.
      const isOld = (await hearReceipt(services, machineId, receipt)).superseded !== null
      for (;;) {
        const mayClaim = kinds.length > 0 && !isOld && (await mayHaveJobs(services, machineId, run))
        const claim = mayClaim ? await operations.claim(actor.who, { machineId, kinds }) : undefined
        if (claim) return { job: { epoch: claim.epoch, operation: showOperation(claim.operation) } }
        const left = end - clock.monotonic()
        if (left <= 0) return { job: null }
        await jobBell.wait(machineId, left, { signal })
      }
    },
  }),
  route({
    method: 'POST',
    path: '/api/machine/operations',
    summary: 'Enters what the machine began by itself, by its schedule, and gives it the claim.',
    access: { by: 'machine' },
    body: ownOperationSchema,
    answer: jobSchema,
    async handle({ caller: { machineId, clientId, actor }, body }, services) {
      const { operations } = services
      const { kind, onceKey, order, startedAt, outcome } = body
      const operation = await operations.begin(
        {
          clientId,
          machineId,
          kind,
          order,
          requestedBy: 'schedule',
          onceKey: `${machineId} ${onceKey}`,
          runAt: Date.parse(startedAt),
        },
        actor.who,
      )
      const { id, claimEpoch: epoch, state } = operation
      if (state !== 'running' || outcome === undefined) return { epoch, operation: showOperation(operation) }
      const ended = await operations.finish(id, epoch, outcome)
      // It is told late: that it ran then is all that is known.
      await noteDeviceRead(services, ended, Math.min(Date.parse(startedAt), services.clock.now()))
      return { epoch, operation: showOperation(ended) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/machine/operations/:operation/report',
    summary: 'The machine still works on it; the answer says whether it is to end.',
    access: { by: 'machine' },
    params: named,
    body: reportSchema,
    answer: reportedSchema,
    async handle({ caller, params: { operation: id }, body: { epoch, progress } }, services) {
      await requireOwn(services, caller, id)
      return await services.operations.report(id, epoch, progress)
    },
  }),
  route({
    method: 'POST',
    path: '/api/machine/operations/:operation/finish',
    summary: 'How it ended.',
    access: { by: 'machine' },
    params: named,
    body: finishSchema,
    answer: operationSchema,
    async handle({ caller, params: { operation: id }, body: { epoch, outcome } }, services) {
      const own = await requireOwn(services, caller, id)
      const operation = await services.operations.finish(id, epoch, await judgeProof(services, own, outcome))
      await recordProof(services, operation)
      await noteDeviceRead(services, operation, services.clock.now())
      return showOperation(operation)
    },
  }),
  route({
    method: 'POST',
    path: '/api/machine/snapshots',
    summary: 'The machine has made a snapshot, and signs it; the signature is kept in the ledger.',
    access: { by: 'machine' },
    body: signedSnapshotSchema,
    answer: doneSchema,
    async handle({ caller: { machineId }, body }, { store, ledger }) {
      const { repositoryId, snapshotId, signature } = body
      const { db } = store
      const machine = await db
        .selectFrom('machines')
        .select('publicKey')
        .where('id', '=', machineId)
        .executeTakeFirstOrThrow()
      const own = await db
        .selectFrom('repositories')
        .select('id')
        .where('id', '=', repositoryId)
        .where('machineId', '=', machineId)
        .executeTakeFirst()
      if (!own) throw new ServerError('NOT_FOUND', { what: 'repository' })
      if (!isSignedBy(machine.publicKey, snapshotText(body), signature)) {
        throw new ServerError('INPUT_INVALID', { part: 'body', reason: '"signature": it is not this machine’s' })
      }
      await ledger.write({ repositoryId, what: 'signed', snapshotId, machineId, details: { signature } })
      return { done: true as const }
    },
  }),
  route({
    method: 'POST',
    path: '/api/machine/snapshots/received',
    summary: 'Which of these snapshots of the machine’s the server has received: its first copy may travel by disk.',
    access: { by: 'machine' },
    body: askReceivedSchema,
    answer: receivedSchema,
    async handle({ caller: { machineId }, body: { snapshots } }, { store }) {
      if (snapshots.length === 0) return { received: [] }
      const rows = await store.db
        .selectFrom('ledger')
        .innerJoin('repositories', 'repositories.id', 'ledger.repositoryId')
        .select('ledger.snapshotId')
        .distinct()
        .where('repositories.machineId', '=', machineId)
        .where('ledger.what', '=', 'received')
        .where('ledger.snapshotId', 'in', snapshots)
        .execute()
      return { received: rows.map(({ snapshotId }) => snapshotId) }
    },
  }),
]

/** Throws `NOT_FOUND`: it is no operation of this machine. */
export async function requireOwn({ store }: Services, { machineId }: MachineCaller, id: string) {
  const own = await store.db
    .selectFrom('operations')
    .select(['kind', 'order'])
    .where('id', '=', id)
    .where('machineId', '=', machineId)
    .executeTakeFirst()
  if (!own) throw new ServerError('NOT_FOUND', { what: 'operation' })
  return own
}
