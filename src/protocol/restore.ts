import { z } from 'zod'
import { idSchema } from './answers.ts'

/** Restores as they are asked for, and as they are ordered from an agent. */

export const snapshotIdSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ thing: 'snapshot' })

/** A path as it stands in a snapshot: absolute, and no other way to say the same. */
const pathSchema = z.string().max(4096).refine(isPlainPath, 'an absolute path without "..", "." and doubled slashes')

/** Paths that one restore names: they travel in a command line. */
const pathsSchema = z
  .array(pathSchema)
  .max(200)
  .refine((paths) => paths.reduce((sum, path) => sum + path.length, 0) <= 64_000, 'fewer or shorter paths')

export const restoreTargetSchema = z.discriminatedUnion('how', [
  /** A folder that is made for this restore: below `below`, or where the machine keeps such folders. */
  z.strictObject({
    how: z.literal('new folder'),
    below: pathSchema
      .exactOptional()
      .describe('folder on the machine below which the new one is made (default: where it keeps such folders)'),
  }),
  z.strictObject({ how: z.literal('in place') }),
])

/** What is not allowed on the machine without asking waits for a yes there, or goes to a new folder. */
const otherwiseSchema = z.enum(['wait', 'new folder'])

export const latestOrIdSchema = z.union([snapshotIdSchema, z.literal('latest')])

export const askRestoreSchema = z
  .strictObject({
    /** The machine whose snapshot it is; left out: the one that restores. */
    from: idSchema
      .meta({ thing: 'machine' })
      .exactOptional()
      .describe('the machine whose data it is (default: the one that restores)'),
    snapshot: latestOrIdSchema.describe('which recovery point (default: latest)').default('latest'),
    /** None: everything. */
    paths: pathsSchema.default([]).describe('what is restored (default: everything)'),
    to: restoreTargetSchema
      .meta({
        typed: 'choice',
        description: 'where to: a new folder, or its place, over what is there (default: new folder)',
      })
      .default({ how: 'new folder' }),
    otherwise: otherwiseSchema
      .default('wait')
      .describe('what is not allowed there unasked: waits for a yes on the machine, or goes to a new folder'),
    /** Owners, setuid bits and devices of what is not in the machine's own list, too: waits for a yes. */
    withOwners: z
      .boolean()
      .default(false)
      .describe('owners, setuid bits and devices of what is not its own, too: waits for a yes'),
  })
  .refine(({ paths, to }) => to.how === 'new folder' || paths.length > 0, {
    message: 'what is restored in place is named',
    path: ['paths'],
  })
export type AskRestore = z.output<typeof askRestoreSchema>

export const restoreOrderSchema = z.object({
  snapshotId: snapshotIdSchema,
  /** The repository that it lies in; left out: the machine's own. */
  repositoryId: idSchema.optional(),
  paths: pathsSchema,
  to: restoreTargetSchema,
  otherwise: otherwiseSchema,
  withOwners: z.boolean(),
})
export type RestoreOrder = z.output<typeof restoreOrderSchema>

/** How a machine reads the repository of another: the credential reads only, and only while the operation runs. */
export const readAccessSchema = z.object({
  repositoryId: idSchema,
  url: z.string(),
  user: z.string(),
  secret: z.string(),
  /** Null: the client keeps it from the server; it is typed on the machine. */
  password: z.string().nullable(),
})

/** What a machine that takes the place of a lost one goes on with. */
export const handoverSchema = z.object({
  /** The lost machine had a repository. */
  hasRepository: z.boolean(),
  /** Its password; null: the server does not have it, or the machine has shown already that it knows it. */
  password: z.string().nullable(),
})

/** Why an operation waits: shown to those who watch. */
export const setAsideSchema = z.object({
  epoch: z.int(),
  step: z.string().min(1).max(200),
  days: z.int().min(1).max(30),
})

/** Absolute, and written in the one plain way: what is compared as text then is what is meant. */
function isPlainPath(path: string): boolean {
  if (!path.startsWith('/') || path.includes('\0')) return false
  return (
    path === '/' ||
    path
      .slice(1)
      .split('/')
      .every((name) => name !== '' && name !== '.' && name !== '..')
  )
}
