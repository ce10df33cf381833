import { messageOf } from '#base'
import type { Cancellable } from '#base'

/** What one check found out about this machine. */
export interface Finding {
  /** Stable, for programs: `memory`, `round-trip`. */
  readonly name: string
  readonly verdict: Verdict
  /** What was measured, in a line. */
  readonly found: string
  /** What that means for whoever owns the backups. */
  readonly means: string
  /** Figures, for programs. */
  readonly figures?: Readonly<Record<string, number | string | boolean>>
}

/** `warning`: it works, but not as well or not as safely as it could. */
export type Verdict = 'ok' | 'warning' | 'failed'

export interface Check {
  readonly name: string
  /** Throws when the machine fails; what was thrown becomes the finding. */
  readonly run: (options: Cancellable) => Promise<Omit<Finding, 'name'>> | Omit<Finding, 'name'>
  /** What it means when it fails. */
  readonly ifItFails: string
}

/** Runs checks one after the other; each has a finding, whatever happens. */
export async function* runChecks(checks: readonly Check[], { signal }: Cancellable): AsyncGenerator<Finding> {
  for (const { name, run, ifItFails } of checks) {
    signal?.throwIfAborted()
    let finding: Finding
    try {
      finding = { name, ...(await run({ signal })) }
    } catch (thrown) {
      signal?.throwIfAborted()
      finding = { name, verdict: 'failed', found: messageOf(thrown), means: ifItFails }
    }
    yield finding
  }
}
