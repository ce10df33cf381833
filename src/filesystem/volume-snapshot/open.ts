import { mkdirSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'

import { messageOf } from '#base'

import { FilesystemError } from '../errors.ts'
import { isInside, readMounts } from '../mounts.ts'
import type { Mount } from '../mounts.ts'
import { platform, toRaw } from '../platform/index.ts'
import type { ReadFrom } from '../source.ts'
import { joinPath } from '../target-tree.ts'
import { findVolumes } from './find-volumes.ts'
import { newSnapshotName, planLeftovers } from './leftovers.ts'
import { isSound, planVolumeSnapshot } from './plan.ts'
import type { VolumeChoice, VolumeSnapshotPlan } from './plan.ts'
import { runCommand } from './run-command.ts'
import type { RunCommand } from './run-command.ts'

/** How much the content of a snapshot belongs to one moment. A tag of the snapshot records it. */
export type Consistency = 'application-consistent' | 'crash-consistent' | 'as-read'

export interface VolumeSnapshotOptions {
  /** `any` takes what there is; so does `auto`, which reads the files as they are when there is nothing. */
  readonly kind: VolumeChoice
  /** What lies on other file systems is not read anyway. */
  readonly oneFileSystem?: boolean | undefined
  /** The caller has brought the applications to rest for as long as opening takes. */
  readonly atRest?: boolean | undefined
  readonly run?: RunCommand
  readonly mounts?: readonly Mount[]
}

export interface VolumeSnapshot extends AsyncDisposable {
  readonly consistency: Consistency
  /** Why it is no better, in a sentence. */
  readonly because?: string
  /** For `createFileSource`; undefined when the files are read as they are. */
  readonly readFrom: ReadFrom | undefined
}

/**
 * Takes snapshots of the volumes that the targets (absolute paths) lie on; disposing of the result drops them, which the
 * caller does in every case, also after an abort. Leftovers of crashed runs are dropped first.
 *
 * With a kind, whatever fails is thrown. With `auto`, the result says `as-read` and why. When a snapshot is lost later on
 * (full, removed), the source's `finish` throws VOLUME_SNAPSHOT_LOST in both cases: what was read belongs to no moment.
 */
export async function openVolumeSnapshot(
  targets: readonly (Buffer | string)[],
  options: VolumeSnapshotOptions,
): Promise<VolumeSnapshot> {
  try {
    return await open(
      targets.map((target) => toRaw(target)),
      options,
    )
  } catch (error) {
    if (options.kind !== 'auto') throw error
    return asRead(messageOf(error))
  }
}

function asRead(because: string): VolumeSnapshot {
  return { consistency: 'as-read', because, readFrom: undefined, [Symbol.asyncDispose]: () => Promise.resolve() }
}

async function open(targets: readonly string[], options: VolumeSnapshotOptions): Promise<VolumeSnapshot> {
  const run = options.run ?? runCommand
  const mounts = options.mounts ?? readMounts()
  const { volumes, elsewhere } = await findVolumes(targets, mounts, { run, kind: options.kind })
  const taken: VolumeSnapshotPlan[] = []
  const drop = async () => {
    for (let plan = taken.pop(); plan; plan = taken.pop()) await dropSnapshot(plan, run)
  }
  try {
    for (const volume of volumes) {
      await dropLeftovers(await planLeftovers(volume, run), run)
      const plan = planVolumeSnapshot(volume, { name: newSnapshotName(), mountFolder: tmpdir() })
      taken.push(plan) // before it is carried out: what fails half-way is taken back too
      await take(plan, run)
    }
    const outside = options.oneFileSystem ? [] : dataOutside(elsewhere, targets, mounts)
    return {
      ...grade(outside, options),
      readFrom: readFrom([...taken], elsewhere, run),
      [Symbol.asyncDispose]: drop,
    }
  } catch (cause) {
    await drop().catch(() => undefined) // the first failure is the one to tell
    if (cause instanceof FilesystemError) throw cause
    throw new FilesystemError('VOLUME_SNAPSHOT_FAILED', { reason: messageOf(cause), cause })
  }
}

function grade(outside: readonly string[], { atRest, kind }: VolumeSnapshotOptions) {
  if (outside.length === 0) return { consistency: atRest ? 'application-consistent' : 'crash-consistent' } as const
  const because = `${outside.join(', ')} is on other volumes and was read as it was`
  if (kind !== 'auto') throw new FilesystemError('VOLUME_NOT_WHOLE', { paths: outside.join(', ') })
  return { consistency: 'as-read', because } as const
}

/** File systems that hold nothing of their own. */
const pseudoTypes =
  /^(proc|sysfs|devtmpfs|devpts|tmpfs|ramfs|cgroup2?|securityfs|debugfs|tracefs|pstore|bpf|mqueue|hugetlbfs|fusectl|configfs|binfmt_misc|autofs|efivarfs|rpc_pipefs|nsfs)$/

/** What the user asked for and no snapshot holds. */
function dataOutside(elsewhere: readonly string[], targets: readonly string[], mounts: readonly Mount[]): string[] {
  const types = new Map(mounts.map(({ path, type }) => [path, type]))
  const isData = (place: string) => !pseudoTypes.test(types.get(place) ?? '')
  return elsewhere.filter((place) => isData(place) && targets.some((target) => isInside(place, target)))
}

async function take({ create, mountPoint }: VolumeSnapshotPlan, run: RunCommand): Promise<void> {
  if (mountPoint !== undefined) mkdirSync(mountPoint, { mode: 0o700 })
  for (const command of create) await run(command)
}

/** Tries everything; throws VOLUME_SNAPSHOT_NOT_DROPPED with the first failure. */
async function dropSnapshot({ drop, mountPoint, name }: VolumeSnapshotPlan, run: RunCommand): Promise<void> {
  let failure: unknown
  for (const command of drop) await run(command).catch((error: unknown) => (failure ??= error))
  if (mountPoint !== undefined) tryTo(() => rmdirSync(mountPoint))
  if (failure !== undefined) {
    throw new FilesystemError('VOLUME_SNAPSHOT_NOT_DROPPED', { name, reason: messageOf(failure), cause: failure })
  }
}

function tryTo(work: () => void): void {
  try {
    work()
  } catch {
    // It is not there, or still in use, which the command before has told.
  }
}

/** A leftover that cannot be dropped now is tried again by the next run; it does not stop this one. */
async function dropLeftovers(commands: readonly { program: string; args: readonly string[] }[], run: RunCommand) {
  for (const command of commands) await run(command).catch(() => undefined)
}

function readFrom(plans: readonly VolumeSnapshotPlan[], elsewhere: readonly string[], run: RunCommand): ReadFrom {
  const places = plans
    .map(({ volume, readAt }) => ({ volume: toRaw(volume.path), readAt: toRaw(readAt) }))
    .sort((one, other) => other.volume.length - one.volume.length)
  const map = (path: string) => {
    const place = places.find(({ volume }) => isInside(path, volume))
    // Below another mount the volume's snapshot has nothing.
    const isElsewhere = elsewhere.some((mount) => isInside(path, mount) && mount.length > (place?.volume.length ?? 0))
    if (!place || isElsewhere) return path
    const below = path.slice(place.volume === '/' ? 0 : place.volume.length).replace(/^\/+/, '')
    return below === '' ? place.readAt : joinPath(place.readAt, below)
  }
  return {
    map,
    elsewhere: new Set([...elsewhere, ...places.map(({ volume }) => volume)]),
    devices: places.map(({ volume, readAt }) => ({ seen: deviceOf(readAt), recorded: deviceOf(volume) })),
    hidden: new Set(places.map(({ readAt }) => readAt)),
    verify: () => verify(plans, run),
  }
}

function deviceOf(path: string): bigint {
  return platform.stat(joinPath(path, '.'), { follow: false }).deviceId
}

async function verify(plans: readonly VolumeSnapshotPlan[], run: RunCommand): Promise<void> {
  for (const { verify: command, volume, name } of plans) {
    let reason = 'it has run out of room'
    try {
      if (isSound(volume, await run(command))) continue
    } catch (cause) {
      reason = messageOf(cause)
    }
    throw new FilesystemError('VOLUME_SNAPSHOT_LOST', { name, reason })
  }
}
