/**
 * What somebody or something has measured or tried. One open shape for every kind: a check, a test restore, a trial, a
 * line that was measured, an exercise; kinds that do not exist yet fit in as well.
 */
export interface Evidence<Values = unknown> {
  readonly id: string
  /** `restore`, `line`, `disk`, `check`, `exercise`, … */
  readonly kind: string
  /** Who or what measured it. */
  readonly by: Reporter
  /** When it was measured, milliseconds since 1970, by the server's clock. */
  readonly at: number
  /** Until when it holds; from then on it proves nothing good any more. */
  readonly holdsUntil: number
  readonly values: Values
}

export interface Reporter {
  readonly kind: 'machine' | 'server' | 'person'
  readonly id: string
  /** For sentences: `nas-1`, `Anna Miller`. */
  readonly name: string
}

/** From which copy to which machine. */
export interface Route {
  /** Id of the repository that is read. */
  readonly copy: string
  /** Id of the machine that is written to. */
  readonly machine: string
}

/**
 * A restore that was measured. A `sample` is a part, chosen at random: it gives a rate, never a restore time. A `whole` is
 * everything, timed from order to end.
 */
export interface MeasuredRestore extends Route {
  readonly scope: 'sample' | 'whole'
  readonly bytes: number
  readonly files: number
  readonly seconds: number
}

/** A line between a copy and a machine, alone on it. */
export interface MeasuredLine extends Route {
  readonly bytesPerSecond: number
}

/** How fast a machine's disk takes what is restored. */
export interface MeasuredDisk {
  readonly machine: string
  readonly bytesPerSecond: number
}

export type RestoreEvidence = Evidence<MeasuredRestore>
export type LineEvidence = Evidence<MeasuredLine>
export type DiskEvidence = Evidence<MeasuredDisk>
