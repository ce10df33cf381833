import { createHash, randomFillSync } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync, readFileSync } from 'node:fs'
import { freemem, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { formatBytes, formatRate } from '#base'
import { findAbilities } from '#filesystem'
import { primitiveProofs, proveThreads } from '#repository'
import type { Check, Finding } from './finding.ts'

/** Checks of the machine itself: what it computes, keeps in memory and on disk, and what its system can do. */

type Found = Omit<Finding, 'name'>

export interface MachineOptions {
  /** A new folder for temporary files. */
  readonly place: string
  /** The folder of local caches; undefined when none are wanted. */
  readonly cacheFolder: string | undefined
  readonly threads: number
}

export function machineChecks({ place, cacheFolder, threads }: MachineOptions): Check[] {
  return [
    { name: 'node', run: checkNode, ifItFails: 'The program cannot be relied on under this Node.' },
    { name: 'clock', run: checkClock, ifItFails: clockMeaning },
    ...primitiveProofs().map(({ name, prove }): Check => ({
      name: `primitive ${name}`,
      run: async () => {
        await prove()
        return ok(
          'right for the published values, by every way that is used here',
          'Data is sealed and named as restic does it.',
        )
      },
      ifItFails:
        'Do not back up on this machine: what it computes is wrong. Suspect memory, processor or installation.',
    })),
    {
      name: 'threads',
      run: async () => {
        await proveThreads(threads)
        return ok(`${threads} worker threads start and compute right`, 'All cores work on a backup.')
      },
      ifItFails: 'Backups and restores need worker threads, and cannot run here.',
    },
    {
      name: 'memory',
      run: checkMemory,
      ifItFails: 'Do not trust this machine with data before its memory has been tested thoroughly.',
    },
    {
      name: 'system',
      run: () => checkSystem(place),
      ifItFails: 'Backups here would lack metadata, and restores would be less safe.',
    },
    {
      name: 'temporary folder',
      run: () => checkFolder(place),
      ifItFails: 'Set TMPDIR to a folder that can be written to.',
    },
    ...(cacheFolder === undefined ? [] : [cacheCheck(cacheFolder)]),
  ]
}

function cacheCheck(folder: string): Check {
  return {
    name: 'cache folder',
    run: () => checkFolder(folder),
    ifItFails:
      'Work goes on without a cache, and fetches indexes anew each time. Name another folder with --cache-dir.',
  }
}

function ok(found: string, means: string, figures?: Finding['figures']): Found {
  return { verdict: 'ok', found, means, ...(figures && { figures }) }
}

function warning(found: string, means: string, figures?: Finding['figures']): Found {
  return { verdict: 'warning', found, means, ...(figures && { figures }) }
}

const oldestNode = 24

function checkNode(): Found {
  const { version, platform, arch, versions } = process
  const found = `Node ${versions.node} on ${platform}-${arch}`
  if (Number(versions.node.split('.')[0]) < oldestNode) throw new Error(`${found}; ${oldestNode} or newer is needed`)
  return ok(found, 'It is new enough.', { node: version, platform, arch })
}

const clockMeaning =
  'Snapshots would carry wrong times, and a policy that keeps or removes by time would choose wrongly. Set the clock.'
/** Nothing was backed up with this program before. */
const notBefore = Date.UTC(2026, 0, 1)
const notAfter = Date.UTC(2100, 0, 1)

async function checkClock(): Promise<Found> {
  const [wall, steady] = [Date.now(), performance.now()]
  await new Promise((resolve) => setTimeout(resolve, 300))
  const drift = Math.abs(Date.now() - wall - (performance.now() - steady))
  const found = new Date(wall).toISOString()
  if (wall < notBefore || wall > notAfter) throw new Error(`the clock says ${found}`)
  if (drift > 100) return warning(`the clock jumped by ${Math.round(drift)} ms within 300 ms`, clockMeaning)
  return ok(`it is ${found}, and the clock runs evenly`, 'Times of snapshots can be believed.', { driftMs: drift })
}

const testedMemory = 256 << 20

/** Random bytes, their inverse and themselves again, in two places; each time read back by hash. */
function checkMemory(): Found {
  const bytes = Math.min(testedMemory, Math.floor(freemem() / 8)) & ~0xffff
  if (bytes < 1 << 20) throw new Error(`only ${formatBytes(freemem())} of memory are free`)
  const [first, second] = [Buffer.allocUnsafeSlow(bytes / 2), Buffer.allocUnsafeSlow(bytes / 2)]
  randomFillSync(first)
  const expected = sha256(first)
  first.copy(second)
  for (let round = 0; round < 2; round++) {
    for (const half of [first, second]) invert(half)
    if (!first.equals(second)) throw spoiled(bytes)
  }
  if (sha256(first) !== expected) throw spoiled(bytes)
  const free = `${formatBytes(freemem())} of ${formatBytes(totalmem())} are free`
  return ok(
    `${formatBytes(bytes)} written, inverted and read back without a fault; ${free}`,
    'No proof, but a good sign.',
    {
      testedBytes: bytes,
      freeBytes: freemem(),
    },
  )
}

function spoiled(bytes: number): Error {
  return new Error(`memory gave back other bytes than were written (${formatBytes(bytes)} tested)`)
}

function invert(bytes: Buffer): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
  for (let i = 0; i < words.length; i++) words[i] = ~(words[i] as number)
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function checkSystem(place: string): Found {
  const { native, openat2, statx, attributes } = findAbilities(place)
  const figures = { native, openat2, statx, attributes }
  if (!native) {
    return warning(
      'metadata is read through Node only',
      'Files, folders and links are kept; extended attributes, holes and nanoseconds as far as Node knows them.',
      figures,
    )
  }
  if (!statx) throw new Error('statx does not tell the size of a file that was just written')
  if (!openat2) {
    return warning(
      'the kernel has no openat2 (or a sandbox forbids it)',
      'Restores open folders step by step, which is slower and as safe.',
      figures,
    )
  }
  if (!attributes) {
    return warning(
      `the file system of ${place} keeps no extended attributes`,
      'Those of other file systems are backed up all the same.',
      figures,
    )
  }
  return ok(
    'openat2, statx and extended attributes work',
    'All metadata is kept, and no restore can leave its folder.',
    figures,
  )
}

const littleSpace = 1 << 30
const tooLittleSpace = 64 << 20
const probeBytes = 16 << 20

function checkFolder(folder: string): Found {
  makeFolder(folder)
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  if (free < tooLittleSpace) throw new Error(`${folder} has only ${formatBytes(free)} of space left`)
  const rate = writeAndRead(join(folder, `.self-check-${process.pid}`))
  const found = `${folder} can be written to (${rate}); ${formatBytes(free)} are free`
  const figures = { freeBytes: free }
  if (free < littleSpace) return warning(found, 'That is little: a large repository needs more.', figures)
  return ok(found, 'There is room for temporary files.', figures)
}

// Node's own `recursive` never ends in a folder like /proc, which is there and takes nothing.
function makeFolder(path: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  if (!existsSync(parent)) makeFolder(parent)
  mkdirSync(path, { mode: 0o700 })
}

function writeAndRead(path: string): string {
  const bytes = randomFillSync(Buffer.allocUnsafeSlow(probeBytes))
  const start = performance.now()
  try {
    writeFileSync(path, bytes, { flag: 'wx', mode: 0o600, flush: true })
    const seconds = (performance.now() - start) / 1000
    if (!readFileSync(path).equals(bytes)) throw new Error(`${path} read back differently from what was written`)
    return `${formatRate(probeBytes, seconds)} with sync`
  } finally {
    rmSync(path, { force: true })
  }
}
