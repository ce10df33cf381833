import { randomBytes } from 'node:crypto'
import { mapOrdered } from '#base'
import type { Cancellable } from '#base'
import { RepositoryError } from './errors.ts'
import { encodeLockFile } from './format/lock-file.ts'
import type { LockFile } from './format/lock-file.ts'
import { lockRepository } from './lock.ts'
import { formatTime } from './format/time.ts'
import type { Repository } from './repository.ts'

export interface LineMeasured {
  /** Milliseconds that the storage takes to answer a small question: the median of several. */
  readonly latency: number
  readonly sent: Measured
  readonly fetched: Measured
}

export interface Measured {
  readonly bytes: number
  readonly seconds: number
}

export interface ProbeOptions extends Cancellable {
  /** Who the lock says it is of. */
  readonly owner: Pick<LockFile, 'hostname' | 'username'>
}

const questions = 7
/** Bytes of one probe; a lock may have a megabyte. */
const probeBytes = 512 << 10
/** At least this long, unless all probes are used up: a shorter time says nothing about a line. */
const shortestMeasure = 2_000
const mostProbes = 64

/**
 * Writes to the storage of a repository, reads back what was written, compares it and deletes it, and measures the line on
 * the way. What is written are shared locks of this process, made long with random bytes that every program passes over:
 * they hinder nobody but somebody who wants the repository for himself in these seconds, they can be deleted where
 * nothing else can, and one that is left behind is stale.
 * Throws `REPOSITORY_LOCKED`, `PROBE_DIFFERS`, and errors of the storage.
 */
export async function probeRepository(
  repository: Repository,
  { owner, signal: outer }: ProbeOptions,
): Promise<LineMeasured> {
  await using lock = await lockRepository(repository, { signal: outer })
  const { signal } = lock
  const latency = await measureLatency(repository, { signal })
  const probes = new Map<string, Buffer>()
  try {
    const sent = await send(repository, probes, { owner, signal })
    const fetched = await fetchAll(repository, probes, { signal })
    return { latency, sent, fetched }
  } finally {
    for (const name of probes.keys()) await repository.backend.delete({ type: 'lock', name })
  }
}

async function measureLatency({ backend }: Repository, options: Cancellable): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < questions; i++) {
    const start = performance.now()
    await backend.size({ type: 'config', name: '' }, options)
    times.push(performance.now() - start)
  }
  return times.toSorted((a, b) => a - b)[questions >> 1] as number
}

async function send(
  repository: Repository,
  probes: Map<string, Buffer>,
  { owner, signal }: ProbeOptions,
): Promise<Measured> {
  const start = performance.now()
  const elapsed = () => performance.now() - start
  const write = async () => {
    const json = probe(owner)
    probes.set(await repository.saveFile('lock', json, { signal }), json)
  }
  function* calls() {
    for (let i = 0; i < mostProbes && (i === 0 || elapsed() < shortestMeasure); i++) yield i
  }
  const { connections } = repository.backend
  for await (const _ of mapOrdered(calls(), write, { concurrency: connections, signal }));
  return { bytes: probes.size * probeBytes, seconds: elapsed() / 1000 }
}

async function fetchAll(
  repository: Repository,
  probes: ReadonlyMap<string, Buffer>,
  { signal }: Cancellable,
): Promise<Measured> {
  const start = performance.now()
  const read = async ([name, json]: [string, Buffer]) => {
    if ((await repository.loadFile('lock', name, { signal })).equals(json)) return
    throw new RepositoryError('PROBE_DIFFERS', { location: repository.backend.location })
  }
  const { connections } = repository.backend
  for await (const _ of mapOrdered(probes, read, { concurrency: connections, signal }));
  return { bytes: probes.size * probeBytes, seconds: (performance.now() - start) / 1000 }
}

/** A shared lock with a field that no program knows. */
function probe(owner: ProbeOptions['owner']): Buffer {
  const time = formatTime(BigInt(Date.now()) * 1_000_000n)
  const lock = encodeLockFile({ ...owner, time, exclusive: false, pid: process.pid, uid: 0, gid: 0 })
  // Text of random bytes compresses to their number.
  const padding = randomBytes(probeBytes).toString('base64')
  return Buffer.concat([lock.subarray(0, -1), Buffer.from(`,"probe":"${padding}"}`)])
}
