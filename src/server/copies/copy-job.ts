import { randomUUID } from 'node:crypto'
import { formatCount } from '#base'
import type { Outcome } from '#protocol'
import type { Services } from '../app/services.ts'
import { serverJob } from '../work/job.ts'
import type { ServerJobWork } from '../work/job.ts'
import { noteFailure, receivedAfter, setCopy } from './copies.ts'
import { copyRepository, keyOf } from './copy-repository.ts'
import type { Copied, CopyTask } from './copy-repository.ts'
import { taskOf } from './copy-task.ts'
import { placeOf } from './destinations.ts'
import { lockStateOf } from './object-locks.ts'
import { diskAfterFailure } from './disks.ts'
import { copyKeySchema } from './thin-actions.ts'

/** Copies what is new in a repository to a destination, and leaves evidence of what is there. */
export const copyJob = serverJob({
  kind: 'copy',
  lane: 'copies',
  order: copyKeySchema,
  async run(order, work) {
    const task = await taskOf(work.services, order)
    try {
      return await copy(task, work)
    } catch (thrown) {
      if (!work.signal.aborted) {
        await noteFailure(work.services, order, thrown)
        if (task.disk) await diskAfterFailure(work.services, task.disk)
      }
      throw thrown
    }
  },
})

async function copy(task: CopyTask, { services, signal, report }: ServerJobWork): Promise<Outcome> {
  const { clock } = services
  const key = keyOf(task)
  // Looked up before the storage is listed: what is in the ledger by now lies in the storage by now.
  const newest = await receivedAfter(services, key.repositoryId, 0)
  const began = clock.monotonic()
  const copied = await copyRepository(services, task, { signal, report })
  const seconds = (clock.monotonic() - began) / 1000
  const { problems, lost } = copied
  if (problems.length > 0) {
    const reason = `These snapshots cannot be copied: ${problems.join(' ')}`.slice(0, 2_000)
    await noteFailure(services, key, new Error(reason))
    return { state: 'warnings', reason, result: figures(copied, seconds) }
  }
  const now = clock.now()
  await setCopy(services, key, {
    completeAt: now,
    failures: 0,
    nextTryAt: null,
    reason: null,
    ...(newest && { ledgerSeq: newest.seq, newestAt: newest.at }),
  })
  await keepEvidence(services, task, { ...figures(copied, seconds), newestReceivedAt: newest?.at ?? null })
  if (lost === 0) return { state: 'done', result: figures(copied, seconds) }
  const reason = `${formatCount(lost, 'snapshot')} had gone from this copy since it was complete, and ${lost === 1 ? 'was' : 'were'} copied again. Find out who removed them, or what the place has lost.`
  return { state: 'warnings', code: 'COPY_SHRUNK', reason, result: figures(copied, seconds) }
}

function figures({ copied, snapshots, proven }: Copied, seconds: number) {
  return { copied, snapshots, provenFiles: proven.files, provenBytes: proven.bytes, seconds }
}

/** What the verdict asks of a copy: where it lies, who can delete it, what is in it, and from when. */
async function keepEvidence(
  services: Services,
  { destination, repository, disk }: CopyTask,
  measured: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { store, clock } = services
  const { id: destinationId, name, kind } = destination
  const { objectLock, lockedUntil } = await lockStateOf(services, destination, keyOf({ destination, repository, disk }))
  const about = {
    destinationId,
    name,
    kind,
    objectLock,
    lockedUntil,
    diskId: disk?.id ?? null,
    diskLabel: disk?.label ?? null,
  }
  await store.db
    .insertInto('evidence')
    .values({
      id: randomUUID(),
      clientId: destination.clientId,
      machineId: repository.machineId,
      repositoryId: repository.id,
      kind: 'copy',
      measuredBy: 'server',
      measuredAt: clock.now(),
      holdsUntil: null,
      measured: JSON.stringify({ ...about, ...placeOf(destination), ...measured }),
    })
    .execute()
}
