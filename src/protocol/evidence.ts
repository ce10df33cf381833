import { z } from 'zod'
import { idSchema, timeSchema } from './answers.ts'

/** What was measured or tried, as whoever did it reports it. */

/** What a machine measured about itself. Told twice it is one: it has its id from the machine. */
export const ownEvidenceSchema = z.object({
  id: idSchema,
  /** `dump`: a database was dumped, well or badly; `dump-load`: a dump was loaded, to try it. */
  kind: z.enum(['dump', 'dump-load']),
  /** By the machine's clock. */
  measuredAt: timeSchema,
  /** What it is about: of databases the path of the dump in its snapshot. */
  subject: z.string().min(1).max(5_000),
  measured: z.record(z.string(), z.unknown()),
})
export type OwnEvidence = z.infer<typeof ownEvidenceSchema>

export const ownEvidencesSchema = z.object({ evidence: z.array(ownEvidenceSchema).min(1).max(100) })

/** The newest of each database of a machine: its dump, and the last time that one was loaded. */
export const databaseEvidenceSchema = z.object({
  subject: z.string(),
  dump: z.object({ measuredAt: timeSchema, measured: z.record(z.string(), z.unknown()) }).nullable(),
  /** The last dump that was whole: what would come back today. */
  lastGood: z.object({ measuredAt: timeSchema, measured: z.record(z.string(), z.unknown()) }).nullable(),
  load: z.object({ measuredAt: timeSchema, measured: z.record(z.string(), z.unknown()) }).nullable(),
})
