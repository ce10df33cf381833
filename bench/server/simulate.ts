/**
 * A process that simulates machines: told by its parent how many, it enrols them, says so, and lives their lives until it is
 * told to end; then it says what it saw.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { mapOrdered } from '#base'
import { HttpCalls } from '../../test/helpers/http-calls.ts'
import { makeBackup } from '../../test/helpers/simulated-backup.ts'
import { SimulatedMachine } from '../../test/helpers/simulated-machine.ts'

export interface Simulation {
  readonly origin: string
  readonly token: string
  /** Of an enrolment line for so many machines. */
  readonly secret: string
  readonly machines: number
  /** Of one machine, in seconds. */
  readonly helloEvery: number
  readonly backupEvery: number
  readonly backupBytes: number
}

export interface Simulated {
  readonly backups: number
  /** Backups that took so long, in seconds. */
  readonly backupSeconds: readonly number[]
  readonly failures: readonly string[]
}

/** Different backups, of which each machine sends one after the other to its own repository. */
const kinds = 6

async function simulate(simulation: Simulation, ending: AbortSignal, ready: () => void): Promise<Simulated> {
  const { origin, token, secret, machines: count, helloEvery, backupEvery, backupBytes } = simulation
  using calls = new HttpCalls(origin)
  const machines = Array.from({ length: count }, () => new SimulatedMachine(calls))
  const enrol = async (machine: SimulatedMachine) => await machine.enrol(secret, token)
  for await (const _ of mapOrdered(machines, enrol, { concurrency: 8 }));
  ready()
  const [backupSeconds, failures]: [number[], string[]] = [[], []]
  const again = async (every: number, first: number, work: () => Promise<void>) => {
    for (let next = first; !ending.aborted; next = every) {
      await sleep(next * 1000, undefined, { signal: ending }).catch(() => undefined)
      if (ending.aborted) return
      await work().catch((thrown: unknown) => void (ending.aborted || failures.push(String(thrown))))
    }
  }
  const lives = machines.flatMap((machine, i) => {
    let made = 0
    return [
      again(helloEvery, (helloEvery * i) / count, async () => await machine.sayHello()),
      again(0.001, 0, async () => await machine.waitForJob()),
      again(backupEvery, (backupEvery * i) / count, async () => {
        const begun = performance.now()
        await machine.backUp(bundles[made++ % kinds] as ReturnType<typeof makeBackup>)
        backupSeconds.push((performance.now() - begun) / 1000)
      }),
    ]
  })
  const bundles = Array.from({ length: kinds }, () => makeBackup(backupBytes))
  await Promise.race([Promise.all(lives), new Promise((resolve) => ending.addEventListener('abort', resolve))])
  return { backups: backupSeconds.length, backupSeconds, failures }
}

const ending = new AbortController()
process.on('message', (message: Simulation | 'end') => {
  if (message === 'end') return ending.abort()
  void simulate(message, ending.signal, () => process.send?.('ready')).then(
    (simulated) => process.send?.(simulated, () => process.exit(0)),
    (thrown: unknown) => {
      process.stderr.write(`${String(thrown)}\n`)
      process.exit(1)
    },
  )
})
