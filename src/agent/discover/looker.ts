import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { messageOf, programModule } from '#base'
import type { Cancellable } from '#base'
import type { LookAnswer, LookOrder } from './messages.ts'

export interface Looking extends Omit<LookOrder, 'silent'> {
  readonly onAnswer: (answer: LookAnswer) => void
}

/**
 * Has a process look, and starts another for the probes that are left when one hangs or dies; the one that hung is told as
 * failed. Ends after `limits.probe` for each probe at the latest. Throws the signal's reason.
 */
export async function runProbes(looking: Looking, { signal }: Cancellable = {}): Promise<void> {
  let left = looking.probes
  let silent: readonly string[] | undefined
  const onAnswer = (answer: LookAnswer) => {
    if (answer.kind === 'silent') silent = answer.mounts
    if (answer.kind === 'starts') left = left.slice(left.indexOf(answer.probe) + 1)
    looking.onAnswer(answer)
  }
  while (left.length > 0) {
    signal?.throwIfAborted()
    const before = left
    const { root, platform, limits } = looking
    const ended = await lookOnce({ root, platform, limits, probes: left, silent }, onAnswer, { signal })
    if (ended === undefined) return
    const isBeforeFirst = left === before
    const probe = isBeforeFirst ? (left[0] as string) : (before[before.length - left.length - 1] as string)
    if (isBeforeFirst) left = left.slice(1) // it does not even start: that must come to an end, too
    silent ??= []
    looking.onAnswer({ kind: 'failed', probe, why: ended })
  }
}

/** Why it came to no good end, or undefined. */
async function lookOnce(
  order: LookOrder,
  onAnswer: (answer: LookAnswer) => void,
  { signal }: Cancellable,
): Promise<string | undefined> {
  const child = startLooking()
  let abort = () => undefined as void
  try {
    return await new Promise((resolve, reject) => {
      let timer = setTimeout(() => resolve(tooLong(order)), order.limits.probe)
      const finish = (why: string | undefined) => {
        clearTimeout(timer)
        resolve(why)
      }
      child.on('message', (answer: LookAnswer) => {
        if (answer.kind === 'starts') {
          clearTimeout(timer)
          timer = setTimeout(() => resolve(tooLong(order)), order.limits.probe)
        }
        onAnswer(answer)
        if (answer.kind === 'ends' || answer.kind === 'root-invalid') finish(undefined)
      })
      child.once('error', (error) => finish(`the process that looks could not be started: ${messageOf(error)}`))
      child.once('exit', (code, by) => finish(`the process that looks ended unexpectedly (${by ?? code})`))
      abort = () => {
        clearTimeout(timer)
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', abort)
      child.send(order, (error) => {
        if (error) finish(`the process that looks could not be told what to do: ${messageOf(error)}`)
      })
    })
  } finally {
    signal?.removeEventListener('abort', abort)
    leave(child)
  }
}

function tooLong({ limits }: LookOrder): string {
  return `it took longer than ${limits.probe / 1000} s; what was found until then is told`
}

/** One that hangs on a dead disk ends when the disk says so; until then it holds neither us nor anybody else. */
function leave(child: ChildProcess): void {
  child.removeAllListeners()
  child.on('error', () => undefined)
  child.kill('SIGKILL')
  if (child.connected) child.disconnect()
  child.unref()
}

/** What a program needs to find its way; anything else of our environment, secrets above all, is not handed on. */
const handedOn = [
  'PATH',
  'HOME',
  'TMPDIR',
  'XDG_RUNTIME_DIR',
  'DOCKER_HOST',
  'SystemRoot',
  'SystemDrive',
  'USERPROFILE',
]

function startLooking(): ChildProcess {
  const env = Object.fromEntries(
    handedOn.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )
  return fork(programModule('agent/discover/looking'), {
    env: { ...env, LC_ALL: 'C' },
    execArgv: ['--max-old-space-size=256'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    // A session of its own: Ctrl-C in the terminal ends us, and we end it.
    detached: process.platform !== 'win32',
  })
}
