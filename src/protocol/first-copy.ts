import { z } from 'zod'
import { idSchema } from './answers.ts'
import { signedSnapshotSchema } from './agent.ts'

/**
 * A first copy that travels by disk. Its folder has the machine's own repository, in restic's format and with the keys that the
 * machine has already; a list of its files, a line each (`pack 3f… 17201`: type, name, bytes), in the order in which they are to
 * be taken in; and, written last, a page on which the machine signs that list. A folder without the page is not finished.
 */
export const firstCopyNames = { page: 'first-copy.json', list: 'files.txt', repository: 'repository' } as const

/** The types of file that travel, in the order in which they are taken in: what refers to others comes after them. */
export const firstCopyTypes = ['pack', 'index', 'snapshot'] as const
export type FirstCopyType = (typeof firstCopyTypes)[number]

const hashSchema = z.string().regex(/^[0-9a-f]{64}$/)

export const firstCopyPageSchema = z.object({
  version: z.literal(1),
  machineId: idSchema,
  repositoryId: idSchema,
  /** SHA-256 of the repository's config: whether it is the one that the server has. */
  configHash: hashSchema,
  /** SHA-256 of the list. */
  listHash: hashSchema,
  files: z.int().min(1),
  bytes: z.int().min(0),
  snapshots: z
    .array(signedSnapshotSchema.omit({ repositoryId: true }))
    .min(1)
    .max(1_000),
  /** The machine's, over `firstCopyText`. */
  signature: z.base64url().max(100),
})

export type FirstCopyPage = z.output<typeof firstCopyPageSchema>

/** What a machine signs of a first copy, Ed25519. */
export function firstCopyText({
  machineId,
  repositoryId,
  configHash,
  listHash,
}: Pick<FirstCopyPage, 'machineId' | 'repositoryId' | 'configHash' | 'listHash'>): string {
  return `understudy-first-copy-1\n${machineId}\n${repositoryId}\n${configHash}\n${listHash}`
}

/** Which of these snapshots the server has received: what a machine asks whose first copy is on its way. */
export const askReceivedSchema = z.object({ snapshots: z.array(hashSchema).max(1_000) })
export const receivedSchema = z.object({ received: z.array(hashSchema) })
