import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../test/helpers/rest-server.ts'
import { ownerToken, serve, setUpOwner } from '../../test/helpers/serving.ts'
import { HttpCalls } from '../../test/helpers/http-calls.ts'
import { peakOf, processorSeconds } from './process-figures.ts'
import type { Simulated, Simulation } from './simulate.ts'
import { SimulatedMachine } from '../../test/helpers/simulated-machine.ts'

export interface LifeOptions {
  readonly place: string
  readonly machines: number
  /** Seconds that are measured. */
  readonly seconds: number
  readonly helloEvery: number
  readonly backupEvery: number
  readonly backupBytes: number
  /** `postgres://…`; default: SQLite. */
  readonly database?: string | undefined
}

export interface Life {
  readonly machines: number
  /** Milliseconds of each call. */
  readonly api: readonly number[]
  readonly hello: readonly number[]
  readonly simulated: Simulated
  /** MB (millions of bytes) of the server's memory at its most. */
  readonly peakMb: number
  /** Of one core, what the server took: 1 is all of it. */
  readonly processor: number
}

/** What the owner's look at everything asks for. */
const looks = ['/api/machines', '/api/operations', '/api/clients', '/api/operations?state=failed']

/** Has so many machines live with a server for a while; a process that does nothing else measures how soon it answers. */
export async function measureLife(options: LifeOptions): Promise<Life> {
  const { place, machines: count, seconds, database, ...rhythm } = options
  const flags = database === undefined ? [] : ['--database', database]
  await using serving = await serve(join(place, 'server'), await freePort(), ...flags)
  await setUpOwner(serving)
  const { origin } = serving
  const token = await ownerToken(serving)
  using calls = new HttpCalls(origin)
  const person = { authorization: `Bearer ${token}` }
  const { id } = (await calls.ask('POST', '/api/clients', person, { name: 'Bakery' })) as { id: string }
  const wanted = { machines: count + 1, expiresAt: new Date(Date.now() + 3_600_000).toISOString() }
  const made = await calls.ask('POST', `/api/clients/${id}/enrolment-lines`, person, wanted)
  const secret = (made as { line: string }).line.split('#')[1] ?? ''
  const own = new SimulatedMachine(calls)
  await own.enrol(secret, token)
  const simulator = fork(join(import.meta.dirname, 'simulate.ts'), { stdio: 'inherit' })
  simulator.send({ origin, token, secret, machines: count, ...rhythm } satisfies Simulation)
  await heard(simulator)
  const { pid } = serving.command
  const before = processorSeconds(pid)
  const [api, hello]: [number[], number[]] = [[], []]
  const end = performance.now() + seconds * 1000
  for (let turn = 0; performance.now() < end; turn++) {
    const path = looks[turn % looks.length] as string
    api.push(await milliseconds(async () => await calls.ask('GET', path, person)))
    hello.push(await milliseconds(async () => await own.sayHello()))
    await sleep(100)
  }
  const processor = (processorSeconds(pid) - before) / seconds
  const told = heard(simulator)
  simulator.send('end')
  return { machines: count, api, hello, simulated: (await told) as Simulated, peakMb: peakOf(pid), processor }
}

async function heard(simulator: ReturnType<typeof fork>): Promise<unknown> {
  const [message] = await Promise.race([
    once(simulator, 'message'),
    once(simulator, 'exit').then(() => {
      throw new Error('the process that simulates machines has ended')
    }),
  ])
  return message
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}
