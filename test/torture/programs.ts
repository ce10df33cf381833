/** Running the programs: ours as it is built, in a copy that stays the same for the whole run, and restic. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from '../../scripts/build.ts'
import { peer } from '../helpers/peers.ts'
import { start } from '../helpers/run.ts'
import type { RunResult, RunningCommand } from '../helpers/run.ts'
import { TortureFailure } from './failure.ts'
import type { Disturbance } from './faults/disturbance.ts'
import { doorVariable } from './faults/door.ts'
import type { DoorOrder } from './faults/door.ts'
import type { Journal } from './journal.ts'
import type { Storage } from './storage/index.ts'
import type { Tally } from './tally.ts'

export const password = 'a password of the torture'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** A command that takes longer hangs. Retries of a line that goes wrong take their time. */
const longest = 240_000
/** How long a command is taken to run before one of its kind has been seen. */
const firstGuess = 900

export interface Invocation {
  readonly storage: Storage
  readonly args: readonly string[]
  readonly disturbance?: Disturbance
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** How a command ended. */
export interface Ended extends RunResult {
  /** 'ok', 'incomplete' (exit code 3), 'locked' (11), 'interrupted', 'killed', or the stable code of its error. */
  readonly how: string
  /** Something happened to it that lets it fail. */
  readonly wasDisturbed: boolean
}

export class Programs {
  readonly #folder: string
  readonly #program: string
  readonly #journal: Journal
  readonly #tally: Tally
  /** The last time that each kind of command took, in milliseconds. */
  readonly #usual = new Map<string, number>()

  constructor(
    folder: string,
    program: string,
    { journal, tally }: { readonly journal: Journal; readonly tally: Tally },
  ) {
    this.#folder = folder
    this.#program = program
    this.#journal = journal
    this.#tally = tally
  }

