import type { Clock } from '#base'
import { answers, mayHang, readMounts, textOfRaw } from '#filesystem'
import type { Mount } from '#filesystem'
import type { Finding, MachineFacts, Place, Unseen, Volume } from '#protocol'
import type { RunTool } from './commands.ts'
import { Files } from './files.ts'
import type { LookLimits } from './limits.ts'
import { readPorts } from './ports.ts'
import { readOpenFiles, readProcesses } from './processes.ts'
import type { OpenFiles, Process } from './processes.ts'
import { readEnabledUnits } from './units.ts'
import { walk } from './walk.ts'
import type { Walked, WalkOptions } from './walk.ts'

/** Gets what probes find, piece by piece, so that what was found stays when one hangs later. */
export interface Sink {
  finding(finding: Finding): void
  volume(volume: Volume): void
  unseen(unseen: Unseen): void
}

export interface MachineOptions {
  readonly root: string
  readonly platform: MachineFacts['platform']
  readonly limits: LookLimits
  readonly sink: Sink
  readonly clock: Clock
  readonly run: RunTool
  /** Mounts that are known not to answer. */
  readonly silent: readonly string[]
}

/** The machine as probes see it: what costs something is read once. */
export class Machine {
  readonly platform: MachineFacts['platform']
  readonly sink: Sink
  readonly files: Files
  readonly run: RunTool
  readonly mounts: readonly Mount[]
  readonly mountPoints: ReadonlySet<string>
  readonly #limits: LookLimits
  readonly #clock: Clock
  #until = Infinity
  #processes: readonly Process[] | undefined
  #openFiles: OpenFiles | undefined
  #ports: ReadonlySet<number> | undefined
  #units: readonly string[] | undefined

  constructor({ root, platform, limits, sink, clock, run, silent }: MachineOptions) {
    this.platform = platform
    this.sink = sink
    this.run = run
    this.files = new Files({ root, unseen: (unseen) => sink.unseen(unseen), silent: new Set(silent) })
    this.mounts = mountsOf(this.files)
    this.mountPoints = new Set(this.mounts.map(({ path }) => path))
    this.#limits = limits
    this.#clock = clock
  }

  /** A new probe: its measurements share two thirds of its time, so that the rest can be said even then. */
  startProbe(): void {
    this.#until = this.#clock.monotonic() + (this.#limits.probe * 2) / 3
  }

  get processes(): readonly Process[] {
    return (this.#processes ??= this.platform === 'linux' ? readProcesses(this.files) : [])
  }

  get openFiles(): OpenFiles {
    return (this.#openFiles ??= readOpenFiles(this.files, this.processes))
  }

  get ports(): ReadonlySet<number> {
    return (this.#ports ??= readPorts(this.files))
  }

  get enabledUnits(): readonly string[] {
    return (this.#units ??= readEnabledUnits(this.files))
  }

  walk(place: string, options: Pick<WalkOptions, 'leaveOut' | 'onFile'> = {}): Walked {
    const budget = { entries: this.#limits.entries, until: this.#until }
    return walk(place, { files: this.files, clock: this.#clock, budget, mountPoints: this.mountPoints, ...options })
  }

  /** What the places hold together. */
  measure(places: readonly Place[]): Pick<Finding, 'size' | 'changedAt'> {
    if (places.length === 0) return {}
    const walked = places.filter(({ isFile }) => !isFile).map(({ path }) => this.walk(path))
    const sizes = places.filter(({ isFile }) => isFile).map(({ path }) => this.files.size(path))
    const changes = walked.flatMap(({ changedAt }) => changedAt ?? [])
    return {
      size: {
        bytes: sum(walked.map(({ bytes }) => bytes)) + sum(sizes),
        files: sum(walked.map(({ files }) => files)) + sizes.length,
        isAtLeast: walked.some(({ isAtLeast }) => isAtLeast),
      },
      ...(changes.length > 0 && { changedAt: Math.max(...changes) }),
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** Mounts with paths as text. */
function mountsOf(files: Files): Mount[] {
  const text = files.text('/proc/self/mountinfo')
  if (text === undefined) return []
  return readMounts(Buffer.from(text)).map(({ path, root, type, source }) => ({
    path: textOfRaw(path),
    root: textOfRaw(root),
    type,
    source: textOfRaw(source),
  }))
}

/** Which of the mounts that may hang do not answer within `milliseconds`; all are asked at once. */
export async function findSilentMounts(files: Files, milliseconds: number): Promise<string[]> {
  const paths = mountsOf(files)
    .filter((mount) => mayHang(mount) && mount.type !== 'fuseblk')
    .map(({ path }) => path)
    .slice(0, mostAsked)
  const answered = await Promise.all(
    paths.map((path) => answers(Buffer.from(files.at(path)).toString('latin1'), milliseconds)),
  )
  return paths.filter((_, index) => !answered[index])
}

/** More processes that ask are not started at once. */
const mostAsked = 200
