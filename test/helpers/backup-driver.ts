/**
 * A backup in a process of its own that is stopped at a named moment: what a kill by chance meets once in a thousand runs.
 * Its one argument is a JSON `DriverOrder`; it prints the result, or the code of the error, as JSON.
 */
import { basename, dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UnderstudyError, systemClock } from '#base'
import type { Clock } from '#base'
import { openBackend } from '#backend'
import type { Backend, FileRef, FileType, WriteOptions } from '#backend'
import { backUp } from '#archiver'
import { createFileSource } from '#filesystem'
import { openRepository } from '#repository'

/** "Before the second pack is written" is `{ on: 'write', type: 'pack', call: 2, when: 'before' }`. */
export interface Moment {
  readonly on: 'write' | 'delete'
  readonly type: FileType
  /** Which of these calls, from 1. */
  readonly call: number
  /** 'during': a moment after the call began. */
  readonly when: 'before' | 'during' | 'after'
}

export interface DriverOrder {
  readonly location: string
  readonly password: string
  readonly target: string
  readonly tags?: readonly string[]
  readonly packSize?: number
  readonly stop?: { readonly at: Moment; readonly signal: NodeJS.Signals }
  /** How many times faster than real time the clock of the lock goes. */
  readonly speed?: number
  /** Each pack takes so many milliseconds longer. */
  readonly slow?: number
  /** More words for ssh, where the location is one of SFTP. */
  readonly sshArgs?: readonly string[]
  /** Milliseconds for which failing calls are made again. Default: not at all. */
  readonly retryLimit?: number
}

/** A backend that has the process stopped at a moment. */
function stopping(inner: Backend, { stop, slow = 0 }: DriverOrder): Backend {
  let calls = 0
  const raise = () => void process.kill(process.pid, stop?.signal)
  const around = async (on: Moment['on'], { type }: FileRef, work: () => Promise<void>) => {
    if (type === 'pack' && on === 'write' && slow > 0) await systemClock.sleep(slow)
    const hits = stop?.at.on === on && stop.at.type === type && ++calls === stop.at.call
    const when = hits ? stop.at.when : undefined
    if (when === 'before') raise()
    if (when === 'during') setImmediate(() => setImmediate(raise))
    await work()
    if (when === 'after') raise()
  }
  const write = (file: FileRef, bytes: Uint8Array, options?: WriteOptions) =>
    around('write', file, () => inner.write(file, bytes, options))
  const remove: Backend['delete'] = (file, options) => around('delete', file, () => inner.delete(file, options))
  return new Proxy(inner, {
    get(target, property) {
      if (property === 'write') return write
      if (property === 'delete') return remove
      const value: unknown = Reflect.get(target, property)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

function fastClock(speed: number): Clock {
  const [wall, steady] = [systemClock.now(), systemClock.monotonic()]
  return {
    now: () => Math.round(wall + (systemClock.now() - wall) * speed),
    monotonic: () => steady + (systemClock.monotonic() - steady) * speed,
    sleep: (milliseconds, options) => systemClock.sleep(milliseconds / speed, options),
  }
}

async function main(order: DriverOrder): Promise<void> {
  const abort = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort(new Error(name)))
  await using backend = openBackend(order.location, {
    retryLimit: order.retryLimit ?? 0,
    ...(order.sshArgs && { sftp: { args: order.sshArgs } }),
  })
  using repository = await openRepository(stopping(backend, order), { password: order.password })
  // By its name alone: the folders above it change all the time, and are no part of the snapshot then.
  const source = await createFileSource([basename(order.target)], { workingFolder: Buffer.from(dirname(order.target)) })
  const { snapshot, counts } = await backUp(repository, source, {
    identity: {
      hostname: 'here',
      username: 'ann',
      uid: 0,
      gid: 0,
      tags: order.tags ?? [],
      excludes: [],
      programVersion: 'understudy test',
    },
    threads: 2,
    packSize: order.packSize ?? 4 << 20,
    signal: abort.signal,
    ...(order.speed && { clock: fastClock(order.speed) }),
  })
  console.log(JSON.stringify({ snapshot, dataBlobs: counts.dataBlobs, treeBlobs: counts.treeBlobs }))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await main(JSON.parse(process.argv[2] ?? '') as DriverOrder)
  } catch (thrown) {
    process.stderr.write(`${(thrown as Error).stack}\n`)
    console.log(JSON.stringify({ error: thrown instanceof UnderstudyError ? thrown.code : String(thrown) }))
    process.exitCode = 1
  }
}