  /** Runs our program. Whatever happens to it, it may not crash or hang. */
  async understudy(invocation: Invocation): Promise<Ended> {
    const { storage, args, disturbance = { kind: 'none' }, env, cwd } = invocation
    const began = performance.now()
    await using running = start(
      process.execPath,
      [`${this.#program}/bin/understudy.js`, ...args, ...(storage.flags ?? [])],
      {
        env: { ...this.#env(storage.location), ...storage.env, ...env, ...this.#doorEnv(disturbance) },
        cwd,
        timeout: longest,
      },
    )
    using around = this.#around(disturbance, storage)
    const touched = this.#disturb(running, disturbance, this.#usual.get(args[0] ?? '') ?? firstGuess)
    const result = await endOf(running)
    const wasTouched = await touched
    const milliseconds = performance.now() - began
    const how = howItEnded(result)
    if (how === 'ok') this.#usual.set(args[0] ?? '', milliseconds)
    this.#write('understudy', { args, disturbance, result, how, milliseconds })
    refuseCrash(args, result, how)
    return { ...result, how, wasDisturbed: wasTouched || around.happened() }
  }

  /** Starts our program, for a story of its own. */
  startUnderstudy({ storage, args }: Invocation): RunningCommand {
    return start(process.execPath, [`${this.#program}/bin/understudy.js`, ...args, ...(storage.flags ?? [])], {
      env: { ...this.#env(storage.location), ...storage.env },
      timeout: longest,
    })
  }

  /** Runs our program, which must end well. */
  async understudyOk(invocation: Invocation): Promise<string> {
    const ended = await this.understudy(invocation)
    if (ended.how !== 'ok') refuse(`understudy ${invocation.args.join(' ')} ended with ${ended.how}`, ended)
    return ended.stdout
  }

  /** Runs restic, straight on the folder. */
  async restic({ storage, args, env, cwd }: Invocation): Promise<Ended> {
    const began = performance.now()
    await using running = start(peer('restic'), args, {
      env: { ...this.#env(storage.folder), ...env },
      cwd,
      timeout: longest,
    })
    const result = await endOf(running)
    const how = howItEnded(result)
    this.#write('restic', { args, disturbance: { kind: 'none' }, result, how, milliseconds: performance.now() - began })
    return { ...result, how, wasDisturbed: false }
  }

  async resticOk(invocation: Invocation): Promise<string> {
    const ended = await this.restic(invocation)
    if (ended.how !== 'ok') refuse(`restic ${invocation.args.join(' ')} ended with ${ended.how}`, ended)
    return ended.stdout
  }

  #env(location: string): Record<string, string> {
    return {
      RESTIC_REPOSITORY: location,
      RESTIC_PASSWORD: password,
      RESTIC_FROM_PASSWORD: password,
      RESTIC_CACHE_DIR: `${this.#folder}/restic-cache`,
      RESTIC_PROGRESS_FPS: '0.01',
      UNDERSTUDY_CACHE_DIR: `${this.#folder}/understudy-cache`,
      TMPDIR: this.#folder,
    }
  }

  #doorEnv(disturbance: Disturbance): Record<string, string> {
    const order = doorOrder(disturbance, this.#program)
    return order
      ? {
          NODE_OPTIONS: `--import=${pathToFileURL(`${this.#program}/door.ts`).href}`,
          [doorVariable]: JSON.stringify(order),
        }
      : {}
  }

  /** What is wrong with the world as long as the command runs. */
  #around(disturbance: Disturbance, storage: Storage): Disposable & { happened(): boolean } {
    const ends: (() => void)[] = []
    let isDifferent = mayFailFromOutside(disturbance)
    if (disturbance.kind === 'network' && storage.disturbNetwork) {
      const end = storage.disturbNetwork(disturbance)
      ends.push(() => this.#tally.add('faults', end()))
    }
    if (disturbance.kind === 'full' && storage.fill) {
      isDifferent = true
      this.#tally.add('faults')
      ends.push(storage.fill(disturbance.room))
    }
    if (disturbance.kind === 'clock' || disturbance.kind === 'storage') this.#tally.add('faults')
    return { happened: () => isDifferent, [Symbol.dispose]: () => ends.forEach((end) => end()) }
  }

  /** Sends the signals. Resolves to whether one may have been received. */
  async #disturb(running: RunningCommand, disturbance: Disturbance, usual: number): Promise<boolean> {
    if (disturbance.kind === 'moment') return true
    if (disturbance.kind !== 'signal' && disturbance.kind !== 'pause') return false
    await Promise.race([sleep(disturbance.after * usual), running.result.catch(() => undefined)])
    if (disturbance.kind === 'signal') {
      this.#tally.add('kills')
      running.kill(disturbance.signal)
      return true
    }
    this.#tally.add('pauses')
    running.kill('SIGSTOP')
    await sleep(disturbance.milliseconds)
    running.kill('SIGCONT')
    return false
  }

  #write(program: string, { args, disturbance, result, how, milliseconds }: Written): void {
    const words = how === 'ok' ? {} : { words: `${result.stderr.slice(-1500)}${result.stdout.slice(-300)}` }
    const disturbed = disturbance.kind === 'none' ? {} : { disturbed: disturbance }
    this.#tally.add('commands')
    if (program === 'understudy') this.#tally.ended(how)
    if (disturbance.kind === 'moment' && how === 'killed') this.#tally.add('kills')
    this.#journal.command({ program, args, ...disturbed, code: how, milliseconds: Math.round(milliseconds), ...words })
  }
}

interface Written {
  readonly args: readonly string[]
  readonly disturbance: Disturbance
  readonly result: RunResult
  readonly how: string
  readonly milliseconds: number
}

/** Builds the program elsewhere, so that a run of hours ends with the one it began with, and so that `door.ts` finds its storage. */
export async function copyProgram(to: string, from: string = project): Promise<string> {
  mkdirSync(to)
  await build({ from, dist: join(to, 'dist'), doors: ['src/backend/index.ts'] })
  for (const part of ['bin', 'package.json']) cpSync(join(from, part), join(to, part), { recursive: true })
  cpSync(join(project, 'test', 'torture', 'faults', 'door.ts'), join(to, 'door.ts'))
  copyModules(join(from, 'node_modules'), join(to, 'node_modules'))
  return to
}

/** As links to the same files where that can be: somebody may run `npm ci` meanwhile. */
function copyModules(from: string, to: string): void {
  const { status } = spawnSync('cp', ['-rlL', from, to], { stdio: 'ignore' })
  if (status === 0) return
  rmSync(to, { recursive: true, force: true })
  symlinkSync(from, to)
}

async function endOf(running: RunningCommand): Promise<RunResult> {
  try {
    return await running.result
  } catch (thrown) {
    throw new TortureFailure('a command hangs', [(thrown as Error).message])
  }
}

function doorOrder(disturbance: Disturbance, program: string): DoorOrder | undefined {
  if (disturbance.kind === 'moment') return { program, moment: disturbance }
  if (disturbance.kind === 'storage') return { program, faults: disturbance.faults }
  return disturbance.kind === 'clock' ? { program, clock: disturbance } : undefined
}

/** Faults that the program is not asked to survive, only to report. */
function mayFailFromOutside(disturbance: Disturbance): boolean {
  if (disturbance.kind === 'clock') return true
  return (
    disturbance.kind === 'storage' && disturbance.faults.some(({ what }) => what === 'cut read' || what === 'flip read')
  )
}

function howItEnded({ code, signal, stderr, stdout }: RunResult): string {
  if (signal !== null) return signal === 'SIGKILL' ? 'killed' : signal
  if (code === 0) return 'ok'
  if (code === 3) return 'incomplete'
  if (code === 11) return 'locked'
  if (code === 130) return 'interrupted'
  const stable = /^Fatal: .*\(([A-Z0-9_]+)\)$/m.exec(stderr)?.[1] ?? /"error":"([A-Z0-9_]+)"/.exec(stderr + stdout)?.[1]
  return stable ?? `exit code ${code}`
}

/** An end without a stable code, with a stack trace, or by a signal that nobody sent, is a crash. */
function refuseCrash(args: readonly string[], result: RunResult, how: string): void {
  const hasTrace = /^ {2,}at .+[:(]\d+:\d+\)?$/m.test(result.stderr)
  const isCrash = how === 'UNEXPECTED' || how.startsWith('exit code') || (how.startsWith('SIG') && !isSent(how))
  if (isCrash || hasTrace) refuse(`understudy ${args.join(' ')} crashed: ${how}`, result)
}

/** Before the program has begun to listen, these end it as they end any program. */
function isSent(how: string): boolean {
  return how === 'SIGTERM' || how === 'SIGINT'
}

export function refuse(sentence: string, { stdout, stderr }: Pick<RunResult, 'stdout' | 'stderr'>): never {
  throw new TortureFailure(sentence, [...stderr.split('\n').slice(-40), ...stdout.split('\n').slice(-20)])
}
