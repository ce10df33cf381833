import { join } from 'node:path'
import { freePort, startRestServer } from '../../test/helpers/rest-server.ts'
import { ownerToken, serve, setUpOwner } from '../../test/helpers/serving.ts'
import { HttpCalls } from '../../test/helpers/http-calls.ts'
import { basic, initialise, makeBackup, sendBackup } from '../../test/helpers/simulated-backup.ts'
import type { RepositoryDoor, SimulatedBackup } from '../../test/helpers/simulated-backup.ts'
import { SimulatedMachine } from '../../test/helpers/simulated-machine.ts'
import { processorSeconds } from './process-figures.ts'

/** What one round of one server took. */
export interface UploadRound {
  readonly seconds: number
  /** Seconds of processor time of the server's process. */
  readonly processor: number
}

export interface UploadFigures {
  readonly ours: readonly UploadRound[]
  readonly restServer: readonly UploadRound[]
  /** Bytes of one round. */
  readonly bytes: number
  /** Requests of one round. */
  readonly requests: number
}

export interface UploadWork {
  /** Backups in one round, and how many run at once, each of another machine. */
  readonly backups: number
  readonly atOnce: number
  readonly backupBytes: number
}

export interface UploadOptions {
  readonly place: string
  readonly rounds: number
}

interface Entrant {
  readonly calls: HttpCalls
  readonly doors: readonly RepositoryDoor[]
  readonly pid: number
}

/**
 * The same backups sent to our repository endpoint and to restic's REST server, in turn: the same client, plain HTTP over
 * connections that stay open, a repository and a password for each machine, folders beside each other on one disk, and
 * rest-server as it is run where machines are not trusted (`--append-only --private-repos`).
 */
export async function measureUploads(
  works: readonly UploadWork[],
  { place, rounds }: UploadOptions,
): Promise<UploadFigures[]> {
  const most = Math.max(...works.map(({ atOnce }) => atOnce))
  const users = Object.fromEntries(Array.from({ length: most }, (_, i) => [`machine${i}`, `secret of ${i}`]))
  await using serving = await serve(join(place, 'server'), await freePort())
  await using rest = await startRestServer({ users, appendOnly: true, privateRepos: true, place })
  using ourCalls = new HttpCalls(serving.origin)
  using restCalls = new HttpCalls(`http://127.0.0.1:${rest.port}`)
  const ours = { calls: ourCalls, doors: await openDoors(serving, ourCalls, most), pid: serving.command.pid }
  const restDoors = Object.entries(users).map(([user, secret]) => ({
    path: `/${user}/`,
    authorization: basic(user, secret),
  }))
  for (const door of restDoors) await initialise(restCalls, door)
  const theirs = { calls: restCalls, doors: restDoors, pid: rest.pid }
  const figures: UploadFigures[] = []
  for (const work of works) figures.push(await measureWork(work, { ours, theirs, rounds }))
  return figures
}

async function measureWork(
  work: UploadWork,
  { ours, theirs, rounds }: { readonly ours: Entrant; readonly theirs: Entrant; readonly rounds: number },
): Promise<UploadFigures> {
  const { backups: count, backupBytes, atOnce } = work
  const [ourRounds, theirRounds]: [UploadRound[], UploadRound[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    const backups = Array.from({ length: count }, () => makeBackup(backupBytes))
    const turns = [
      async () => void ourRounds.push(await timeBackups(ours, backups, atOnce)),
      async () => void theirRounds.push(await timeBackups(theirs, backups, atOnce)),
    ]
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn()
  }
  const requests = count * (makeBackup(backupBytes).packs.length + 4)
  return { ours: ourRounds, restServer: theirRounds, bytes: count * backupBytes, requests }
}

async function timeBackups(
  { calls, doors, pid }: Entrant,
  backups: readonly SimulatedBackup[],
  atOnce: number,
): Promise<UploadRound> {
  const [begun, before] = [performance.now(), processorSeconds(pid)]
  let next = 0
  const send = async (door: RepositoryDoor) => {
    for (let backup = backups[next++]; backup; backup = backups[next++]) await sendBackup(calls, door, backup)
  }
  await Promise.all(doors.slice(0, atOnce).map(send))
  return { seconds: (performance.now() - begun) / 1000, processor: processorSeconds(pid) - before }
}

async function openDoors(
  serving: Awaited<ReturnType<typeof serve>>,
  calls: HttpCalls,
  count: number,
): Promise<RepositoryDoor[]> {
  await setUpOwner(serving)
  const token = await ownerToken(serving)
  const authorization = `Bearer ${token}`
  const { id } = (await calls.ask('POST', '/api/clients', { authorization }, { name: 'Bakery' })) as { id: string }
  const line = await calls.ask('POST', `/api/clients/${id}/enrolment-lines`, { authorization }, { machines: count })
  const secret = (line as { line: string }).line.split('#')[1] ?? ''
  const doors: RepositoryDoor[] = []
  for (let i = 0; i < count; i++) {
    const machine = new SimulatedMachine(calls)
    await machine.enrol(secret, token)
    doors.push(machine.door)
  }
  return doors
}
