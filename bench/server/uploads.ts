import { join } from 'node:path'
import { freePort, startRestServer } from '../../test/helpers/rest-server.ts'
import { ownerToken, serve, setUpOwner } from '../../test/helpers/serving.ts'
import { HttpCalls } from '../../test/helpers/http-calls.ts'
import { basic, initialise, makeBackup, sendBackup } from '../../test/helpers/simulated-backup.ts'
import type { RepositoryDoor, SimulatedBackup } from '../../test/helpers/simulated-backup.ts'
import { SimulatedMachine } from '../../test/helpers/simulated-machine.ts'

/** Seconds that so many backups took, each entrant's in the order of the rounds. */
export interface UploadFigures {
  readonly ours: readonly number[]
  readonly restServer: readonly number[]
  /** Bytes of one round. */
  readonly bytes: number
  /** Requests of one round. */
  readonly requests: number
}

export interface UploadOptions {
  readonly place: string
  readonly rounds: number
  /** Backups in one round, and how many run at once, each of another machine. */
  readonly backups: number
  readonly atOnce: number
  readonly backupBytes: number
}

/** The same backups sent to our repository endpoint and to restic's REST server, in turn. */
export async function measureUploads(options: UploadOptions): Promise<UploadFigures> {
  const { place, rounds, backups, atOnce, backupBytes } = options
  await using serving = await serve(join(place, 'server'), await freePort())
  await using rest = await startRestServer({ users: { machine: 'secret' } })
  using ourCalls = new HttpCalls(serving.origin)
  using restCalls = new HttpCalls(`http://127.0.0.1:${rest.port}`)
  const ourDoors = await openDoors(serving, ourCalls, atOnce)
  const restDoors = Array.from({ length: atOnce }, (_, i) => ({
    path: `/machine${i}/`,
    authorization: basic('machine', 'secret'),
  }))
  for (const door of restDoors) await initialise(restCalls, door)
  const [ours, restServer]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    const work = Array.from({ length: backups }, () => makeBackup(backupBytes))
    const turns = [
      async () => void ours.push(await timeBackups(ourCalls, ourDoors, work)),
      async () => void restServer.push(await timeBackups(restCalls, restDoors, work)),
    ]
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn()
  }
  const requests = backups * (makeBackup(backupBytes).packs.length + 4)
  return { ours, restServer, bytes: backups * backupBytes, requests }
}

async function timeBackups(
  calls: HttpCalls,
  doors: readonly RepositoryDoor[],
  backups: readonly SimulatedBackup[],
): Promise<number> {
  const begun = performance.now()
  let next = 0
  const send = async (door: RepositoryDoor) => {
    for (let backup = backups[next++]; backup; backup = backups[next++]) await sendBackup(calls, door, backup)
  }
  await Promise.all(doors.map(send))
  return (performance.now() - begun) / 1000
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
