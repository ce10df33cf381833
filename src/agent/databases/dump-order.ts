import { readFile } from 'node:fs/promises'
import { messageOf } from '#base'
import { z } from 'zod'
import { DatabaseError } from './errors.ts'

/**
 * What the agent tells the program that makes its dumps, in a file: which databases, and what the last good dumps were like.
 * Secrets are not in it: passwords lie in files of their own.
 */

const text = z.string().min(1).max(4096)

const connectionSchema = z.strictObject({
  host: text.optional(),
  port: z.int().optional(),
  user: text.optional(),
  passwordFile: text.optional(),
})

export const serverPlanSchema = z.strictObject({
  engine: z.enum(['postgresql', 'mysql']),
  name: text,
  connection: connectionSchema.optional(),
  programs: text.optional(),
  databases: z.array(text).optional(),
  lockTables: z.boolean().exactOptional(),
})

export const lastDumpSchema = z.object({ path: text, bytes: z.number() })

const dumpOrderSchema = z.strictObject({
  plan: z.strictObject({
    servers: z.array(serverPlanSchema).default([]),
    files: z.array(z.strictObject({ engine: z.literal('sqlite'), path: text })).default([]),
    hooks: z.array(z.strictObject({ hook: text, file: text.optional() })).default([]),
    workFolder: text.optional(),
  }),
  last: z.array(lastDumpSchema).default([]),
  hooksFolder: text.optional(),
})

export type DumpOrder = z.output<typeof dumpOrderSchema>

/** Throws DATABASE_PLAN_INVALID. */
export async function readDumpOrder(path: string): Promise<DumpOrder> {
  try {
    return dumpOrderSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    throw new DatabaseError('DATABASE_PLAN_INVALID', { reason: `${path}: ${messageOf(cause)}`, cause })
  }
}
