/** What a look at a machine may cost, so that it ends whatever lies there. */
export interface LookLimits {
  /** Longest time for one probe, in milliseconds; one that hangs is ended then, and the others go on. */
  readonly probe: number
  /** How long a mount may take to answer at all, in milliseconds. */
  readonly mount: number
  /** How long a tool of the machine's may take, in milliseconds. */
  readonly tool: number
  /** Files and folders that one measurement looks at. */
  readonly entries: number
}

export const defaultLimits: LookLimits = { probe: 60_000, mount: 3_000, tool: 10_000, entries: 200_000 }
