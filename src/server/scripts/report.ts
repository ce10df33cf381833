import { z } from 'zod'

/**
 * What a script sends after each run; the same from all systems. `summary` is restic's own, as `backup --json` prints it last.
 * Everything in it comes from a machine that may lie: whether the snapshot exists is for the server's ledger to say.
 */
export const scriptReport = z.object({
  format: z.literal(1),
  system: z.enum(['linux', 'macos', 'windows']),
  machine: z.string().min(1).max(255),
  started: z.iso.datetime(),
  ended: z.iso.datetime(),
  /** restic's: 0 all well, 3 something could not be read; 127 when there was no restic to run. */
  exitCode: z.int(),
  /** The version of restic. */
  restic: z.string().max(40).nullable(),
  summary: z
    .object({
      message_type: z.literal('summary'),
      snapshot_id: z
        .string()
        .regex(/^[0-9a-f]{8,64}$/)
        .optional(),
      files_new: z.int().nonnegative(),
      files_changed: z.int().nonnegative(),
      files_unmodified: z.int().nonnegative(),
      total_files_processed: z.int().nonnegative(),
      total_bytes_processed: z.int().nonnegative(),
      data_added: z.int().nonnegative(),
    })
    .nullable(),
  /** What was printed as an error: the last lines, cut. */
  errors: z.array(z.string().max(2_000)).max(20),
})

export type ScriptReport = z.infer<typeof scriptReport>

/** How the operation ended: a run without a snapshot is never a good one, whatever its exit code. */
export function outcomeOf({ exitCode, summary }: ScriptReport): 'done' | 'done-with-warnings' | 'failed' {
  if (summary?.snapshot_id === undefined) return 'failed'
  if (exitCode === 0) return 'done'
  return exitCode === 3 ? 'done-with-warnings' : 'failed'
}
